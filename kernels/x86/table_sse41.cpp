// The SSE4.1 table, and the kernels of kernels/simd on SSE4.1; the integer products have a file of their own.
// SPDX-License-Identifier: MIT
#if defined(__SSE4_1__)

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/vector_sse41.h"
// The kernels, written on the vector header above.
#include "kernels/simd/half.h"
#define ADDER_SIMD_HEADERS
#include "kernels/kernels.inc"
#include "kernels/simd/table.h"

namespace adder {

const KernelTable table_sse41 = sse41::table("sse41", cpu_has_sse41, 65536);

}  // namespace adder

#endif
