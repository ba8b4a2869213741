// The Walsh-Hadamard transform of 64 floats: the kernels' specification, and the converter's tool.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

static constexpr uint32_t hadamard_size = 64;

// block = H block, H[i][j] = +1 or -1 as the number of ones in i & j is even or odd (Sylvester's order, in which H is
// symmetric). Not normalised: H H = 64, so H / 8 is orthonormal and its own inverse. The order of the six stages is
// part of the law: distances 1, 2, 4, 8, 16, 32. In each, a' = a + b and b' = a - b.
static inline void hadamard64(float *block) {
    for (uint32_t distance = 1; distance < hadamard_size; distance *= 2) {
        for (uint32_t i = 0; i < hadamard_size; ++i) {
            if ((i & distance) != 0) continue;
            const float a = block[i], b = block[i + distance];
            block[i] = a + b;
            block[i + distance] = a - b;
        }
    }
}

}  // namespace adder
