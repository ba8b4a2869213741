// The table of the matrix multiplication of Armv8.6 (SMMLA): that of NEON, with integer products by it and by SDOT.
// SPDX-License-Identifier: MIT
#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8)

#include "kernels/arm/matmul_dotprod.h"
#include "kernels/arm/vector_neon.h"
#include "kernels/cpu.h"
#include "kernels/tables.h"
// On the vector header above.
#include "kernels/simd/table.h"

namespace adder {
namespace i8mm {

MatmulKernel matmul_q8;

static constexpr KernelTable table_make() {
    KernelTable table = neon::table("i8mm", cpu_has_i8mm, 65536);
    kernel_better(table.matmul_q8, matmul_q8);
    kernel_better(table.matmul_q4, dotprod::matmul_q4);
    return table;
}

}  // namespace i8mm

const KernelTable table_i8mm = i8mm::table_make();

}  // namespace adder

#endif  // __aarch64__ && __ARM_FEATURE_DOTPROD && __ARM_FEATURE_MATMUL_INT8
