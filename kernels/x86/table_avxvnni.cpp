// The AVX-VNNI table: that of AVX2, with integer products by vpdpbusd on 256 bits.
// SPDX-License-Identifier: MIT
#if defined(__AVXVNNI__)

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/simd/table.h"

namespace adder {
namespace avxvnni {

MatmulKernel matmul_q8, matmul_q4;

static constexpr KernelTable table_make() {
    KernelTable table = avx2::table("avxvnni", cpu_has_avxvnni, 131072);
    kernel_better(table.matmul_q8, matmul_q8);
    kernel_better(table.matmul_q4, matmul_q4);
    return table;
}

}  // namespace avxvnni

const KernelTable table_avxvnni = avxvnni::table_make();

}  // namespace adder

#endif
