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
#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/simd/matmul.h"

namespace adder {
namespace avx2 {

namespace {

// Four codes of x, for every row.
inline __m256i four_codes(const char *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

// sum + the four products of each row.
inline __m256i sum_add(__m256i sum, __m256i magnitude, __m256i weight, __m256i codes) {
    const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(codes, weight));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// One tile for one token. The weights stream from memory as one sequence, fetched ahead past the tile's end
// into the next one. (A prefetch never faults.)
void stream(const Matrix &matrix, const MatmulArgs &args, uint32_t tile) {
    constexpr size_t prefetch_bytes = 4096;
    const char *w = static_cast<const char *>(matrix.weights) + size_t{8} * matrix.cols * tile;
    const char *x = static_cast<const char *>(args.x);
    __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (size_t k = 0; k < matrix.cols; k += 8) {
        _mm_prefetch(w + 8 * k + prefetch_bytes, _MM_HINT_T0);
        for (size_t half = 0; half < 2; ++half) {
            const __m256i weight =
                _mm256_loadu_si256(reinterpret_cast<const __m256i *>(w + 8 * k + 32 * half));
            sum[half] = sum_add(sum[half], _mm256_abs_epi8(weight), weight, four_codes(x + k + 4 * half));
        }
    }
    tile_finish(matrix, args, tile, 0, _mm256_cvtepi32_ps(_mm256_add_epi32(sum[0], sum[1])));
}

// `Tiles` tiles for `Tokens` tokens; the weights are read once. The sums pass through memory on the way out:
// gcc keeps an array in registers only if each loop over it is small enough to unroll.
template <uint32_t Tiles, uint32_t Tokens>
void block(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
    const size_t tile_bytes = size_t{8} * matrix.cols;
    const char *w = static_cast<const char *>(matrix.weights) + tile_bytes * tile;
    const char *x = static_cast<const char *>(args.x) + size_t{args.x_stride} * token;
    __m256i sum[Tiles][Tokens];
#pragma GCC unroll 8
    for (uint32_t i = 0; i < Tiles; ++i)
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) sum[i][t] = _mm256_setzero_si256();
    for (size_t k = 0; k < matrix.cols; k += 4) {
        __m256i weight[Tiles], magnitude[Tiles];
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) {
            weight[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(w + tile_bytes * i + 8 * k));
            magnitude[i] = _mm256_abs_epi8(weight[i]);
        }
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) {
            const __m256i codes = four_codes(x + size_t{args.x_stride} * t + k);
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Tiles; ++i)
                sum[i][t] = sum_add(sum[i][t], magnitude[i], weight[i], codes);
        }
    }
    float sums[Tokens][Tiles][8];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) _mm256_storeu_ps(sums[t][i], _mm256_cvtepi32_ps(sum[i][t]));
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i)
            tile_finish(matrix, args, tile + i, token + t, _mm256_loadu_ps(sums[t][i]));
}

template <uint32_t Tiles>
void tokens_all(const Matrix &matrix, const MatmulArgs &args, uint32_t tile) {
    uint32_t token = 0;
    for (; args.tokens - token >= 4; token += 4) block<Tiles, 4>(matrix, args, tile, token);
    switch (args.tokens - token) {
    case 3: block<Tiles, 3>(matrix, args, tile, token); break;
    case 2: block<Tiles, 2>(matrix, args, tile, token); break;
    case 1: block<Tiles, 1>(matrix, args, tile, token); break;
    default: break;
    }
}

}  // namespace

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    uint32_t tile = args.tile_begin;
    if (args.tokens == 1) {
        for (; tile < args.tile_end; ++tile) stream(matrix, args, tile);
        return;
    }
    for (; args.tile_end - tile >= 2; tile += 2) tokens_all<2>(matrix, args, tile);
    if (tile < args.tile_end) tokens_all<1>(matrix, args, tile);
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
