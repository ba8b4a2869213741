// A sigmoid as a gate.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

template <int Vectors>
void sigmoid_gate_some(float *out, const float *v, const float *gate) {
    f32x8 x[Vectors];
    for (int i = 0; i < Vectors; ++i) x[i] = load(gate + 8 * i);
    sigmoid_f32(x);
    for (int i = 0; i < Vectors; ++i) store(out + 8 * i, load(out + 8 * i) + x[i] * load(v + 8 * i));
}

}  // namespace

void sigmoid_gate(float *out, const float *v, const float *gate, uint32_t n) {
    constexpr uint32_t step = 8 * in_step;
    uint32_t i = 0;
    for (; n - i >= step; i += step) sigmoid_gate_some<in_step>(out + i, v + i, gate + i);
    for (; i < n; i += 8) sigmoid_gate_some<1>(out + i, v + i, gate + i);
}

}  // namespace ADDER_SIMD
}  // namespace adder
