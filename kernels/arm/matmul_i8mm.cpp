// int8 activations times int8 weights with the matrix multiplication of Armv8.6 (SMMLA).
// SPDX-License-Identifier: MIT
//
// SMMLA multiplies 2 rows of 8 columns with 8 columns of 2 tokens: twice the products of SDOT, where there are several
// tokens. The tiled layout has columns 0..3 of 4 rows in one register and 4..7 in another, so rows have to be zipped
// together in pairs, which 4 tokens or more pay for; those are interleaved once for all tiles. What this does not help is
// left to SDOT: fewer tokens, and int4 weights, where zipping comes on top of unpacking and there are not the registers for
// 8 tokens with groups.
#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8)

#include "kernels/arm/matmul_dotprod.h"
#include "kernels/arm/matmul_neon.h"

namespace adder {
namespace i8mm {

namespace {

using Sums = int32x4_t[4];  // [i]: row 2i for both tokens of a pair, row 2i + 1 for both

// The rows 2i and 2i + 1 of a tile, 8 columns each.
struct RowPairs {
    explicit RowPairs(const int8x16x4_t &weights)
        : at{zip1(weights.val[0], weights.val[2]), zip2(weights.val[0], weights.val[2]),
             zip1(weights.val[1], weights.val[3]), zip2(weights.val[1], weights.val[3])} {}
    static int8x16_t zip1(int8x16_t a, int8x16_t b) {
        return vreinterpretq_s8_s32(vzip1q_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
    }
    static int8x16_t zip2(int8x16_t a, int8x16_t b) {
        return vreinterpretq_s8_s32(vzip2q_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
    }

    int8x16_t at[4];
};

// Eight columns of each token after the other.
template <uint32_t Tokens>
void interleave(const MatmulArgs &args, uint32_t cols, int8_t *out) {
    const int8_t *x = static_cast<const int8_t *>(args.x);
    for (uint32_t k = 0; k < cols; k += 8, out += 8 * Tokens)
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t)
            vst1_s8(out + 8 * t, vld1_s8(x + size_t{args.x_stride} * t + k));
}

// Adds the products of 8 columns, and steps past them.
template <uint32_t Tokens>
inline void columns_add(Sums (&sum)[Tokens / 2], const int8_t *&w, const int8_t *&x) {
    const RowPairs rows(neon::weights_next(w));
    int8x16_t codes[Tokens / 2];  // [p]: of tokens 2p and 2p + 1
    if constexpr (Tokens == 8) {
        const int8x16x4_t all = vld1q_s8_x4(x);
        for (uint32_t p = 0; p < 4; ++p) codes[p] = all.val[p];
    } else {
        for (uint32_t p = 0; p < Tokens / 2; ++p) codes[p] = vld1q_s8(x + 16 * p);
    }
    x += 8 * Tokens;
#pragma GCC unroll 8
    for (uint32_t p = 0; p < Tokens / 2; ++p)
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; ++i) sum[p][i] = vmmlaq_s32(sum[p][i], rows.at[i], codes[p]);
}

// One tile for the first `Tokens` tokens, interleaved in x; the weights are read once.
template <uint32_t Tokens>
void block(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, const int8_t *x) {
    const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
    Sums sum[Tokens / 2] = {};
    for (uint32_t pairs = matrix.cols / 16; pairs != 0; --pairs) {
        columns_add<Tokens>(sum, w, x);
        columns_add<Tokens>(sum, w, x);
    }
    if (matrix.cols % 16 != 0) columns_add<Tokens>(sum, w, x);
#pragma GCC unroll 8
    for (uint32_t p = 0; p < Tokens / 2; ++p) {
        neon::tile_finish(
            matrix, args, tile, 2 * p,
            to_float(neon::i32x8{vuzp1q_s32(sum[p][0], sum[p][1]), vuzp1q_s32(sum[p][2], sum[p][3])}));
        neon::tile_finish(
            matrix, args, tile, 2 * p + 1,
            to_float(neon::i32x8{vuzp2q_s32(sum[p][0], sum[p][1]), vuzp2q_s32(sum[p][2], sum[p][3])}));
    }
}

// All tiles for the first `Tokens` tokens, and steps past those.
template <uint32_t Tokens>
void tiles_all(const Matrix &matrix, MatmulArgs &args, int8_t *interleaved) {
    interleave<Tokens>(args, matrix.cols, interleaved);
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile)
        block<Tokens>(matrix, args, tile, interleaved);
    args.tokens -= Tokens;
    args.x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * Tokens;
    args.x_scale += size_t{args.x_scale_stride} * Tokens;
    args.out += size_t{args.out_stride} * Tokens;
}

}  // namespace

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    constexpr uint32_t most = 1 << 14;  // codes on the stack
    constexpr size_t cached_bytes =
        1 << 17;  // weights that all tokens use before the next ones are read: they stay in L2
    int8_t interleaved[most];
    const size_t fitting = cached_bytes / (size_t{8} * matrix.cols);
    const uint32_t step = args.tokens < 16 || fitting > matrix.tiles ? matrix.tiles
                          : fitting == 0                             ? 1
                                                                     : static_cast<uint32_t>(fitting);
    for (uint32_t begin = args.tile_begin, end; begin < args.tile_end; begin = end) {
        end = args.tile_end - begin > step ? begin + step : args.tile_end;
        MatmulArgs left = args;
        left.tile_begin = begin;
        left.tile_end = end;
        while (left.tokens >= 8 && matrix.cols <= most / 8) tiles_all<8>(matrix, left, interleaved);
        while (left.tokens >= 4 && matrix.cols <= most / 4) tiles_all<4>(matrix, left, interleaved);
        if (left.tokens != 0) dotprod::matmul_q8(matrix, left);
    }
}

}  // namespace i8mm
}  // namespace adder

#endif  // __aarch64__ && __ARM_FEATURE_DOTPROD && __ARM_FEATURE_MATMUL_INT8
