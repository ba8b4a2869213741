// SiLU as a gate, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// v, w [n].
void silu_gate(float *v, const float *w, uint32_t n) {
    for (uint32_t i = 0; i < n; ++i) v[i] = silu_f32(v[i]) * w[i];
}

}  // namespace scalar
}  // namespace adder
