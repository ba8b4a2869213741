// The vector layer of AVX-512: that of AVX2 in files compiled for AVX-512 VL, which have twice the registers.
// SPDX-License-Identifier: MIT
#pragma once

#define ADDER_SIMD avx512vnni
// Named above.
#include "kernels/x86/vector_256.h"
