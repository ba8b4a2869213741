// float, int8 or int4 weights times float activations.
// SPDX-License-Identifier: MIT
//
// float weights [tiles][cols][8 rows], int8 weights [tiles][cols/4][8 rows][4 cols], int4 weights [tiles][cols/8][8 rows]
// [4 bytes]; the 8 lanes are the 8 rows, and each lane adds its products in order k = 0, 1, ..., a multiplication and
// then an addition. Never an FMA: the product is rounded.
#pragma once

#include "kernels/layout.h"
#include "kernels/simd/group_scales.h"
#include "kernels/simd/matmul.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

template <uint32_t Tiles, uint32_t Tokens>
inline void sums_clear(f32x8 (&acc)[Tiles][Tokens]) {
#pragma GCC unroll 8
    for (uint32_t i = 0; i < Tiles; ++i)
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) acc[i][t] = broadcast(0.0f);
}

// Column k of x, for every token, times column k of the weights.
template <uint32_t Tiles, uint32_t Tokens>
inline void sums_add(f32x8 (&acc)[Tiles][Tokens], const f32x8 (&weight)[Tiles], const float *x,
                     size_t x_stride) {
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) {
        const Constant value = broadcast(x[x_stride * t]);
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) acc[i][t] = acc[i][t] + weight[i] * value;
    }
}

struct BlockF32 {
    static constexpr uint32_t tiles = registers >= 16 ? 2 : 1;

    template <uint32_t Tiles, uint32_t Tokens>
    static void run(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
        const size_t tile_floats = size_t{8} * matrix.cols;
        const float *w = static_cast<const float *>(matrix.weights) + tile_floats * tile;
        const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * token;
        f32x8 acc[Tiles][Tokens];
        sums_clear(acc);
        for (size_t k = 0; k < matrix.cols; ++k) {
            f32x8 weight[Tiles];
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Tiles; ++i) weight[i] = load(w + tile_floats * i + 8 * k);
            sums_add(acc, weight, x + k, args.x_stride);
        }
        block_finish(matrix, args, tile, token, acc);
    }
};

// Column j of four lies in byte j of each 32-bit lane.
struct BlockQ8 {
    static constexpr uint32_t tiles = 1;

    template <uint32_t Tiles, uint32_t Tokens>
    static void run(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
        const size_t tile_bytes = size_t{8} * matrix.cols;
        const int8_t *w = static_cast<const int8_t *>(matrix.weights) + tile_bytes * tile;
        const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * token;
        f32x8 acc[Tiles][Tokens];
        sums_clear(acc);
        for (size_t k = 0; k < matrix.cols; k += 4) {
            i32x8 four[Tiles];
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Tiles; ++i) four[i] = load_bits(w + tile_bytes * i + 8 * k);
            column<0>(acc, four, x + k, args.x_stride);
            column<1>(acc, four, x + k + 1, args.x_stride);
            column<2>(acc, four, x + k + 2, args.x_stride);
            column<3>(acc, four, x + k + 3, args.x_stride);
        }
        block_finish(matrix, args, tile, token, acc);
    }

    template <int Column, uint32_t Tiles, uint32_t Tokens>
    static inline void column(f32x8 (&acc)[Tiles][Tokens], const i32x8 (&four)[Tiles], const float *x,
                              size_t x_stride) {
        f32x8 weight[Tiles];
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) weight[i] = to_float(byte_at<Column>(four[i]));
        sums_add(acc, weight, x, x_stride);
    }
};

// Column j of eight lies in the lower nibble of byte j of each 32-bit lane or, from column 4 on, in the upper one of byte
// j - 4, as code + 8. A weight is code * scale.
struct BlockQ4 {
    static constexpr uint32_t tiles = 1;

    template <uint32_t Tiles, uint32_t Tokens>
    static void run(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token) {
        const size_t tile_bytes = size_t{4} * matrix.cols;
        const size_t tile_scales = 8 * group_count(matrix.cols, matrix.group);
        const uint8_t *w = static_cast<const uint8_t *>(matrix.weights) + tile_bytes * tile;
        const uint16_t *group_scale = matrix.group_scale + tile_scales * tile;
        const bool half = has_half_scales(matrix);
        const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * token;
        f32x8 acc[Tiles][Tokens];
        sums_clear(acc);
        for (uint32_t begin = 0, end; begin < matrix.cols; begin = end, group_scale += 8) {
            end = matrix.cols - begin > matrix.group ? begin + matrix.group : matrix.cols;
            f32x8 scale[Tiles];
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Tiles; ++i) scale[i] = group_scales(group_scale + tile_scales * i, half);
            for (size_t k = begin; k < end; k += 8) {
                i32x8 eight[Tiles];
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Tiles; ++i) eight[i] = load_bits(w + tile_bytes * i + 4 * k);
                column<0>(acc, eight, scale, x + k, args.x_stride);
                column<2>(acc, eight, scale, x + k + 1, args.x_stride);
                column<4>(acc, eight, scale, x + k + 2, args.x_stride);
                column<6>(acc, eight, scale, x + k + 3, args.x_stride);
                column<1>(acc, eight, scale, x + k + 4, args.x_stride);
                column<3>(acc, eight, scale, x + k + 5, args.x_stride);
                column<5>(acc, eight, scale, x + k + 6, args.x_stride);
                column<7>(acc, eight, scale, x + k + 7, args.x_stride);
            }
        }
        block_finish(matrix, args, tile, token, acc);
    }

    template <int Nibble, uint32_t Tiles, uint32_t Tokens>
    static inline void column(f32x8 (&acc)[Tiles][Tokens], const i32x8 (&eight)[Tiles],
                              const f32x8 (&scale)[Tiles], const float *x, size_t x_stride) {
        f32x8 weight[Tiles];
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i)
            weight[i] =
                (to_float(nibble_at<Nibble>(eight[i])) - broadcast(8.0f)) * scale[i];  // exact, but for *
        sums_add(acc, weight, x, x_stride);
    }
};

}  // namespace

void matmul_f32(const Matrix &matrix, const MatmulArgs &args) { block_all<BlockF32>(matrix, args); }
void matmul_q8_f32(const Matrix &matrix, const MatmulArgs &args) { block_all<BlockQ8>(matrix, args); }
void matmul_q4_f32(const Matrix &matrix, const MatmulArgs &args) { block_all<BlockQ4>(matrix, args); }

}  // namespace ADDER_SIMD
}  // namespace adder
