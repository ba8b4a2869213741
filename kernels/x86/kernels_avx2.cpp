// The AVX2 table, and the kernels of kernels/simd on AVX2; the integer products have a file of their own.
// SPDX-License-Identifier: MIT
#if defined(__AVX2__)

#include "kernels/x86/kernels_avx2.h"

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/vector_avx2.h"
// The kernels, written on the vector header above.
#include "kernels/simd/conv_silu.h"
#include "kernels/simd/matmul_float.h"
#include "kernels/simd/quantize.h"
#include "kernels/simd/rmsnorm.h"
#include "kernels/simd/sample.h"
#include "kernels/simd/scan.h"

namespace adder {

const KernelTable table_avx2 = {
    "avx2",
    cpu_has_avx2,
    131072,
    avx2::matmul_q8,
    avx2::matmul_q8_f32,
    avx2::matmul_f32,
    avx2::matmul_q4,
    avx2::matmul_q4_f32,
    avx2::rmsnorm,
    avx2::rmsnorm_quantize,
    avx2::quantize,
    avx2::quantize_dynamic,
    avx2::hadamard_quantize,
    avx2::conv_silu,
    avx2::scan,
    avx2::clamp,
    avx2::argmax,
    avx2::softmax_weights,
};

}  // namespace adder

#endif
