// Matrix products, scalar: int8, int4 and float weights, times int8 or float activations.
// SPDX-License-Identifier: MIT
#include "kernels/layout.h"
#include "kernels/scalar/finish.h"
#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// weights [tiles][cols/4][8 rows][4 cols], x [tokens][x_stride]. The int32 sum is exact: 128 * 127 * 2^17 <
// 2^31.
void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
            const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * t;
            int32_t sum[8] = {};
            for (uint32_t k = 0; k < matrix.cols; k += 4) {
                const int32_t x0 = x[k], x1 = x[k + 1], x2 = x[k + 2], x3 = x[k + 3];
                for (uint32_t r = 0; r < 8; ++r, w += 4)
                    sum[r] += w[0] * x0 + w[1] * x1 + w[2] * x2 + w[3] * x3;
            }
            float acc[8];
            for (uint32_t r = 0; r < 8; ++r) acc[r] = static_cast<float>(sum[r]);
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

// weights [tiles][cols/4][8 rows][4 cols], x [tokens][x_stride]. Each row's sum runs in order k = 0, 1, ...
void matmul_q8_f32(const Matrix &matrix, const MatmulArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
            const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * t;
            float acc[8] = {};
            for (uint32_t k = 0; k < matrix.cols; k += 4) {
                for (uint32_t r = 0; r < 8; ++r, w += 4) {
                    float a = acc[r];
                    a = a + static_cast<float>(w[0]) * x[k];
                    a = a + static_cast<float>(w[1]) * x[k + 1];
                    a = a + static_cast<float>(w[2]) * x[k + 2];
                    a = a + static_cast<float>(w[3]) * x[k + 3];
                    acc[r] = a;
                }
            }
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

// weights [tiles][cols][8 rows], x [tokens][x_stride]. Each row's sum runs in order k = 0, 1, ...
void matmul_f32(const Matrix &matrix, const MatmulArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const float *w = static_cast<const float *>(matrix.weights) + size_t{8} * matrix.cols * tile;
            const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * t;
            float acc[8] = {};
            for (uint32_t k = 0; k < matrix.cols; ++k, w += 8)
                for (uint32_t r = 0; r < 8; ++r) acc[r] = acc[r] + w[r] * x[k];
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

// The 8 columns of a row of int4 weights: columns 0..3 in the low bits of its 4 bytes, 4..7 in the high ones.
static void q4_unpack(const uint8_t *bytes, int32_t codes[8]) {
    for (uint32_t j = 0; j < 4; ++j) {
        codes[j] = (bytes[j] & 15) - 8;
        codes[j + 4] = (bytes[j] >> 4) - 8;
    }
}

// weights [tiles][cols/8][8 rows][4 bytes], group_scale [tiles][groups][8 rows], x [tokens][x_stride]. The sum of a
// group is exact: 8 * 127 * 2^17 < 2^31.
void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    const size_t groups = group_count(matrix.cols, matrix.group);
    const bool half = has_half_scales(matrix);
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const uint8_t *w = static_cast<const uint8_t *>(matrix.weights) + size_t{4} * matrix.cols * tile;
            const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * t;
            const uint16_t *scale = matrix.group_scale + 8 * groups * tile;
            float acc[8] = {};
            for (uint32_t begin = 0, end; begin < matrix.cols; begin = end, scale += 8) {
                end = matrix.cols - begin > matrix.group ? begin + matrix.group : matrix.cols;
                int32_t sum[8] = {};
                for (uint32_t k = begin; k < end; k += 8) {
                    for (uint32_t r = 0; r < 8; ++r, w += 4) {
                        int32_t codes[8];
                        q4_unpack(w, codes);
                        for (uint32_t j = 0; j < 8; ++j) sum[r] += codes[j] * x[k + j];
                    }
                }
                for (uint32_t r = 0; r < 8; ++r)
                    acc[r] = acc[r] + static_cast<float>(sum[r]) * group_scale_f32(scale[r], half);
            }
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

// As above, with x float. Each row's sum runs in order k = 0, 1, ...
void matmul_q4_f32(const Matrix &matrix, const MatmulArgs &args) {
    const size_t groups = group_count(matrix.cols, matrix.group);
    const bool half = has_half_scales(matrix);
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const uint8_t *w = static_cast<const uint8_t *>(matrix.weights) + size_t{4} * matrix.cols * tile;
            const float *x = static_cast<const float *>(args.x) + size_t{args.x_stride} * t;
            const uint16_t *scale = matrix.group_scale + 8 * groups * tile;
            float acc[8] = {};
            for (uint32_t begin = 0, end; begin < matrix.cols; begin = end, scale += 8) {
                end = matrix.cols - begin > matrix.group ? begin + matrix.group : matrix.cols;
                for (uint32_t k = begin; k < end; k += 8) {
                    for (uint32_t r = 0; r < 8; ++r, w += 4) {
                        int32_t codes[8];
                        q4_unpack(w, codes);
                        for (uint32_t j = 0; j < 8; ++j)
                            acc[r] =
                                acc[r] +
                                (static_cast<float>(codes[j]) * group_scale_f32(scale[r], half)) * x[k + j];
                    }
                }
            }
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

}  // namespace scalar
}  // namespace adder
