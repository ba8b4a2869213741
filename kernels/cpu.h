// What this CPU can run, asked of the CPU itself.
// SPDX-License-Identifier: MIT
#pragma once

namespace adder {

// AVX2, and an operating system that saves the YMM registers.
bool cpu_has_avx2();

}  // namespace adder
