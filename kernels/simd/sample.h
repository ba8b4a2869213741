// The sampler's passes over the logits. What is left of them after the last whole vector takes the scalar kernels.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/scalar.h"
#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

// The comparisons are in this order for NaN to become -limit.
void clamp(float *v, uint32_t n, float limit) {
    const f32x8 high = broadcast(limit), low = broadcast(-limit), zero = broadcast(0.0f);
    uint32_t i = 0;
    for (; n - i >= 8; i += 8) store(v + i, min(max(load(v + i), low), high) + zero);
    scalar::clamp(v + i, n - i, limit);
}

// First the largest of each block of 64, then its place in the first block that has the largest of all.
uint32_t argmax(const float *v, uint32_t n) {
    uint32_t best = 0, i = 0;
    float highest = v[0];
    for (; n - i >= 64; i += 64) {
        f32x8 most[4];
        for (uint32_t j = 0; j < 4; ++j) most[j] = max(load(v + i + 8 * j), load(v + i + 32 + 8 * j));
        const float here = max_lanes(max(max(most[0], most[1]), max(most[2], most[3])));
        if (here > highest) {
            highest = here;
            best = i;
        }
    }
    for (; i < n; ++i) {
        if (v[i] > highest) {
            highest = v[i];
            best = i;
        }
    }
    while (best + 1 < n && v[best] != highest) ++best;
    return best;
}

void softmax_weights(float *v, uint32_t n, float highest, float factor, float limit) {
    const f32x8 top = broadcast(highest), scale = broadcast(factor), low = broadcast(-limit);
    constexpr uint32_t step = 8 * in_step;
    uint32_t i = 0;
    for (; n - i >= step; i += step) {
        f32x8 weight[in_step];
        for (uint32_t j = 0; j < in_step; ++j) weight[j] = (load(v + i + 8 * j) - top) * scale;
        exp2_f32(weight);
        for (uint32_t j = 0; j < in_step; ++j)
            store(v + i + 8 * j, zero_unless_greater(weight[j], load(v + i + 8 * j), low));
    }
    scalar::softmax_weights(v + i, n - i, highest, factor, limit);
}

}  // namespace ADDER_SIMD
}  // namespace adder
