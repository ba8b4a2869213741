// float, int8 or int4 weights times float activations, AVX2.
// SPDX-License-Identifier: MIT
//
// float weights [tiles][cols][8 rows], int8 weights [tiles][cols/4][8 rows][4 cols], int4 weights
// [tiles][cols/8][8 rows][4 bytes]; the 8 lanes are the 8
// rows, and each lane adds its products in order k = 0, 1, ..., a multiplication and then an addition. Never
// an FMA: the product is rounded. To hide the additions' latency, several tiles and tokens run side by side,
// which no order depends on.
#if defined(__AVX2__)

#include "kernels/layout.h"
#include "kernels/x86/kernels_avx2.h"

namespace adder {
namespace avx2 {

namespace {

// The sums of `Tiles` tiles for `Tokens` tokens. They pass through memory on the way out: gcc keeps an array
// in registers only if each loop over it is small enough to unroll.
template <uint32_t Tiles, uint32_t Tokens>
void block_f32(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
    const size_t tile_floats = size_t{8} * matrix.cols;
    const float *w = static_cast<const float *>(matrix.weights) + tile_floats * tile;
    const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * token;
    __m256 acc[Tiles][Tokens];
#pragma GCC unroll 8
    for (uint32_t i = 0; i < Tiles; ++i)
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) acc[i][t] = _mm256_setzero_ps();
    for (size_t k = 0; k < matrix.cols; ++k) {
        __m256 weight[Tiles];
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) weight[i] = _mm256_loadu_ps(w + tile_floats * i + 8 * k);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) {
            const __m256 value = _mm256_broadcast_ss(x + size_t{args.x_stride} * t + k);
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Tiles; ++i)
                acc[i][t] = _mm256_add_ps(acc[i][t], _mm256_mul_ps(weight[i], value));
        }
    }
    float sums[Tokens][Tiles][8];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) _mm256_storeu_ps(sums[t][i], acc[i][t]);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i)
            tile_finish(matrix, args, tile + i, token + t, _mm256_loadu_ps(sums[t][i]));
}

// The sums of one tile for `Tokens` tokens. Column j of four lies in byte j of each 32-bit lane.
template <uint32_t Tokens>
void block_q8(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
    const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
    const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * token;
    __m256 acc[Tokens];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) acc[t] = _mm256_setzero_ps();
    for (size_t k = 0; k < matrix.cols; k += 4) {
        const __m256i four = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(w + 8 * k));
        const __m256 weight[4] = {
            _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(four, 24), 24)),
            _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(four, 16), 24)),
            _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(four, 8), 24)),
            _mm256_cvtepi32_ps(_mm256_srai_epi32(four, 24)),
        };
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 4; ++j) {
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t) {
                const __m256 value = _mm256_broadcast_ss(x + size_t{args.x_stride} * t + k + j);
                acc[t] = _mm256_add_ps(acc[t], _mm256_mul_ps(weight[j], value));
            }
        }
    }
    float sums[Tokens][8];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) _mm256_storeu_ps(sums[t], acc[t]);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
        tile_finish(matrix, args, tile, token + t, _mm256_loadu_ps(sums[t]));
}

// Column j of the 8, for the 8 rows: code * scale. Its code + 8 stands in bits 8j.. or, from column 4 on, 8(j-4)+4..
inline __m256 q4_weight(__m256i eight, uint32_t j, __m256 scale) {
    const int shift = static_cast<int>(j < 4 ? 8 * j : 8 * (j - 4) + 4);
    const __m256i nibble = _mm256_and_si256(_mm256_srli_epi32(eight, shift), _mm256_set1_epi32(15));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(nibble, _mm256_set1_epi32(8))), scale);
}

// As block_f32, with int4 weights.
template <uint32_t Tiles, uint32_t Tokens>
void block_q4(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
    const size_t tile_bytes = size_t{4} * matrix.cols;
    const size_t tile_scales = 8 * group_count(matrix.cols, matrix.group);
    const uint8_t *w = static_cast<const uint8_t *>(matrix.weights) + tile_bytes * tile;
    const uint16_t *group_scale = matrix.group_scale + tile_scales * tile;
    const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * token;
    __m256 acc[Tiles][Tokens];
#pragma GCC unroll 8
    for (uint32_t i = 0; i < Tiles; ++i)
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) acc[i][t] = _mm256_setzero_ps();
    for (uint32_t begin = 0, end; begin < matrix.cols; begin = end, group_scale += 8) {
        end = matrix.cols - begin > matrix.group ? begin + matrix.group : matrix.cols;
        __m256 scale[Tiles];
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) scale[i] = scales_load(group_scale + tile_scales * i);
        for (size_t k = begin; k < end; k += 8) {
            __m256i eight[Tiles];
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Tiles; ++i)
                eight[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(w + tile_bytes * i + 4 * k));
#pragma GCC unroll 8
            for (uint32_t j = 0; j < 8; ++j) {
                __m256 weight[Tiles];
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Tiles; ++i) weight[i] = q4_weight(eight[i], j, scale[i]);
#pragma GCC unroll 8
                for (uint32_t t = 0; t < Tokens; ++t) {
                    const __m256 value = _mm256_broadcast_ss(x + size_t{args.x_stride} * t + k + j);
#pragma GCC unroll 8
                    for (uint32_t i = 0; i < Tiles; ++i)
                        acc[i][t] = _mm256_add_ps(acc[i][t], _mm256_mul_ps(weight[i], value));
                }
            }
        }
    }
    float sums[Tokens][Tiles][8];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) _mm256_storeu_ps(sums[t][i], acc[i][t]);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i)
            tile_finish(matrix, args, tile + i, token + t, _mm256_loadu_ps(sums[t][i]));
}

template <uint32_t Tiles>
void tokens_f32(const Matrix &matrix, const MatmulArgs &args, uint32_t tile) {
    uint32_t token = 0;
    for (; args.tokens - token >= 4; token += 4) block_f32<Tiles, 4>(matrix, args, tile, token);
    switch (args.tokens - token) {
    case 3: block_f32<Tiles, 3>(matrix, args, tile, token); break;
    case 2: block_f32<Tiles, 2>(matrix, args, tile, token); break;
    case 1: block_f32<Tiles, 1>(matrix, args, tile, token); break;
    default: break;
    }
}

}  // namespace

void matmul_f32(const Matrix &matrix, const MatmulArgs &args) {
    uint32_t tile = args.tile_begin;
    for (; tile + 2 <= args.tile_end; tile += 2) tokens_f32<2>(matrix, args, tile);
    if (tile < args.tile_end) tokens_f32<1>(matrix, args, tile);
}

void matmul_q8_f32(const Matrix &matrix, const MatmulArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        uint32_t token = 0;
        for (; args.tokens - token >= 4; token += 4) block_q8<4>(matrix, args, tile, token);
        for (; token < args.tokens; ++token) block_q8<1>(matrix, args, tile, token);
    }
}

void matmul_q4_f32(const Matrix &matrix, const MatmulArgs &args) {
    uint32_t token = 0;
    for (; args.tokens - token >= 4; token += 4)
        for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile)
            block_q4<1, 4>(matrix, args, tile, token);
    for (; token < args.tokens; ++token) {
        uint32_t tile = args.tile_begin;
        for (; args.tile_end - tile >= 4; tile += 4) block_q4<4, 1>(matrix, args, tile, token);
        for (; tile < args.tile_end; ++tile) block_q4<1, 1>(matrix, args, tile, token);
    }
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
