// int8 and int4 weights times int8 activations, AVX2.
// SPDX-License-Identifier: MIT
#if defined(__AVX2__)

#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/x86/matmul_maddubs.h"

#endif
