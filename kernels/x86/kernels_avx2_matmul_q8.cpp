// int8 weights times int8 activations, AVX2.
// SPDX-License-Identifier: MIT
//
// weights [tiles][cols/4][8 rows][4 cols]: 32 bytes hold 4 columns of 8 rows, so a 4-byte load of x,
// broadcast, meets all rows at once and the 8 int32 lanes are the 8 rows. maddubs wants an unsigned factor:
// |w|, with w's sign moved to x. Exact: |w| <= 128 as an unsigned byte, |x| <= 127, so a pair is at most 2 *
// 128 * 127 < 2^15 and does not saturate. (The sign goes to x, not to w, as the code -128 of a hostile blob
// has no negative.)
#if defined(__AVX2__)

#include "kernels/x86/kernels_avx2.h"

namespace adder {
namespace avx2 {

namespace {

// The int32 sums of `Tiles` tiles for `Tokens` tokens; the weights are read once. One token streams them from
// memory, so it fetches ahead.
template <uint32_t Tiles, uint32_t Tokens>
void block(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
    constexpr size_t prefetch_bytes = 2048;
    const size_t tile_bytes = size_t{8} * matrix.cols;
    const char *w = static_cast<const char *>(matrix.weights) + tile_bytes * tile;
    const char *x = static_cast<const char *>(args.x) + size_t{args.x_stride} * token;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[Tiles][Tokens];
    for (uint32_t i = 0; i < Tiles; ++i)
        for (uint32_t t = 0; t < Tokens; ++t)
            sum[i][t] = _mm256_setzero_si256();
    for (size_t k = 0; k < matrix.cols; k += 4) {
        __m256i weight[Tiles], magnitude[Tiles];
        for (uint32_t i = 0; i < Tiles; ++i) {
            const char *at = w + tile_bytes * i + 8 * k;
            if (Tokens == 1)
                _mm_prefetch(at + prefetch_bytes, _MM_HINT_T0);
            weight[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at));
            magnitude[i] = _mm256_abs_epi8(weight[i]);
        }
        for (uint32_t t = 0; t < Tokens; ++t) {
            int32_t four;
            memcpy(&four, x + size_t{args.x_stride} * t + k, sizeof four);
            const __m256i codes = _mm256_set1_epi32(four);
            for (uint32_t i = 0; i < Tiles; ++i) {
                const __m256i pairs = _mm256_maddubs_epi16(magnitude[i], _mm256_sign_epi8(codes, weight[i]));
                sum[i][t] = _mm256_add_epi32(sum[i][t], _mm256_madd_epi16(pairs, ones));
            }
        }
    }
    for (uint32_t t = 0; t < Tokens; ++t)
        for (uint32_t i = 0; i < Tiles; ++i)
            tile_finish(matrix, args, tile + i, _mm256_cvtepi32_ps(sum[i][t]),
                        args.out + size_t{args.out_stride} * (token + t));
}

template <uint32_t Tiles>
void tokens_all(const Matrix &matrix, const MatmulArgs &args, uint32_t tile) {
    uint32_t token = 0;
    for (; args.tokens - token >= 4; token += 4)
        block<Tiles, 4>(matrix, args, tile, token);
    switch (args.tokens - token) {
    case 3:
        block<Tiles, 3>(matrix, args, tile, token);
        break;
    case 2:
        block<Tiles, 2>(matrix, args, tile, token);
        break;
    case 1:
        block<Tiles, 1>(matrix, args, tile, token);
        break;
    default:
        break;
    }
}

}  // namespace

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    uint32_t tile = args.tile_begin;
    for (; tile + 2 <= args.tile_end; tile += 2)
        tokens_all<2>(matrix, args, tile);
    if (tile < args.tile_end)
        tokens_all<1>(matrix, args, tile);
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
