// The AVX2 table. The functions stand in kernels_avx2_*.cpp, a file a family, all compiled with -mavx2.
// SPDX-License-Identifier: MIT
#if defined(__AVX2__)

#include "kernels/x86/kernels_avx2.h"
#include "kernels/tables.h"

namespace adder {

const KernelTable table_avx2 = {
    "avx2",          avx2::matmul_q8,        avx2::matmul_q8_f32,     avx2::matmul_f32,
    avx2::matmul_q4, avx2::matmul_q4_f32,    avx2::rmsnorm,           avx2::rmsnorm_quantize,
    avx2::quantize,  avx2::quantize_dynamic, avx2::hadamard_quantize, avx2::conv_silu,
    avx2::scan,
};

}  // namespace adder

#endif  // __AVX2__
