// The vector layer of AVX2.
// SPDX-License-Identifier: MIT
#pragma once

#define ADDER_SIMD avx2
// Named above.
#include "kernels/x86/vector_256.h"
