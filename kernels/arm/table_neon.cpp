// The NEON table, and the kernels of kernels/simd on NEON, for AArch64 and ARMv7.
// SPDX-License-Identifier: MIT
#if defined(__ARM_NEON)

#include "kernels/arm/vector_neon.h"
#include "kernels/cpu.h"
#include "kernels/tables.h"
// The kernels, written on the vector header above.
#include "kernels/simd/half.h"
#define ADDER_SIMD_HEADERS
#include "kernels/kernels.inc"
#include "kernels/simd/table.h"

namespace adder {

const KernelTable table_neon = neon::table("neon", cpu_has_neon, 32768);

}  // namespace adder

#endif
