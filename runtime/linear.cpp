// Linear layers: making codes of an input, and the product with the kernel that the weights and the input ask for.
// SPDX-License-Identifier: MIT
#include "runtime/linear.h"

namespace adder {
namespace {

// What a layer is, as far as this build has such: a blob with others was refused.
bool has_float_input(const Linear &linear) { return ADDER_FLOAT_LAYERS && linear.input == Input::floats; }
bool has_float_weights(const Linear &linear) { return ADDER_FLOAT_LAYERS && linear.dtype == Dtype::f32; }
bool has_int4_weights(const Linear &linear) { return ADDER_INT4 && linear.dtype == Dtype::int4; }

// int8 activations on float weights: the float kernel takes the codes as floats.
bool wants_widened(const Linear &linear) { return !has_float_input(linear) && has_float_weights(linear); }

constexpr uint32_t softcap_work = 32;  // of a logit

// What it costs to normalize or quantize vectors; one alone is not shared out.
uint64_t tokens_work(uint32_t tokens, uint32_t width) {
    return tokens == 1 ? 0 : tokens * encode_work * width;
}

void widen(const int8_t *codes, uint32_t n, float *floats) {
    for (uint32_t i = 0; i < n; ++i) floats[i] = static_cast<float>(codes[i]);
}

void multiply(const float *v, const float *weight, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; ++i) out[i] = v[i] * weight[i];
}

}  // namespace

void encode_rows(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range) {
    const uint32_t n = linear.width();
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
        if (wants_widened(linear)) widen(codes, n, input.widened + size_t{t} * input.codes_stride);
    }
}

void encode(const KernelTable &kernels, const Team &team, const Linear &linear, const LinearInput &input,
            uint32_t tokens) {
    team_run(team, tokens_work(tokens, linear.width()), tokens,
             [&](Range range) { encode_rows(kernels, linear, input, range); });
}

static void run_dense(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range,
                      uint32_t tokens, float *out, uint32_t out_stride, bool add) {
    static constexpr float one = 1.0f;
    MatmulArgs args;
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
    args.x_stride = widened ? input.codes_stride : input.floats_stride;
    (has_float_weights(linear)  ? kernels.matmul_f32
     : has_int4_weights(linear) ? kernels.matmul_q4_f32
                                : kernels.matmul_q8_f32)(linear.matrix, args);
}

void run_linear(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range,
                uint32_t tokens, float *out, uint32_t out_stride, bool add) {
    if (!linear.is_diagonal()) return run_dense(kernels, linear, input, range, tokens, out, out_stride, add);
    const uint32_t block_tiles = linear.matrix.cols / tile_size;
    while (range.begin < range.end) {
        const uint32_t at = linear.first_tile + range.begin;
        const uint32_t left = block_tiles - at % block_tiles;
        const uint32_t end = range.end - range.begin < left ? range.end : range.begin + left;
        const uint32_t first = at / block_tiles % linear.blocks * linear.matrix.cols;
        LinearInput some = input;
        some.codes += first;
        some.widened += first;
        some.floats += first;
        run_dense(kernels, linear, some, {range.begin, end}, tokens, out, out_stride, add);
        range.begin = end;
    }
}

void softcap_on(const Team &team, const KernelTable &kernels, Range tiles, uint32_t tokens, float *v,
                uint32_t stride, float cap) {
    const uint32_t count = tiles.end - tiles.begin;
    team_run(team, uint64_t{softcap_work} * tile_size * count * tokens, count, [&](Range part) {
        for (uint32_t t = 0; t < tokens; ++t)
            kernels.softcap(v + size_t{t} * stride + tile_size * (tiles.begin + part.begin),
                            tile_size * (part.end - part.begin), cap);
    });
}

void run_linear_on(const Team &team, const KernelTable &kernels, const Linear &linear,
                   const LinearInput &input, Range tiles, uint32_t tokens, float *out, uint32_t out_stride,
                   bool add) {
    const uint32_t count = tiles.end - tiles.begin;
    team_run(team, linear_work(linear, count, tokens), count, [&](Range part) {
        const Range range{tiles.begin + part.begin, tiles.begin + part.end};
        run_linear(kernels, linear, input, range, tokens, out, out_stride, add);
    });
}

void normalize(const KernelTable &kernels, const Team &team, const Norm &norm, const Linear &linear,
               const LinearInput &input, const float *in, uint32_t stride, uint32_t tokens) {
    const uint32_t width = round_up_to_tile(norm.width);
    const bool grouped = is_built(block_grouped_norms) && norm.groups > 1;
    const uint32_t group = grouped ? norm.width / norm.groups : width;
    const uint32_t numbers = grouped ? group : norm.width;
    const bool layer_norm = is_built(block_layer_norm) && norm.bias != nullptr;
    const bool weighted = is_built(block_grouped_norms) && norm.groups == 0;
    const bool to_codes = linear.input == Input::fixed && !wants_widened(linear) && !layer_norm && !weighted;
    const auto some_tokens = [&](Range range) {
        for (uint32_t t = range.begin; t < range.end; ++t)
            for (uint32_t i = 0; i < width; i += group) {
                const float *r = in + size_t{t} * stride + i;
                if (weighted)
                    multiply(r, norm.weight, width, input.floats + size_t{t} * input.floats_stride);
                else if (layer_norm)
                    kernels.layernorm(r, norm.weight, norm.bias, width, norm.epsilon,
                                      input.floats + size_t{t} * input.floats_stride);
                else if (to_codes)
                    kernels.rmsnorm_quantize(r, norm.weight + i, group, numbers, norm.epsilon,
                                             1.0f / linear.input_scale, linear.largest_code,
                                             input.codes + size_t{t} * input.codes_stride + i);
                else
                    kernels.rmsnorm(r, norm.weight + i, group, numbers, norm.epsilon,
                                    input.floats + size_t{t} * input.floats_stride + i);
            }
        if (!to_codes) encode_rows(kernels, linear, input, range);
    };
    team_run(team, tokens_work(tokens, width), tokens, some_tokens);
}

void widen_channels(const Linear &linear, const LinearInput &input, Range tiles, uint32_t tokens) {
    if (!wants_widened(linear)) return;
    const uint32_t first = tiles.begin * tile_size;
    const uint32_t n = (tiles.end - tiles.begin) * tile_size;
    for (uint32_t t = 0; t < tokens; ++t)
        widen(input.codes + size_t{t} * input.codes_stride + first, n,
              input.widened + size_t{t} * input.codes_stride + first);
}

uint64_t linear_work(const Linear &linear, uint32_t tiles, uint32_t tokens) {
    const bool integers = linear.input != Input::floats && linear.dtype != Dtype::f32;
    const uint64_t products = uint64_t{tile_size} * tiles * linear.matrix.cols * tokens;
    return integers ? products : float_product_work * products;
}

}  // namespace adder
