// LayerNorm, and activations apart from other steps.
// SPDX-License-Identifier: MIT
//
// The lanes are the scalar kernel's 8 lanes, each with the scalar kernel's operations in its order.
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

void layernorm(const float *r, const float *weight, const float *bias, uint32_t n, float epsilon, float *out) {
    const float width = static_cast<float>(n);
    f32x8 lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < n; i += 8) lanes = lanes + load(r + i);
    const Constant mean = broadcast(sum_lanes(lanes) / width);
    lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < n; i += 8) {
        const f32x8 d = load(r + i) - mean;
        lanes = lanes + d * d;
    }
    const Constant inverse = broadcast(1.0f / sqrt_f32(sum_lanes(lanes) / width + epsilon));
    for (uint32_t i = 0; i < n; i += 8)
        store(out + i, ((load(r + i) - mean) * inverse) * load(weight + i) + load(bias + i));
}

namespace {

// Vectors in step as long as there are enough.
template <typename Function>
inline void each_in_step(float *v, uint32_t n, const Function &function) {
    uint32_t i = 0;
    for (; n - i >= 8 * in_step; i += 8 * in_step) {
        f32x8 x[in_step];
        for (uint32_t j = 0; j < in_step; ++j) x[j] = load(v + i + 8 * j);
        function(x);
        for (uint32_t j = 0; j < in_step; ++j) store(v + i + 8 * j, x[j]);
    }
    for (; i < n; i += 8) {
        f32x8 x[1] = {load(v + i)};
        function(x);
        store(v + i, x[0]);
    }
}

}  // namespace

void activate(float *v, uint32_t n, Activation activation) {
    switch (activation) {
    case Activation::sigmoid: each_in_step(v, n, [](auto &x) { sigmoid_f32(x); }); break;
    case Activation::tanh: each_in_step(v, n, [](auto &x) { tanh_f32(x); }); break;
    case Activation::relu_squared:
        for (uint32_t i = 0; i < n; i += 8) {
            const f32x8 positive = max(load(v + i), broadcast(0.0f));
            store(v + i, positive * positive);
        }
        break;
    }
}

}  // namespace ADDER_SIMD
}  // namespace adder
