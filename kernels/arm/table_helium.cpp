// The Helium table, and the kernels of kernels/simd on Helium: Cortex-M55 and M85.
// SPDX-License-Identifier: MIT
#if __ARM_FEATURE_MVE & 2

#include "kernels/arm/vector_helium.h"
#include "kernels/cpu.h"
#include "kernels/tables.h"
// The kernels, written on the vector header above.
#include "kernels/simd/half.h"
#define ADDER_SIMD_HEADERS
#include "kernels/kernels.inc"
#include "kernels/simd/table.h"

namespace adder {

const KernelTable table_helium = helium::table("helium", cpu_has_baseline, 32768);

}  // namespace adder

#endif
