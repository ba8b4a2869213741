// What a sigmoid lets through of a vector, added to another: its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// out[i] = out[i] + sigmoid(gate[i]) * v[i]. n is a multiple of 8.
using SigmoidGateKernel = void(float *out, const float *v, const float *gate, uint32_t n);

}  // namespace adder
