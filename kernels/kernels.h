// The kernel table: every inner loop of a token, one function for each, implemented once per ISA.
// SPDX-License-Identifier: MIT
//
// kernels/scalar/ is the specification; every other table returns the same bits. docs/numerics.md states the
// arithmetic in full. In short: float32, round to nearest even, never a fused multiply-add, subnormals flushed
// (kernels/float_mode.h is in force while a kernel runs), integer sums exact.
//
// Everything is laid out in tiles of 8. A matrix row, a channel of d_inner, an element of the residual stream: each is
// one of 8 lanes of a tile, so that a SIMD lane never has to be summed across. All vector lengths and strides below
// are multiples of 8; whoever makes a vector pads it with zeros. No kernel reads or writes outside of what its shapes
// name, and none needs an alignment beyond that of the element type.
#pragma once

#include <stdint.h>

#include "adder/config.h"
// Arguments and arithmetic of the kernels that are of one family alone.
#define ADDER_ARGUMENT_HEADERS
#include "kernels/kernels.inc"

// Products and sums stay apart in builds, too, that were not given -ffp-contract=off: compilers for ARM, or with FMA, would
// fuse them.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace adder {

static constexpr uint32_t tile_size = 8;

static constexpr uint32_t round_up_to_tile(uint32_t n) { return (n + (tile_size - 1)) & ~(tile_size - 1); }

// The weights of a linear layer, y = W x + bias.
struct Matrix {
    // int8: [tiles][cols/4][8 rows][4 cols];  float: [tiles][cols][8 rows];  int4: [tiles][cols/8][8 rows][4 bytes],
    // byte j of a row's 4 holding column j of the 8 in its low bits and column j+4 in its high ones, as code + 8.
    const void *weights;
    // int8: one per row [8*tiles], or a single one if !scale_per_row;  float, int4: null (scale 1)
    const float *scale;
    const float *bias;  // [8*tiles], or null for none
    uint32_t tiles;     // rows / 8, rows padded with zeros
    uint32_t cols;      // padded with zeros to a multiple of 8
    bool scale_per_row;
#if ADDER_HALF_SCALES
    bool half_scales = false;  // int4: the scales are binary16
#endif
    uint32_t group = 0;  // int4: columns a scale, a multiple of 8; the last group of a row may be shorter
    const uint16_t *group_scale = nullptr;  // int4: [tiles][ceil(cols/group)][8 rows], bfloat16 or binary16
};

static inline bool has_half_scales(const Matrix &matrix) {
#if ADDER_HALF_SCALES
    return matrix.half_scales;
#else
    return (void)matrix, false;
#endif
}

// A call of a matrix kernel: out[t][r] = result of row r for token t, for the rows of tiles [tile_begin, tile_end).
// With acc the exact or ordered sum that the kernel's own comment names,
//     v = acc * (scale[r] * x_scale[t]);  if bias: v = v + bias[r];  out = add ? out + v : v.
struct MatmulArgs {
    uint32_t tile_begin, tile_end;
    uint32_t tokens;
    const void *x;            // [tokens][x_stride], int8 or float; the first cols of each row are read
    uint32_t x_stride;        // elements, at least cols
    const float *x_scale;     // of the codes in x, int8 or as floats; 1 for an x that is no codes
    uint32_t x_scale_stride;  // 0: one scale for all tokens; 1: one per token
    float *out;               // [tokens][out_stride]; rows outside of the tile range are not touched
    uint32_t out_stride;      // at least 8*tiles
    bool add;                 // accumulate onto out (the residual stream)
};

// Depthwise causal convolution and SiLU over a chunk, in place, for channels of tiles [tile_begin, tile_end).
//     acc = bias;  for k = 0..d_conv-1: acc = acc + weight[k] * input[t - (d_conv-1) + k];  u = silu(acc)
struct ConvArgs {
    uint32_t tile_begin, tile_end;
    uint32_t tokens;
    uint32_t d_conv;
    const float *weight;  // [tiles][d_conv][8]
    const float *bias;    // [8*tiles]
    float *state;         // [tiles][d_conv-1][8], the last inputs, oldest first; updated
    float *x;             // [tokens][x_stride], inputs; replaced by u
    uint32_t x_stride;
    int8_t *codes;  // [tokens][codes_stride], q8(u, multipliers[c], limit); null: not wanted
    uint32_t codes_stride;
    const float *multipliers;  // [8*tiles], 1 / scale of the codes, one per channel; with codes only
    float limit;               // with codes only
};

// Selective scan with softplus, skip and gate over a chunk, for channels of tiles [tile_begin, tile_end).
//     d = softplus(dt);  du = d * u
//     for n = 0..d_state-1:  h[n] = exp2(d * A2[n]) * h[n] + du * B[n];   y = h[0]*C[0], then y = y + h[n] * C[n]
//     y = y + D * u;  g = y * silu(z)
struct ScanArgs {
    uint32_t tile_begin, tile_end;
    uint32_t tokens;
    uint32_t d_state;
    const float *A2;  // [tiles][d_state][8], A * log2(e): not positive
    const float *D;   // [8*tiles]
    float *state;     // [tiles][d_state][8], h; updated
    const float *dt;  // [tokens][dt_stride], before softplus, bias included
    uint32_t dt_stride;
    const float *u;  // [tokens][uz_stride]
    float *z;        // [tokens][uz_stride]; replaced by g if codes is null
    uint32_t uz_stride;
    const float *B;      // [tokens][bc_stride][d_state], the same for all channels
    const float *C;      // as B
    uint32_t bc_stride;  // any number from d_state on
    int8_t *codes;       // [tokens][codes_stride], q8(g, multipliers[c], limit); null: g goes to z
    uint32_t codes_stride;
    const float *multipliers;  // [8*tiles], 1 / scale of the codes, one per channel; with codes only
    float limit;               // with codes only
};

// In every function q8(v, m, limit) = v*m, clamped to [-limit, limit] (NaN: limit), rounded half to even. The limit is an
// integer in [1, 127]: 127 for codes of 8 bits, 7 for 4. Vectors are of n elements. kernels.inc lists the kernels.

// matmul_q8: int8 weights, int8 x: the exact int32 sum over cols (codes are in [-127, 127], cols <= 2^17), converted to
//     float.
// matmul_q8_f32: int8 weights, float x: acc = 0; for k = 0..cols-1: acc = acc + float(weight[k]) * x[k].
// matmul_f32: float weights, float x: acc = 0; for k = 0..cols-1: acc = acc + weight[k] * x[k].
// matmul_q4: int4 weights, int8 x: acc = 0; for each group g in order: acc = acc + float(sum) * scale[g], sum the exact
//     int32 sum of code * x over the group's columns (x in [-127, 127], cols <= 2^17).
// matmul_q4_f32: int4 weights, float x: acc = 0; for k = 0..cols-1: acc = acc + (float(code[k]) * scale[k / group]) * x[k].
using MatmulKernel = void(const Matrix &matrix, const MatmulArgs &args);

// rmsnorm: the sum of squares over 8 lanes, lane i taking elements i, i+8, ...; then s = ((l0+l4)+(l2+l6)) +
// ((l1+l5)+(l3+l7));  inv = 1 / sqrt(s / float(d_model) + epsilon);  out[i] = (r[i] * inv) * weight[i]. n is d_model padded
// to 8; out may be r. RMSNorm: Zhang and Sennrich, arXiv 1910.07467.
using RmsnormKernel = void(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon,
                           float *out);
// rmsnorm_quantize: the same with out[i] = q8((r[i] * inv) * weight[i], multiplier, limit).
using RmsnormQuantizeKernel = void(const float *r, const float *weight, uint32_t n, uint32_t d_model,
                                   float epsilon, float multiplier, float limit, int8_t *out);

// layernorm: mean = sum of r / float(n), then of d[i] = r[i] - mean the sum of squares, each sum over 8 lanes as rmsnorm's;
// inv = 1 / sqrt(sum / float(n) + epsilon);  out[i] = (d[i] * inv) * weight[i] + bias[i]. n is a multiple of 8, without padding;
// out may be r.
using LayernormKernel = void(const float *r, const float *weight, const float *bias, uint32_t n,
                             float epsilon, float *out);
// activate: v[i] = f(v[i]) by scalar/math.h; relu_squared is p * p with p = v[i] > 0 ? v[i] : 0.
enum class Activation : uint8_t { sigmoid, tanh, relu_squared };
using ActivateKernel = void(float *v, uint32_t n, Activation activation);

// quantize: out[i] = q8(v[i], multiplier, limit).
using QuantizeKernel = void(const float *v, uint32_t n, float multiplier, float limit, int8_t *out);
// quantize_dynamic: one scale for the whole vector, found on the way: a = 0; a = |v[i]| > a ? |v[i]| : a for every i (the
// order is free, NaNs are passed over); a = a < max ? a : max, the largest finite float. If a >= 2^-119, out[i] = q8(v[i],
// limit / a, limit) and the result is a / limit; else out[i] = q8(v[i], 0, limit), which is 0 unless v[i] is a NaN, and
// the result is 1. The result is always finite, normal and positive.
using QuantizeDynamicKernel = float(const float *v, uint32_t n, float limit, int8_t *out);
// hadamard_quantize: t[i] = v[i] * factors[i]; each block of 64 of t through hadamard64 (kernels/scalar/hadamard.h);
// out[i] = q8(t[i], multiplier, limit). n is a multiple of 64. The transform is not normalised: 1/8 of it is orthonormal,
// and belongs into multiplier.
using HadamardQuantizeKernel = void(const float *v, const float *factors, uint32_t n, float multiplier,
                                    float limit, int8_t *out);

// conv_silu, scan: above their arguments.
using ConvSiluKernel = void(const ConvArgs &args);
using ScanKernel = void(const ScanArgs &args);

// The sampler's, on logits of any number.
// clamp: v[i] = v[i] > -limit ? v[i] : -limit (NaN: -limit);  v[i] = v[i] < limit ? v[i] : limit;  v[i] = v[i] + 0, which
// makes one zero of -0 and of subnormals.
using ClampKernel = void(float *v, uint32_t n, float limit);
// argmax: the first of the largest of at least one; none is a NaN or -0.
using ArgmaxKernel = uint32_t(const float *v, uint32_t n);
// softmax_weights: v[i] = v[i] > -limit ? exp2((v[i] - highest) * factor) : 0.
using SoftmaxWeightsKernel = void(float *v, uint32_t n, float highest, float factor, float limit);

struct KernelTable {
    const char *name;  // of isas.inc
    bool (*usable)();  // does this CPU (and its operating system) run it?
    // Multiply-accumulates that matmul_q8 does in two or three microseconds: what it costs to hand them to another
    // thread, and its cache lines with them. The default of adder_options.least_part.
    uint32_t least_part;
#define ADDER_KERNEL(kernel, type, part, step) type *kernel;
#include "kernels/kernels.inc"
};

// A kernel of a part of the library that may not be built; null then, and nothing is left of it in the program.
template <typename Kernel>
constexpr Kernel *kernel_if(bool part, Kernel *kernel) {
    return part ? kernel : nullptr;
}

// The tables that are built, best last; `count` gets their number, at least 1: the first, scalar, runs everywhere. On a
// Cortex-M with dsp or helium that one is alone. A table may need more than this CPU has: ask its `usable` first.
const KernelTable *const *kernels_built(uint32_t *count);
// The best usable table, or the one of that name (null: not built, or not usable on this CPU).
const KernelTable *kernels_best();
const KernelTable *kernels_find(const char *name);
// The name in the environment variable ADDER_ISA; null where it is empty or not set, or there is no environment.
const char *kernels_environment();
// What a session computes with: the table of that name, or of ADDER_ISA if it is null, or else the best one. Null where
// the one that is asked for cannot be had.
const KernelTable *kernels_choose(const char *name);
// A table's index in the list, for callers that store a number. kernels_at gives the first table for an index out of range.
uint32_t kernels_index(const KernelTable *table);
const KernelTable *kernels_at(uint32_t index);

}  // namespace adder
