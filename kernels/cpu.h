// What this CPU can run, asked of the CPU itself or of its operating system.
// SPDX-License-Identifier: MIT
#pragma once

namespace adder {

// What all code is compiled for.
static inline bool cpu_has_baseline() { return true; }

bool cpu_has_sse41();       // SSE4.1, and SSSE3 with it
bool cpu_has_avx2();        // AVX2 and F16C, and an operating system that saves the YMM registers
bool cpu_has_avxvnni();     // vpdpbusd on 256 bits, VEX-encoded
bool cpu_has_avx512vnni();  // vpdpbusd on 512 bits and 256, and an operating system that saves the ZMM registers

// On Linux as the kernel says, elsewhere (bare metal) as the compiler was told.
bool cpu_has_neon();
bool cpu_has_dotprod();  // SDOT and UDOT, AArch64
bool cpu_has_i8mm();     // SMMLA and USDOT, AArch64

}  // namespace adder
