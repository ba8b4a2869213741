// The table of the dot product instruction of Armv8.2 (SDOT): that of NEON, with integer products of its own.
// SPDX-License-Identifier: MIT
#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#include "kernels/arm/matmul_dotprod.h"
#include "kernels/arm/vector_neon.h"
#include "kernels/cpu.h"
#include "kernels/tables.h"
// On the vector header above.
#include "kernels/simd/table.h"

namespace adder {
namespace dotprod {

static constexpr KernelTable table_make() {
    KernelTable table = neon::table("dotprod", cpu_has_dotprod, 65536);
    kernel_better(table.matmul_q8, matmul_q8);
    kernel_better(table.matmul_q4, matmul_q4);
    return table;
}

}  // namespace dotprod

const KernelTable table_dotprod = dotprod::table_make();

}  // namespace adder

#endif  // __aarch64__ && __ARM_FEATURE_DOTPROD
