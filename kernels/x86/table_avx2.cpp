// The AVX2 table, and the kernels of kernels/simd on AVX2; the integer products have a file of their own.
// SPDX-License-Identifier: MIT
#if defined(__AVX2__)

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/vector_avx2.h"
// The kernels, written on the vector header above.
#define ADDER_SIMD_HEADERS
#include "kernels/kernels.inc"
#include "kernels/simd/table.h"

namespace adder {

const KernelTable table_avx2 = avx2::table("avx2", cpu_has_avx2, 131072);

}  // namespace adder

#endif
