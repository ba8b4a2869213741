// The convolution without an activation, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/conv.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

void conv_linear(const ConvArgs &args) { conv<false>(args); }

}  // namespace scalar
}  // namespace adder
