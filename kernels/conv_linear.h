// The depthwise causal convolution without an activation: its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

struct ConvArgs;  // kernels.h

// conv_silu without its SiLU:  u = acc.
using ConvLinearKernel = void(const ConvArgs &args);

}  // namespace adder
