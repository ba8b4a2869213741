// GELU of a vector as the gate of another: its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// v[i] = gelu(v[i]) * w[i], GELU by its form with tanh (Hendrycks and Gimpel, arXiv 1606.08415). n is a multiple of 8.
using GeluGateKernel = void(float *v, const float *w, uint32_t n);

}  // namespace adder
