// The scalar kernels: the specification that every other table repeats bit for bit, and what a microcontroller runs.
// SPDX-License-Identifier: MIT
//
// By name, and as a table in which other instruction sets replace those that they have better ones for. A tile of weights
// is the outer loop and the token the inner one, so that a chunk reads the weights from flash once.
#pragma once

#include "kernels/kernels.h"

namespace adder {
namespace scalar {

#include "kernels/table.inc"

}  // namespace scalar
}  // namespace adder
