// The kernels of an instruction set by name, and their table.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

#if !defined(ADDER_SIMD)
#error "a vector header comes first"
#endif

namespace adder {
namespace ADDER_SIMD {

#include "kernels/table.inc"

}  // namespace ADDER_SIMD
}  // namespace adder
