// The cap on logits.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

template <int Vectors>
void softcap_some(float *v, f32x8 cap) {
    f32x8 x[Vectors];
    for (int i = 0; i < Vectors; ++i) x[i] = load(v + 8 * i) / cap;
    tanh_f32(x);
    for (int i = 0; i < Vectors; ++i) store(v + 8 * i, cap * x[i]);
}

}  // namespace

void softcap(float *v, uint32_t n, float cap) {
    constexpr uint32_t step = 8 * in_step;
    uint32_t i = 0;
    for (; n - i >= step; i += step) softcap_some<in_step>(v + i, broadcast(cap));
    for (; i < n; i += 8) softcap_some<1>(v + i, broadcast(cap));
}

}  // namespace ADDER_SIMD
}  // namespace adder
