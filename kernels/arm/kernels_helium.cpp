// The Helium table, and the kernels of kernels/simd on Helium: Cortex-M55 and M85.
// SPDX-License-Identifier: MIT
#if __ARM_FEATURE_MVE & 2

#include "kernels/arm/kernels_helium.h"

#include "kernels/arm/vector_helium.h"
#include "kernels/cpu.h"
#include "kernels/tables.h"
// The kernels, written on the vector header above.
#include "kernels/simd/conv_silu.h"
#include "kernels/simd/matmul_float.h"
#include "kernels/simd/quantize.h"
#include "kernels/simd/rmsnorm.h"
#include "kernels/simd/sample.h"
#include "kernels/simd/scan.h"

namespace adder {

const KernelTable table_helium = {
    "helium",
    cpu_has_baseline,
    32768,
    helium::matmul_q8,
    kernel_if(ADDER_FLOAT_LAYERS, helium::matmul_q8_f32),
    kernel_if(ADDER_FLOAT_LAYERS, helium::matmul_f32),
    kernel_if(ADDER_INT4, helium::matmul_q4),
    kernel_if(ADDER_INT4 &&ADDER_FLOAT_LAYERS, helium::matmul_q4_f32),
    helium::rmsnorm,
    helium::rmsnorm_quantize,
    helium::quantize,
    helium::quantize_dynamic,
    helium::hadamard_quantize,
    helium::conv_silu,
    helium::scan,
    kernel_if(ADDER_SAMPLER, helium::clamp),
    kernel_if(ADDER_SAMPLER, helium::argmax),
    kernel_if(ADDER_SAMPLER, helium::softmax_weights),
};

}  // namespace adder

#endif
