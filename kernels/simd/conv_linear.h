// The convolution without an activation.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/conv_silu.h"

namespace adder {
namespace ADDER_SIMD {

void conv_linear(const ConvArgs &args) { conv_channels<false>(args); }

}  // namespace ADDER_SIMD
}  // namespace adder
