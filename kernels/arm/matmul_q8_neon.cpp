// int8 weights times int8 activations, NEON without dot products: AArch64 and 32-bit ARM.
// SPDX-License-Identifier: MIT
//
// weights [tiles][cols/4][8 rows][4 cols]: a register holds 4 columns of 4 rows, and meets 4 codes of x that are
// repeated for each row. Products are 16 bits wide, and two of them are added there: at most 2 * 128 * 127 < 2^15. Then
// neighbours are added into 32 bits. So a row has two partial sums, which meet at the end.
#if defined(__ARM_NEON)

#include "kernels/arm/matmul_neon.h"
#include "kernels/arm/products_neon.h"

namespace adder {
namespace neon {

namespace {

using Sums = int32x4_t[4];  // [i]: two partial sums of row 2i, two of row 2i + 1

// Adds the products of 8 columns for `Tokens` tokens, and steps past them.
template <uint32_t Tokens>
inline void columns_add(Sums (&sum)[Tokens], const int8_t *&w, const int8_t *&x, uint32_t x_stride) {
    const int8x16x4_t weights = weights_next(w);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) {
        const int8x8_t codes = codes_load(x + size_t{x_stride} * t);
        const RepeatedCodes first = repeat_codes<0>(codes), second = repeat_codes<1>(codes);
        int16x8_t products[4] = {product_low(weights.val[0], first), product_high(weights.val[0], first),
                                 product_low(weights.val[1], first), product_high(weights.val[1], first)};
        if (Tokens == 1)  // else gcc copies them
            for (int16x8_t &product : products) pin(product);
        for (uint32_t h = 0; h < 2; ++h) {
            products[2 * h] = product_add_low(products[2 * h], weights.val[2 + h], second);
            products[2 * h + 1] = product_add_high(products[2 * h + 1], weights.val[2 + h], second);
        }
        for (uint32_t i = 0; i < 4; ++i) {
            sum[t][i] = vpadalq_s16(sum[t][i], products[i]);
            pin(sum[t][i]);
        }
    }
    x += 8;
}

// One tile for `Tokens` tokens; the weights are read once.
template <uint32_t Tokens>
void block(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
    const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
    const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * token;
    Sums sum[Tokens] = {};
    for (uint32_t pairs = matrix.cols / 16; pairs != 0; --pairs) {
        columns_add(sum, w, x, args.x_stride);
        columns_add(sum, w, x, args.x_stride);
    }
    if (matrix.cols % 16 != 0) columns_add(sum, w, x, args.x_stride);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
        tile_finish(
            matrix, args, tile, token + t,
            to_float(i32x8{add_neighbours(sum[t][0], sum[t][1]), add_neighbours(sum[t][2], sum[t][3])}));
}

}  // namespace

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        uint32_t token = 0;
        // As many as there are registers for.
#if defined(__aarch64__)
        for (; args.tokens - token >= 4; token += 4) block<4>(matrix, args, tile, token);
#endif
        for (; args.tokens - token >= 2; token += 2) block<2>(matrix, args, tile, token);
        if (token < args.tokens) block<1>(matrix, args, tile, token);
    }
}

}  // namespace neon
}  // namespace adder

#endif  // __ARM_NEON
