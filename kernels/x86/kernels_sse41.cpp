// The SSE4.1 table, and the kernels of kernels/simd on SSE4.1; the integer products have a file of their own.
// SPDX-License-Identifier: MIT
#if defined(__SSE4_1__)

#include "kernels/x86/kernels_sse41.h"

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/vector_sse41.h"
// The kernels, written on the vector header above.
#include "kernels/simd/conv_silu.h"
#include "kernels/simd/matmul_float.h"
#include "kernels/simd/quantize.h"
#include "kernels/simd/rmsnorm.h"
#include "kernels/simd/sample.h"
#include "kernels/simd/scan.h"

namespace adder {

const KernelTable table_sse41 = {
    "sse41",
    cpu_has_sse41,
    65536,
    sse41::matmul_q8,
    sse41::matmul_q8_f32,
    sse41::matmul_f32,
    sse41::matmul_q4,
    sse41::matmul_q4_f32,
    sse41::rmsnorm,
    sse41::rmsnorm_quantize,
    sse41::quantize,
    sse41::quantize_dynamic,
    sse41::hadamard_quantize,
    sse41::conv_silu,
    sse41::scan,
    sse41::clamp,
    sse41::argmax,
    sse41::softmax_weights,
};

}  // namespace adder

#endif
