// The dot product kernels by name, for their table and for those of instruction sets that add to it.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {
namespace dotprod {

MatmulKernel matmul_q8, matmul_q4;

}  // namespace dotprod
}  // namespace adder
