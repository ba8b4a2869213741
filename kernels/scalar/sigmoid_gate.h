// A sigmoid as a gate, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// out, v, gate [n].
void sigmoid_gate(float *out, const float *v, const float *gate, uint32_t n) {
    for (uint32_t i = 0; i < n; ++i) out[i] = out[i] + sigmoid_f32(gate[i]) * v[i];
}

}  // namespace scalar
}  // namespace adder
