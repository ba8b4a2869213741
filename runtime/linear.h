// A linear layer with what is made of its input: the codes, and the product with the kernel for both.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/model.h"
#include "runtime/team.h"

namespace adder {

// What work costs in multiply-accumulates of int8, roughly: one of floats; a state of the scan, with its exponential; a
// number normalized or quantized. Only the number of parts depends on it, never a bit.
constexpr uint64_t float_product_work = 4;
constexpr uint8_t scan_work = 32;
constexpr uint64_t encode_work = 16;

// The input of a linear layer in the forms that a kernel may want.
struct LinearInput {
    int8_t *codes;   // [tokens][codes_stride]; made by the stage before, unless the input is floats
    float *widened;  // [tokens][codes_stride], the codes as floats: what float weights take
    uint32_t codes_stride;
    float *floats;  // [tokens][floats_stride]; what the codes are made of
    uint32_t floats_stride;
    float *scales;  // [tokens], with one scale per token
};

// What some tiles of a linear layer cost, in multiply-accumulates of int8, as team_run wants to know it.
uint64_t linear_work(const Linear &linear, uint32_t tiles, uint32_t tokens);

// Makes the codes of tokens [range.begin, range.end) from floats, where the stage before has not made them already.
void encode_rows(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range);
// The same for all tokens, spread over the team where there are several.
void encode(const KernelTable &kernels, const Team &team, const Linear &linear, const LinearInput &input,
            uint32_t tokens);

// RMSNorm of vectors of `width` numbers, in groups of equal width that are normalized by themselves; in 0 groups the weights alone;
// with a bias LayerNorm, of a width that is a multiple of 8.
struct Norm {
    const float *weight;  // [width], padded
    uint32_t width, groups;
    float epsilon;
    const float *bias = nullptr;
};
// The norm of each token, in [tokens][stride], into the form that `linear` takes. `in` may be input.floats.
void normalize(const KernelTable &kernels, const Team &team, const Norm &norm, const Linear &linear,
               const LinearInput &input, const float *in, uint32_t stride, uint32_t tokens);

// Codes of some tiles of the input that a fused kernel made, or that were made for another linear layer, as floats,
// where this one takes them so.
void widen_channels(const Linear &linear, const LinearInput &input, Range tiles, uint32_t tokens);

// out[t][r] for the rows of tiles [range.begin, range.end).
void run_linear(const KernelTable &kernels, const Linear &linear, const LinearInput &input, Range range,
                uint32_t tokens, float *out, uint32_t out_stride, bool add);
// The same, spread over the team.
void run_linear_on(const Team &team, const KernelTable &kernels, const Linear &linear,
                   const LinearInput &input, Range tiles, uint32_t tokens, float *out, uint32_t out_stride,
                   bool add);

// v[t][r] = cap * tanh(v[t][r] / cap) for the rows of some tiles, spread over the team. Where is_built(block_scaled_ends).
void softcap_on(const Team &team, const KernelTable &kernels, Range tiles, uint32_t tokens, float *v,
                uint32_t stride, float cap);

inline Range all_tiles(const Linear &linear) { return {0, linear.matrix.tiles}; }
inline Range input_tiles(const Linear &linear) { return {0, linear.width() / tile_size}; }

}  // namespace adder
