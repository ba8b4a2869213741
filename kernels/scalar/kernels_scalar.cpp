// The scalar kernels: the specification that every other table repeats bit for bit, and what a microcontroller runs.
// SPDX-License-Identifier: MIT
//
// A tile of weights is the outer loop and the token the inner one, so that a chunk reads the weights from
// flash once.
#include "kernels/scalar/kernels_scalar.h"

#include "kernels/cpu.h"
#include "kernels/layout.h"
#include "kernels/scalar/finish.h"
#include "kernels/scalar/hadamard.h"
#include "kernels/scalar/math.h"
#include "kernels/tables.h"

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
                    acc[r] = acc[r] + static_cast<float>(sum[r]) * bf16_f32(scale[r]);
            }
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

// As above, with x float. Each row's sum runs in order k = 0, 1, ...
void matmul_q4_f32(const Matrix &matrix, const MatmulArgs &args) {
    const size_t groups = group_count(matrix.cols, matrix.group);
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
                            acc[r] = acc[r] + (static_cast<float>(codes[j]) * bf16_f32(scale[r])) * x[k + j];
                    }
                }
            }
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

// 1 / the root of the mean square of r [n]. Eight partial sums of squares, then a fixed tree.
static float rmsnorm_inverse(const float *r, uint32_t n, uint32_t d_model, float epsilon) {
    float l[8] = {};
    for (uint32_t i = 0; i < n; i += 8)
        for (uint32_t lane = 0; lane < 8; ++lane) l[lane] = l[lane] + r[i + lane] * r[i + lane];
    const float sum = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
    return 1.0f / sqrt_f32(sum / static_cast<float>(d_model) + epsilon);
}

// r, weight, out [n]; out may be r.
void rmsnorm(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon, float *out) {
    const float inv = rmsnorm_inverse(r, n, d_model, epsilon);
    for (uint32_t i = 0; i < n; ++i) out[i] = (r[i] * inv) * weight[i];
}

// r, weight, out [n].
void rmsnorm_quantize(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon,
                      float multiplier, float limit, int8_t *out) {
    const float inv = rmsnorm_inverse(r, n, d_model, epsilon);
    for (uint32_t i = 0; i < n; ++i) out[i] = q8_f32((r[i] * inv) * weight[i], multiplier, limit);
}

// v, out [n].
void quantize(const float *v, uint32_t n, float multiplier, float limit, int8_t *out) {
    for (uint32_t i = 0; i < n; ++i) out[i] = q8_f32(v[i], multiplier, limit);
}

// v, out [n].
float quantize_dynamic(const float *v, uint32_t n, float limit, int8_t *out) {
    float absmax = 0.0f;
    for (uint32_t i = 0; i < n; ++i) {
        const float a = __builtin_fabsf(v[i]);
        absmax = a > absmax ? a : absmax;
    }
    const DynamicScale scale = dynamic_scale(absmax, limit);
    quantize(v, n, scale.multiplier, limit, out);
    return scale.scale;
}

// v, factors, out [n].
void hadamard_quantize(const float *v, const float *factors, uint32_t n, float multiplier, float limit,
                       int8_t *out) {
    for (uint32_t i = 0; i < n; i += 64) {
        float block[64];
        for (uint32_t j = 0; j < 64; ++j) block[j] = v[i + j] * factors[i + j];
        hadamard64(block);
        quantize(block, 64, multiplier, limit, out + i);
    }
}

// weight [tiles][d_conv][8], state [tiles][d_conv-1][8], x [tokens][x_stride]. The state is the window that
// slides.
void conv_silu(const ConvArgs &args) {
    const uint32_t history = args.d_conv - 1;
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const size_t channel = size_t{8} * tile;
        const float *weight = args.weight + channel * args.d_conv;
        const float *bias = args.bias + channel;
        float *state = args.state + channel * history;
        for (uint32_t t = 0; t < args.tokens; ++t) {
            float *x = args.x + size_t{args.x_stride} * t + channel;
            float acc[8];
            for (uint32_t c = 0; c < 8; ++c) acc[c] = bias[c];
            for (uint32_t k = 0; k < history; ++k) {
                for (uint32_t c = 0; c < 8; ++c) {
                    const float input = state[8 * k + c];
                    acc[c] = acc[c] + weight[8 * k + c] * input;
                    state[8 * k + c] = k + 1 < history ? state[8 * (k + 1) + c] : x[c];
                }
            }
            for (uint32_t c = 0; c < 8; ++c) acc[c] = acc[c] + weight[8 * history + c] * x[c];
            for (uint32_t c = 0; c < 8; ++c) x[c] = silu_f32(acc[c]);
            if (args.codes != nullptr) {
                int8_t *codes = args.codes + size_t{args.codes_stride} * t + channel;
                for (uint32_t c = 0; c < 8; ++c)
                    codes[c] = q8_f32(x[c], args.multipliers[channel + c], args.limit);
            }
        }
    }
}

// A2 and state [tiles][d_state][8]; dt [tokens][dt_stride], u and z [tokens][uz_stride]; B and C
// [tokens][bc_stride]. y runs in order n = 0, 1, ... for each channel and starts as the first product.
void scan(const ScanArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const size_t channel = size_t{8} * tile;
        const float *A2 = args.A2 + channel * args.d_state;
        const float *D = args.D + channel;
        float *state = args.state + channel * args.d_state;
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const float *dt = args.dt + size_t{args.dt_stride} * t + channel;
            const float *u = args.u + size_t{args.uz_stride} * t + channel;
            float *z = args.z + size_t{args.uz_stride} * t + channel;
            const float *B = args.B + size_t{args.bc_stride} * t;
            const float *C = args.C + size_t{args.bc_stride} * t;
            float d[8], du[8], y[8];
            for (uint32_t c = 0; c < 8; ++c) {
                d[c] = softplus_f32(dt[c]);
                du[c] = d[c] * u[c];
            }
            for (uint32_t n = 0; n < args.d_state; ++n) {
                for (uint32_t c = 0; c < 8; ++c) {
                    float *h = state + 8 * n + c;
                    *h = exp2_f32(d[c] * A2[8 * n + c]) * *h + du[c] * B[n];
                    y[c] = n == 0 ? *h * C[n] : y[c] + *h * C[n];
                }
            }
            for (uint32_t c = 0; c < 8; ++c) {
                y[c] = y[c] + D[c] * u[c];
                y[c] = y[c] * silu_f32(z[c]);
            }
            if (args.codes == nullptr) {
                memcpy(z, y, sizeof y);
            } else {
                int8_t *codes = args.codes + size_t{args.codes_stride} * t + channel;
                for (uint32_t c = 0; c < 8; ++c)
                    codes[c] = q8_f32(y[c], args.multipliers[channel + c], args.limit);
            }
        }
    }
}

void clamp(float *v, uint32_t n, float limit) {
    for (uint32_t i = 0; i < n; ++i) {
        const float raised = v[i] > -limit ? v[i] : -limit;
        v[i] = (raised < limit ? raised : limit) + 0.0f;
    }
}

uint32_t argmax(const float *v, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; ++i)
        if (v[i] > v[best]) best = i;
    return best;
}

void softmax_weights(float *v, uint32_t n, float highest, float factor, float limit) {
    for (uint32_t i = 0; i < n; ++i) v[i] = v[i] > -limit ? exp2_f32((v[i] - highest) * factor) : 0.0f;
}

}  // namespace scalar

const KernelTable table_scalar =
    scalar::table("scalar", cpu_has_baseline, 8192, scalar::matmul_q8, scalar::matmul_q4, scalar::scan);

}  // namespace adder
