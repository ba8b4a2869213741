// One Mamba layer over a chunk, in five stages with a barrier after each (Gu and Dao, arXiv 2312.00752, section 3.4).
// SPDX-License-Identifier: MIT
#include "runtime/layer.h"

namespace adder {
namespace {

// The input of a linear layer in the forms that its kernel may want.
struct LinearInput {
    const int8_t *codes;   // [tokens][codes_stride], with an input scale
    uint32_t codes_stride;
    const float *floats;   // [tokens][floats_stride], without one; or the codes as floats, for float weights
    uint32_t floats_stride;
};

constexpr float one = 1.0f;

// out[t][r] for the rows of tiles [range.begin, range.end).
void run_linear(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range, uint32_t tokens,
                float *out, uint32_t out_stride, bool add) {
    MatmulArgs args{};
    args.tile_begin = range.begin;
    args.tile_end = range.end;
    args.tokens = tokens;
    args.out = out;
    args.out_stride = out_stride;
    args.add = add;
    const bool input_is_codes = linear.input_scale != 0.0f;
    args.x_scale = input_is_codes ? &linear.input_scale : &one;
    if (input_is_codes && linear.dtype == Dtype::int8) {
        args.x = input.codes;
        args.x_stride = input.codes_stride;
        kernels.matmul_q8(linear.matrix, args);
        return;
    }
    args.x = input.floats;
    args.x_stride = input.floats_stride;
    if (linear.dtype == Dtype::int8)
        kernels.matmul_q8_f32(linear.matrix, args);
    else
        kernels.matmul_f32(linear.matrix, args);
}

// int8 activations on float weights: the float kernel takes the codes as floats.
void widen(const int8_t *codes, uint32_t n, float *floats) {
    for (uint32_t i = 0; i < n; ++i) floats[i] = static_cast<float>(codes[i]);
}

bool wants_codes_as_floats(const Linear &linear) { return linear.input_scale != 0.0f && linear.dtype == Dtype::f32; }

// RMSNorm of each token into the form that `linear` takes.
void normalize(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon, const float *norm,
               const Linear &linear, const ChunkBuffers &buffers, const float *residual, uint32_t tokens) {
    const uint32_t width = shape.d_model_padded;
    const auto one_token = [&](uint32_t t) {
        const float *r = residual + size_t{t} * width;
        if (linear.input_scale == 0.0f) {
            kernels.rmsnorm(r, norm, width, shape.d_model, norm_epsilon, buffers.in_floats + size_t{t} * width);
            return;
        }
        int8_t *codes = buffers.in_codes + size_t{t} * width;
        kernels.rmsnorm_quantize(r, norm, width, shape.d_model, norm_epsilon, 1.0f / linear.input_scale, codes);
        if (wants_codes_as_floats(linear)) widen(codes, width, buffers.in_floats + size_t{t} * width);
    };
    if (tokens == 1) {
        one_token(0);
        return;
    }
    team_run(team, tokens, [&](Range range) {
        for (uint32_t t = range.begin; t < range.end; ++t) one_token(t);
    });
}

}  // namespace

void layer_forward(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                   const LayerWeights &weights, const LayerState &state, const ChunkBuffers &buffers, uint32_t tokens) {
    const uint32_t d_inner = shape.d_inner_padded;
    const uint32_t inner_tiles = d_inner / tile_size;
    const uint32_t xz_stride = 2 * d_inner;
    float *const x = buffers.xz;
    float *const z = buffers.xz + d_inner;

    normalize(kernels, team, shape, norm_epsilon, weights.norm, weights.in_proj, buffers, buffers.residual, tokens);

    // in_proj and the convolution: the channels of a tile need only their own rows of in_proj.
    const LinearInput in{buffers.in_codes, shape.d_model_padded, buffers.in_floats, shape.d_model_padded};
    const bool u_as_codes = weights.x_proj.input_scale != 0.0f;
    team_run(team, inner_tiles, [&](Range range) {
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
        conv.codes = u_as_codes ? buffers.inner_codes : nullptr;
        conv.codes_stride = d_inner;
        conv.multiplier = u_as_codes ? 1.0f / weights.x_proj.input_scale : 0.0f;
        kernels.conv_silu(conv);
        if (wants_codes_as_floats(weights.x_proj))
            for (uint32_t t = 0; t < tokens; ++t) {
                const size_t at = size_t{t} * d_inner + range.begin * tile_size;
                widen(buffers.inner_codes + at, (range.end - range.begin) * tile_size, buffers.inner_floats + at);
            }
    });

    // The inner activation is u until x_proj has read it, and the gated output from the scan on.
    const auto inner_input = [&](const Linear &linear, const float *floats) {
        const bool widened = wants_codes_as_floats(linear);
        return LinearInput{buffers.inner_codes, d_inner, widened ? buffers.inner_floats : floats,
                           widened ? d_inner : xz_stride};
    };
    const LinearInput u = inner_input(weights.x_proj, x);
    team_run(team, weights.x_proj.matrix.tiles, [&](Range range) {
        run_linear(kernels, weights.x_proj, u, range, tokens, buffers.x_proj, shape.x_proj_padded, false);
    });

    // dt_rank numbers a token: not worth a barrier of its own.
    LinearInput dt_input{buffers.dt_codes, shape.dt_rank_padded, buffers.x_proj, shape.x_proj_padded};
    if (weights.dt_proj.input_scale != 0.0f) {
        for (uint32_t t = 0; t < tokens; ++t)
            kernels.quantize(buffers.x_proj + size_t{t} * shape.x_proj_padded, shape.dt_rank_padded,
                             1.0f / weights.dt_proj.input_scale, buffers.dt_codes + size_t{t} * shape.dt_rank_padded);
        if (wants_codes_as_floats(weights.dt_proj)) {
            widen(buffers.dt_codes, tokens * shape.dt_rank_padded, buffers.dt_floats);
            dt_input.floats = buffers.dt_floats;
            dt_input.floats_stride = shape.dt_rank_padded;
        }
    }

    // dt_proj and the scan, again channel by channel.
    const bool g_as_codes = weights.out_proj.input_scale != 0.0f;
    team_run(team, inner_tiles, [&](Range range) {
        run_linear(kernels, weights.dt_proj, dt_input, range, tokens, buffers.dt, d_inner, false);
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
        scan.codes = g_as_codes ? buffers.inner_codes : nullptr;
        scan.codes_stride = d_inner;
        scan.multiplier = g_as_codes ? 1.0f / weights.out_proj.input_scale : 0.0f;
        kernels.scan(scan);
        if (wants_codes_as_floats(weights.out_proj))
            for (uint32_t t = 0; t < tokens; ++t) {
                const size_t at = size_t{t} * d_inner + range.begin * tile_size;
                widen(buffers.inner_codes + at, (range.end - range.begin) * tile_size, buffers.inner_floats + at);
            }
    });

    const LinearInput g = inner_input(weights.out_proj, z);
    team_run(team, weights.out_proj.matrix.tiles, [&](Range range) {
        run_linear(kernels, weights.out_proj, g, range, tokens, buffers.residual, shape.d_model_padded, true);
    });
}

void head_forward(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                  const float *norm, const Linear &head, const ChunkBuffers &buffers, const float *residual,
                  uint32_t tokens, float *logits) {
    normalize(kernels, team, shape, norm_epsilon, norm, head, buffers, residual, tokens);
    const LinearInput in{buffers.in_codes, shape.d_model_padded, buffers.in_floats, shape.d_model_padded};
    team_run(team, head.matrix.tiles, [&](Range range) {
        run_linear(kernels, head, in, range, tokens, logits, shape.vocab_padded, false);
    });
}

}  // namespace adder
