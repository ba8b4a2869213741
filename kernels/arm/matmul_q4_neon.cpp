// int4 weights times int8 activations, NEON without dot products: AArch64 and 32-bit ARM.
// SPDX-License-Identifier: MIT
//
// weights [tiles][cols/8][8 rows][4 bytes]: a register holds 8 columns of 4 rows, 0..3 in the low bits and 4..7 in the
// high ones, taken unsigned, as code + 8. Products are 16 bits wide and summed there over a segment of up to 4 blocks (32
// columns), and then with their neighbours: 16 products of at most 15 * 127, less than 2^15. Again neighbours are added
// for the sum of a group, 32 bits wide, which begins at -8 times the sum of its x.
#if defined(__ARM_NEON)

#include "kernels/arm/matmul_neon.h"
#include "kernels/arm/products_neon.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace neon {

namespace {

using Products = int16x8_t[4];   // [i]: four sums of row 2i, four of row 2i + 1
using GroupSums = int32x4_t[2];  // of the 8 rows of a tile

// sum + the products of a block. rows [2]: of rows 0..3, 4..7.
inline void products_add(Products &sum, const int8x16_t *rows, int8x8_t x) {
    const RepeatedCodes first = repeat_codes<0>(x), second = repeat_codes<1>(x);
    for (uint32_t h = 0; h < 2; ++h) {
        sum[2 * h] = product_add_low(sum[2 * h], low_nibbles(rows[h]), first);
        sum[2 * h + 1] = product_add_high(sum[2 * h + 1], low_nibbles(rows[h]), first);
    }
    for (uint32_t h = 0; h < 2; ++h) {
        sum[2 * h] = product_add_low(sum[2 * h], high_nibbles(rows[h]), second);
        sum[2 * h + 1] = product_add_high(sum[2 * h + 1], high_nibbles(rows[h]), second);
    }
    for (int16x8_t &part : sum) pin(part);
}

inline void segment_add(GroupSums &sum, const Products &products) {
    for (uint32_t h = 0; h < 2; ++h)
        sum[h] = vpadalq_s16(sum[h], add_neighbours(products[2 * h], products[2 * h + 1]));
}

// One tile for `Tokens` tokens; the weights are read once. starts [Tokens][groups].
template <uint32_t Tokens>
void q4_block(const Matrix &matrix, const MatmulArgs &args, const Q4Groups &groups, uint32_t tile,
              uint32_t token, const int32_t *starts) {
    const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{4} * matrix.cols * tile;
    const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * token;
    const uint16_t *scale = matrix.group_scale + 8 * groups.count * tile;
    const bool half = has_half_scales(matrix);
    f32x8 acc[Tokens] = {};
    for (uint32_t at = 0; at < groups.blocks; scale += 8, ++starts) {
        GroupSums sum[Tokens];
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) sum[t][0] = sum[t][1] = vdupq_n_s32(starts[groups.count * t]);
        uint32_t left = groups.blocks_at(at);
        at += left;
        for (; left >= 4; left -= 4, x += 32) {
            Products products[Tokens] = {};
#pragma GCC unroll 2
            for (uint32_t i = 0; i < 32; i += 16) {
                const int8x16x4_t weights = weights_next(w);
#pragma GCC unroll 8
                for (uint32_t t = 0; t < Tokens; ++t) {
                    const int8_t *codes = x + size_t{args.x_stride} * t + i;
                    products_add(products[t], weights.val, codes_load(codes));
                    products_add(products[t], weights.val + 2, codes_load(codes + 8));
                }
            }
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t) segment_add(sum[t], products[t]);
        }
        for (; left != 0; --left, w += 32, x += 8) {
            const int8x16_t rows[2] = {vld1q_s8(w), vld1q_s8(w + 16)};
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t) {
                Products products = {};
                products_add(products, rows, codes_load(x + size_t{args.x_stride} * t));
                segment_add(sum[t], products);
            }
        }
        const f32x8 group_scale = group_scales(scale, half);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) acc[t] = group_add(acc[t], sum[t], group_scale);
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) tile_finish(matrix, args, tile, token + t, acc[t]);
}

// The tokens from `begin` to `end`, whose starts are given.
void tokens_all(const Matrix &matrix, const MatmulArgs &args, const Q4Groups &groups, uint32_t begin,
                uint32_t end, const int32_t *starts) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        uint32_t token = begin;
#if defined(__aarch64__)  // 32-bit ARM has not the registers
        for (; end - token >= 2; token += 2)
            q4_block<2>(matrix, args, groups, tile, token, starts + groups.count * (token - begin));
#endif
        for (; token < end; ++token)
            q4_block<1>(matrix, args, groups, tile, token, starts + groups.count * (token - begin));
    }
}

}  // namespace

void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    if (!q4_by_tokens(matrix, args, tokens_all)) scalar::matmul_q4(matrix, args);
}

}  // namespace neon
}  // namespace adder

#endif  // __ARM_NEON
