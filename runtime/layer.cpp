// One Mamba layer over a chunk, in five stages with a barrier after each (Gu and Dao, arXiv 2312.00752, section 3.4).
// SPDX-License-Identifier: MIT
#include "runtime/layer.h"

namespace adder {
namespace {

// The input of a linear layer in the forms that a kernel may want.
struct LinearInput {
    int8_t *codes;  // [tokens][codes_stride]; made by the stage before, unless the input is floats
    uint32_t codes_stride;
    float *floats;  // [tokens][floats_stride]; what the codes are made of
    uint32_t floats_stride;
    float *widened;  // [tokens][widened_stride], the codes as floats: what float weights take
    uint32_t widened_stride;
    float *scales;  // [tokens], with one scale a token
};

// What work costs in multiply-accumulates of int8, roughly: one of floats; a state of the scan, with its exponential; a
// number normalized or quantized. Only the number of parts depends on it, never a bit.
constexpr uint64_t float_product_work = 4;
constexpr uint64_t scan_work = 32;
constexpr uint64_t encode_work = 16;

// What a layer is, as far as this build has such: a blob with others was refused.
bool has_float_input(const Linear &linear) { return ADDER_FLOAT_LAYERS && linear.input == Input::floats; }
bool has_float_weights(const Linear &linear) { return ADDER_FLOAT_LAYERS && linear.dtype == Dtype::f32; }
bool has_int4_weights(const Linear &linear) { return ADDER_INT4 && linear.dtype == Dtype::int4; }

// int8 activations on float weights: the float kernel takes the codes as floats.
bool wants_widened(const Linear &linear) { return !has_float_input(linear) && has_float_weights(linear); }

void widen(const int8_t *codes, uint32_t n, float *floats) {
    for (uint32_t i = 0; i < n; ++i) floats[i] = static_cast<float>(codes[i]);
}

// Makes the codes of tokens [range.begin, range.end) from floats, where the stage before has not made them already.
void encode_rows(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range) {
    const uint32_t n = linear.matrix.cols;
    for (uint32_t t = range.begin; t < range.end; ++t) {
        const float *v = input.floats + size_t{t} * input.floats_stride;
        int8_t *codes = input.codes + size_t{t} * input.codes_stride;
        switch (linear.input) {
        case Input::fixed:
            kernels.quantize(v, n, 1.0f / linear.input_scale, linear.largest_code, codes);
            break;
        case Input::hadamard:
            kernels.hadamard_quantize(v, linear.multipliers, n, 0.125f / linear.input_scale,
                                      linear.largest_code, codes);
            break;
        case Input::token:
            input.scales[t] = kernels.quantize_dynamic(v, n, linear.largest_code, codes);
            break;
        case Input::none:
        case Input::floats:
        case Input::channels: return;
        }
        if (wants_widened(linear)) widen(codes, n, input.widened + size_t{t} * input.widened_stride);
    }
}

// As above for all tokens, spread over the team where there are several.
void encode(const KernelTable &kernels, const Team &team, const Linear &linear, const LinearInput &input,
            uint32_t tokens) {
    if (tokens == 1)
        encode_rows(kernels, linear, input, Range{0, 1});
    else
        team_run(team, tokens * encode_work * linear.matrix.cols, tokens,
                 [&](Range range) { encode_rows(kernels, linear, input, range); });
}

// out[t][r] for the rows of tiles [range.begin, range.end).
void run_linear(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range,
                uint32_t tokens, float *out, uint32_t out_stride, bool add) {
    static constexpr float one = 1.0f;
    MatmulArgs args{};
    args.tile_begin = range.begin;
    args.tile_end = range.end;
    args.tokens = tokens;
    args.out = out;
    args.out_stride = out_stride;
    args.add = add;
    args.x_scale = has_float_input(linear)        ? &one
                   : linear.input == Input::token ? input.scales
                                                  : &linear.input_scale;
    args.x_scale_stride = linear.input == Input::token ? 1 : 0;
    if (!has_float_input(linear) && !has_float_weights(linear)) {
        args.x = input.codes;
        args.x_stride = input.codes_stride;
        (has_int4_weights(linear) ? kernels.matmul_q4 : kernels.matmul_q8)(linear.matrix, args);
        return;
    }
    const bool widened = wants_widened(linear);
    args.x = widened ? input.widened : input.floats;
    args.x_stride = widened ? input.widened_stride : input.floats_stride;
    (has_float_weights(linear)  ? kernels.matmul_f32
     : has_int4_weights(linear) ? kernels.matmul_q4_f32
                                : kernels.matmul_q8_f32)(linear.matrix, args);
}

// The same, spread over the team.
void run_linear_on(const Team &team, const KernelTable &kernels, const Linear &linear,
                   const LinearInput &input, Range tiles, uint32_t tokens, float *out, uint32_t out_stride,
                   bool add) {
    const uint32_t count = tiles.end - tiles.begin;
    team_run(team, linear_work(linear, count, tokens), count, [&](Range part) {
        const Range range{tiles.begin + part.begin, tiles.begin + part.end};
        run_linear(kernels, linear, input, range, tokens, out, out_stride, add);
    });
}

Range all_tiles(const Linear &linear) { return {0, linear.matrix.tiles}; }

// The input of in_proj and of the head: buffers as wide as the residual stream.
LinearInput model_input(const Shape &shape, const ChunkBuffers &buffers) {
    const uint32_t width = shape.d_model_padded;
    return {buffers.in_codes, width, buffers.in_floats, width, buffers.in_floats, width, buffers.scales};
}

// RMSNorm of each token into the form that `linear` takes.
void normalize(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
               const float *norm, const Linear &linear, const LinearInput &input, const float *residual,
               uint32_t tokens) {
    const uint32_t width = shape.d_model_padded;
    const auto some_tokens = [&](Range range) {
        for (uint32_t t = range.begin; t < range.end; ++t) {
            const float *r = residual + size_t{t} * width;
            if (linear.input == Input::fixed && !wants_widened(linear))
                kernels.rmsnorm_quantize(r, norm, width, shape.d_model, norm_epsilon,
                                         1.0f / linear.input_scale, linear.largest_code,
                                         input.codes + size_t{t} * width);
            else
                kernels.rmsnorm(r, norm, width, shape.d_model, norm_epsilon,
                                input.floats + size_t{t} * width);
        }
        if (linear.input != Input::fixed || wants_widened(linear)) encode_rows(kernels, linear, input, range);
    };
    if (tokens == 1)
        some_tokens(Range{0, 1});
    else
        team_run(team, tokens * encode_work * width, tokens, some_tokens);
}

// Codes that a fused kernel made for the channels of some tiles, as floats.
void widen_channels(const Linear &linear, const LinearInput &input, Range tiles, uint32_t tokens) {
    if (linear.input != Input::channels || !wants_widened(linear)) return;
    const uint32_t first = tiles.begin * tile_size;
    const uint32_t n = (tiles.end - tiles.begin) * tile_size;
    for (uint32_t t = 0; t < tokens; ++t)
        widen(input.codes + size_t{t} * input.codes_stride + first, n,
              input.widened + size_t{t} * input.widened_stride + first);
}

}  // namespace

uint64_t linear_work(const Linear &linear, uint32_t tiles, uint32_t tokens) {
    const bool integers = linear.input != Input::floats && linear.dtype != Dtype::f32;
    const uint64_t products = uint64_t{tile_size} * tiles * linear.matrix.cols * tokens;
    return integers ? products : float_product_work * products;
}

uint64_t layer_work(const Shape &shape, const LayerWeights &weights) {
    uint64_t work = scan_work * shape.d_inner_padded * shape.d_state;
    const Linear *const linears[] = {&weights.in_proj, &weights.x_proj, &weights.dt_proj, &weights.out_proj};
    for (const Linear *linear : linears) work += linear_work(*linear, linear->matrix.tiles, 1);
    return work;
}

void layer_forward(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                   const LayerWeights &weights, const LayerState &state, const ChunkBuffers &buffers,
                   uint32_t tokens) {
    const uint32_t d_inner = shape.d_inner_padded;
    const uint32_t inner_tiles = d_inner / tile_size;
    const uint32_t xz_stride = 2 * d_inner;
    float *const x = buffers.xz;
    float *const z = buffers.xz + d_inner;

    const LinearInput in = model_input(shape, buffers);
    normalize(kernels, team, shape, norm_epsilon, weights.norm, weights.in_proj, in, buffers.residual,
              tokens);

    // in_proj and the convolution: the channels of a tile need only their own rows of in_proj.
    const LinearInput u{buffers.inner_codes, d_inner, x, xz_stride, buffers.inner_floats, d_inner,
                        buffers.scales};
    team_run(team, linear_work(weights.in_proj, 2 * inner_tiles, tokens), inner_tiles, [&](Range range) {
        const Range z_range{range.begin + inner_tiles, range.end + inner_tiles};
        run_linear(kernels, weights.in_proj, in, range, tokens, buffers.xz, xz_stride, false);
        run_linear(kernels, weights.in_proj, in, z_range, tokens, buffers.xz, xz_stride, false);
        ConvArgs conv{};
        conv.tile_begin = range.begin;
        conv.tile_end = range.end;
        conv.tokens = tokens;
        conv.d_conv = shape.d_conv;
        conv.weight = weights.conv_weight;
        conv.bias = weights.conv_bias;
        conv.state = state.conv;
        conv.x = x;
        conv.x_stride = xz_stride;
        conv.codes = weights.x_proj.input == Input::channels ? u.codes : nullptr;
        conv.codes_stride = u.codes_stride;
        conv.multipliers = weights.x_proj.multipliers;
        conv.limit = weights.x_proj.largest_code;
        kernels.conv_silu(conv);
        widen_channels(weights.x_proj, u, range, tokens);
    });

    if (weights.x_proj.input == Input::token) encode(kernels, team, weights.x_proj, u, tokens);
    run_linear_on(team, kernels, weights.x_proj, u, all_tiles(weights.x_proj), tokens, buffers.x_proj,
                  shape.x_proj_padded, false);

    // dt_rank numbers a token: not worth a barrier of its own.
    const LinearInput dt{buffers.dt_codes,  shape.dt_rank_padded, buffers.x_proj, shape.x_proj_padded,
                         buffers.dt_floats, shape.dt_rank_padded, buffers.scales};
    encode_rows(kernels, weights.dt_proj, dt, Range{0, tokens});

    // dt_proj and the scan, again channel by channel. u has been read: its codes make room for the gated output's.
    const LinearInput g{buffers.inner_codes, d_inner, z, xz_stride, buffers.inner_floats, d_inner,
                        buffers.scales};
    const uint64_t states = uint64_t{d_inner} * shape.d_state * tokens;
    const uint64_t dt_work = linear_work(weights.dt_proj, inner_tiles, tokens) + scan_work * states;
    team_run(team, dt_work, inner_tiles, [&](Range range) {
        run_linear(kernels, weights.dt_proj, dt, range, tokens, buffers.dt, d_inner, false);
        ScanArgs scan{};
        scan.tile_begin = range.begin;
        scan.tile_end = range.end;
        scan.tokens = tokens;
        scan.d_state = shape.d_state;
        scan.A2 = weights.A2;
        scan.D = weights.D;
        scan.state = state.scan;
        scan.dt = buffers.dt;
        scan.dt_stride = d_inner;
        scan.u = x;
        scan.z = z;
        scan.uz_stride = xz_stride;
        scan.B = buffers.x_proj + shape.dt_rank_padded;
        scan.C = scan.B + shape.d_state;
        scan.bc_stride = shape.x_proj_padded;
        scan.codes = weights.out_proj.input == Input::channels ? g.codes : nullptr;
        scan.codes_stride = g.codes_stride;
        scan.multipliers = weights.out_proj.multipliers;
        scan.limit = weights.out_proj.largest_code;
        kernels.scan(scan);
        widen_channels(weights.out_proj, g, range, tokens);
    });

    if (weights.out_proj.input == Input::token || weights.out_proj.input == Input::hadamard)
        encode(kernels, team, weights.out_proj, g, tokens);
    run_linear_on(team, kernels, weights.out_proj, g, all_tiles(weights.out_proj), tokens, buffers.residual,
                  shape.d_model_padded, true);
}

void head_normalize(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                    const float *norm, const Linear &head, const ChunkBuffers &buffers, const float *residual,
                    uint32_t tokens) {
    normalize(kernels, team, shape, norm_epsilon, norm, head, model_input(shape, buffers), residual, tokens);
}

void head_logits(const KernelTable &kernels, const Team &team, const Shape &shape, const Linear &head,
                 const ChunkBuffers &buffers, Range tiles, uint32_t tokens, float *logits) {
    run_linear_on(team, kernels, head, model_input(shape, buffers), tiles, tokens, logits, shape.vocab_padded,
                  false);
}

}  // namespace adder
