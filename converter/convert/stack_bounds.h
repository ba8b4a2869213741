// The most stack that a call of the library takes, by kernels and weights. docs/memory.md has the same table, which
// tests/runtime/memory_test.cpp holds to this one and to what calls use.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "runtime/blob.h"

namespace adder {

struct StackBound {
    const char *build;         // as docs/memory.md and the JSON of a dry run name it
    uint32_t f32, int8, int4;  // bytes, with matrices of this type

    constexpr uint32_t of(Dtype weights) const {
        return weights == Dtype::f32 ? f32 : weights == Dtype::int8 ? int8 : int4;
    }
};

// Kernels for several tokens on AVX2 and i8mm, and those for int4 weights on ARM, keep sums or codes on the stack.
// clang-format off
constexpr StackBound stack_bounds[] = {
    {"microcontroller", 2048, 2048, 2048},  // portable kernels only, built for size
    {"scalar", 4096, 4096, 4096},
    {"simd", 7168, 7168, 7168},             // any instruction set but those below
    {"avx2", 7168, 24576, 7168},
    {"neon", 7168, 7168, 13312},            // and dotprod
    {"i8mm", 7168, 21504, 21504},
};
// clang-format on

}  // namespace adder
