// The passes over vectors and channels, scalar: RMSNorm, codes, the convolution, the scan, and the sampler's.
// SPDX-License-Identifier: MIT
//
// One file, for the functions of math.h that they share: at -Os a compiler calls them, and five files would hold 557 bytes
// more of them (x86-64).
#include "kernels/scalar/conv.h"
#include "kernels/scalar/hadamard.h"
#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"
// The scans that are of one family alone.
#define ADDER_SCALAR_HEADERS
#include "kernels/kernels.inc"

namespace adder {
namespace scalar {

// ---- RMSNorm -------------------------------------------------------------------------------------------------

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

// r, weight, bias, out [n]; out may be r. Two passes, each with eight partial sums.
void layernorm(const float *r, const float *weight, const float *bias, uint32_t n, float epsilon, float *out) {
    float l[8] = {};
    for (uint32_t i = 0; i < n; ++i) l[i % 8] = l[i % 8] + r[i];
    const float width = static_cast<float>(n), mean = sum_lanes(l) / width;
    for (float &lane : l) lane = 0.0f;
    for (uint32_t i = 0; i < n; ++i) l[i % 8] = l[i % 8] + (r[i] - mean) * (r[i] - mean);
    const float inverse = 1.0f / sqrt_f32(sum_lanes(l) / width + epsilon);
    for (uint32_t i = 0; i < n; ++i) out[i] = ((r[i] - mean) * inverse) * weight[i] + bias[i];
}

void activate(float *v, uint32_t n, Activation activation) {
    for (uint32_t i = 0; i < n; ++i) {
        const float positive = v[i] > 0.0f ? v[i] : 0.0f;
        v[i] = activation == Activation::sigmoid ? sigmoid_f32(v[i])
               : activation == Activation::tanh  ? tanh_f32(v[i])
                                                 : positive * positive;
    }
}

// ---- Floats to codes -----------------------------------------------------------------------------------------

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

// ---- Channels ------------------------------------------------------------------------------------------------

void conv_silu(const ConvArgs &args) { conv<true>(args); }

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

// ---- The sampler's -------------------------------------------------------------------------------------------

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
}  // namespace adder
