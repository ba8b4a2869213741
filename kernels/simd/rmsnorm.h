// RMSNorm, to floats or to codes (Zhang and Sennrich, arXiv 1910.07467).
// SPDX-License-Identifier: MIT
//
// The lanes are the scalar kernel's 8 lanes, each with the scalar kernel's operations in its order.
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

// 1 / the root of the mean square, in all lanes.
static inline Constant rmsnorm_inverse(const float *r, uint32_t n, uint32_t d_model, float epsilon) {
    f32x8 lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < n; i += 8) {
        const f32x8 v = load(r + i);
        lanes = lanes + v * v;
    }
    return broadcast(1.0f / sqrt_f32(sum_lanes(lanes) / static_cast<float>(d_model) + epsilon));
}

void rmsnorm(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon, float *out) {
    const Constant inverse = rmsnorm_inverse(r, n, d_model, epsilon);
    for (uint32_t i = 0; i < n; i += 8) store(out + i, (load(r + i) * inverse) * load(weight + i));
}

void rmsnorm_quantize(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon,
                      float multiplier, float limit, int8_t *out) {
    const Constant inverse = rmsnorm_inverse(r, n, d_model, epsilon);
    const Constant m = broadcast(multiplier);
    const f32x8 most = broadcast(limit);
    for (uint32_t i = 0; i < n; i += 8)
        store_codes(out + i, q8_f32((load(r + i) * inverse) * load(weight + i), m, most));
}

}  // namespace ADDER_SIMD
}  // namespace adder
