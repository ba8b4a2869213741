// SiLU as a gate.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

template <int Vectors>
void silu_gate_some(float *v, const float *w) {
    f32x8 x[Vectors];
    for (int i = 0; i < Vectors; ++i) x[i] = load(v + 8 * i);
    silu_f32(x);
    for (int i = 0; i < Vectors; ++i) store(v + 8 * i, x[i] * load(w + 8 * i));
}

}  // namespace

void silu_gate(float *v, const float *w, uint32_t n) {
    constexpr uint32_t step = 8 * in_step;
    uint32_t i = 0;
    for (; n - i >= step; i += step) silu_gate_some<in_step>(v + i, w + i);
    for (; i < n; i += 8) silu_gate_some<1>(v + i, w + i);
}

}  // namespace ADDER_SIMD
}  // namespace adder
