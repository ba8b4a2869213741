// int8 activations times int8 and int4 weights with the dot product instruction of Armv8.2 (SDOT).
// SPDX-License-Identifier: MIT
//
// SDOT adds to each int32 lane the four products of its four bytes, exactly. A register of int8 weights holds 4 columns
// of 4 rows, and the instruction repeats a lane of x, 4 codes, for all rows by itself: 16 codes of x serve 16 columns.
// int4 weights go in unsigned, as code + 8: the sums of a group begin at -8 times the sum of its x.
#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#include "kernels/arm/matmul_dotprod.h"
#include "kernels/arm/matmul_neon.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace dotprod {

namespace {

using Sums = int32x4_t[2];  // of the 8 rows of a tile

// sum + the products of 16 columns: weights of columns 0..7 and 8..15.
inline void sum_add(Sums &sum, const int8x16x4_t &first, const int8x16x4_t &second, int8x16_t x) {
    for (uint32_t h = 0; h < 2; ++h) {
        sum[h] = vdotq_laneq_s32(sum[h], first.val[h], x, 0);
        sum[h] = vdotq_laneq_s32(sum[h], first.val[2 + h], x, 1);
        sum[h] = vdotq_laneq_s32(sum[h], second.val[h], x, 2);
        sum[h] = vdotq_laneq_s32(sum[h], second.val[2 + h], x, 3);
    }
}

// sum + the products of 8 columns.
inline void sum_add(Sums &sum, const int8x16x4_t &weights, int8x8_t x) {
    for (uint32_t h = 0; h < 2; ++h) {
        sum[h] = vdotq_lane_s32(sum[h], weights.val[h], x, 0);
        sum[h] = vdotq_lane_s32(sum[h], weights.val[2 + h], x, 1);
    }
}

inline void finish(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token,
                   const Sums &sum) {
    neon::tile_finish(matrix, args, tile, token, to_float(neon::i32x8{sum[0], sum[1]}));
}

// All tiles for one token. No prefetch: the weights are a single stream, tile after tile, which the hardware follows.
void stream(const Matrix &matrix, const MatmulArgs &args) {
    const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * args.tile_begin;
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const int8_t *x = static_cast<const int8_t *>(args.x);
        Sums even = {}, odd = {};
        for (uint32_t left = matrix.cols / 64; left != 0; --left, x += 64) {
            const int8x16x4_t codes = vld1q_s8_x4(x);
#pragma GCC unroll 4
            for (uint32_t i = 0; i < 4; ++i) {
                const int8x16x4_t first = neon::weights_next(w), second = neon::weights_next(w);
                sum_add(i % 2 == 0 ? even : odd, first, second, codes.val[i]);
            }
        }
#pragma GCC unroll 1
        for (uint32_t left = matrix.cols % 64 / 16; left != 0; --left, x += 16) {
            const int8x16x4_t first = neon::weights_next(w), second = neon::weights_next(w);
            sum_add(even, first, second, vld1q_s8(x));
        }
        if (matrix.cols % 16 != 0) sum_add(odd, neon::weights_next(w), vld1_s8(x));
        finish(matrix, args, tile, 0, {vaddq_s32(even[0], odd[0]), vaddq_s32(even[1], odd[1])});
    }
}

// One tile for `Tokens` tokens; the weights are read once.
template <uint32_t Tokens>
void block(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
    const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
    const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * token;
    Sums sum[Tokens] = {};
    uint32_t left = matrix.cols;
    for (; left >= 16; left -= 16, x += 16, w += 128) {
        const int8x16x4_t first = vld1q_s8_x4(w), second = vld1q_s8_x4(w + 64);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t)
            sum_add(sum[t], first, second, vld1q_s8(x + size_t{args.x_stride} * t));
    }
    if (left != 0) {
        const int8x16x4_t weights = vld1q_s8_x4(w);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t)
            sum_add(sum[t], weights, vld1_s8(x + size_t{args.x_stride} * t));
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) finish(matrix, args, tile, token + t, sum[t]);
}

}  // namespace

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    if (args.tokens == 1) {
        stream(matrix, args);
        return;
    }
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        uint32_t token = 0;
        for (; args.tokens - token >= 4; token += 4) block<4>(matrix, args, tile, token);
        for (; args.tokens - token >= 2; token += 2) block<2>(matrix, args, tile, token);
        if (token < args.tokens) block<1>(matrix, args, tile, token);
    }
}

// ---- int4 weights ---------------------------------------------------------------------------------------------------

namespace {

// sum + the products of 16 columns, or of 8.
inline void sum_add(Sums &sum, const int8x16x4_t &weights, int8x16_t x) {
    for (uint32_t h = 0; h < 2; ++h) {
        sum[h] = vdotq_laneq_s32(sum[h], neon::low_nibbles(weights.val[h]), x, 0);
        sum[h] = vdotq_laneq_s32(sum[h], neon::high_nibbles(weights.val[h]), x, 1);
        sum[h] = vdotq_laneq_s32(sum[h], neon::low_nibbles(weights.val[2 + h]), x, 2);
        sum[h] = vdotq_laneq_s32(sum[h], neon::high_nibbles(weights.val[2 + h]), x, 3);
    }
}
inline void sum_add(Sums &sum, int8x16_t rows0, int8x16_t rows4, int8x8_t x) {
    sum[0] = vdotq_lane_s32(sum[0], neon::low_nibbles(rows0), x, 0);
    sum[1] = vdotq_lane_s32(sum[1], neon::low_nibbles(rows4), x, 0);
    sum[0] = vdotq_lane_s32(sum[0], neon::high_nibbles(rows0), x, 1);
    sum[1] = vdotq_lane_s32(sum[1], neon::high_nibbles(rows4), x, 1);
}

// One tile for `Tokens` tokens; the weights are read once. starts [Tokens][groups].
template <uint32_t Tokens>
void block(const Matrix &matrix, const MatmulArgs &args, const neon::Q4Groups &groups, uint32_t tile,
           uint32_t token, const int32_t *starts) {
    const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{4} * matrix.cols * tile;
    const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * token;
    const uint16_t *scale = matrix.group_scale + 8 * groups.count * tile;
    const bool half = has_half_scales(matrix);
    neon::f32x8 acc[Tokens] = {};
    for (uint32_t at = 0; at < groups.blocks; scale += 8, ++starts) {
        Sums sum[Tokens];
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) sum[t][0] = sum[t][1] = vdupq_n_s32(starts[groups.count * t]);
        uint32_t left = groups.blocks_at(at);
        at += left;
        for (; left >= 4; left -= 4) {
            const int8x16x4_t first = neon::weights_next(w), second = neon::weights_next(w);
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t) {
                sum_add(sum[t], first, vld1q_s8(x + size_t{args.x_stride} * t));
                sum_add(sum[t], second, vld1q_s8(x + size_t{args.x_stride} * t + 16));
            }
            x += 32;
            __asm__("" : "+r"(x));  // counts down `left` alone, not to an end of x computed beforehand
        }
#pragma GCC unroll 1
        for (; left != 0; --left, w += 32, x += 8) {
            const int8x16_t rows0 = vld1q_s8(w), rows4 = vld1q_s8(w + 16);
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t)
                sum_add(sum[t], rows0, rows4, vld1_s8(x + size_t{args.x_stride} * t));
        }
        const neon::f32x8 group_scale = neon::group_scales(scale, half);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) acc[t] = neon::group_add(acc[t], sum[t], group_scale);
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) neon::tile_finish(matrix, args, tile, token + t, acc[t]);
}

// The tokens from `begin` to `end`, whose starts are given.
void tokens_all(const Matrix &matrix, const MatmulArgs &args, const neon::Q4Groups &groups, uint32_t begin,
                uint32_t end, const int32_t *starts) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        uint32_t token = begin;
        for (; end - token >= 4; token += 4)
            block<4>(matrix, args, groups, tile, token, starts + groups.count * (token - begin));
        for (; end - token >= 2; token += 2)
            block<2>(matrix, args, groups, tile, token, starts + groups.count * (token - begin));
        if (token < end) block<1>(matrix, args, groups, tile, token, starts + groups.count * (token - begin));
    }
}

}  // namespace

void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    if (!neon::q4_by_tokens(matrix, args, tokens_all)) scalar::matmul_q4(matrix, args);
}

}  // namespace dotprod
}  // namespace adder

#endif  // __aarch64__ && __ARM_FEATURE_DOTPROD
