// int8 and int4 weights times int8 activations, SSE4.1.
// SPDX-License-Identifier: MIT
#if defined(__SSE4_1__)

#include "kernels/x86/vector_sse41.h"
// On the vector header above.
#include "kernels/x86/matmul_maddubs.h"

#endif
