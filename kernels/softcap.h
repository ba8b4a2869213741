// Logits within a cap: its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// v[i] = cap * tanh(v[i] / cap). n is a multiple of 8.
using SoftcapKernel = void(float *v, uint32_t n, float cap);

}  // namespace adder
