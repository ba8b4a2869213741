// The NEON table, and the kernels of kernels/simd on NEON, for AArch64 and ARMv7.
// SPDX-License-Identifier: MIT
#if defined(__ARM_NEON)

#include "kernels/arm/vector_neon.h"
#include "kernels/cpu.h"
#include "kernels/tables.h"
// The kernels, written on the vector header above.
#include "kernels/simd/conv_silu.h"
#include "kernels/simd/half.h"
#include "kernels/simd/matmul_float.h"
#include "kernels/simd/quantize.h"
#include "kernels/simd/rmsnorm.h"
#include "kernels/simd/sample.h"
#include "kernels/simd/scan.h"
#include "kernels/simd/ssd_scan.h"
#include "kernels/simd/table.h"

namespace adder {

const KernelTable table_neon = neon::table("neon", cpu_has_neon, 32768);

}  // namespace adder

#endif
