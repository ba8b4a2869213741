// The cap on logits, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// v [n].
void softcap(float *v, uint32_t n, float cap) {
    for (uint32_t i = 0; i < n; ++i) v[i] = cap * tanh_f32(v[i] / cap);
}

}  // namespace scalar
}  // namespace adder
