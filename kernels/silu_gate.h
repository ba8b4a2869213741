// SiLU of a vector as the gate of another: its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// v[i] = silu(v[i]) * w[i]: SwiGLU (Shazeer, arXiv 2002.05202). n is a multiple of 8.
using SiluGateKernel = void(float *v, const float *w, uint32_t n);

}  // namespace adder
