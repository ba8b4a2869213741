// The scalar kernels by name, and tables of them in which other instruction sets replace those that they have better ones for.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {
namespace scalar {

MatmulKernel matmul_q8, matmul_q8_f32, matmul_f32, matmul_q4, matmul_q4_f32;
RmsnormKernel rmsnorm;
RmsnormQuantizeKernel rmsnorm_quantize;
QuantizeKernel quantize;
QuantizeDynamicKernel quantize_dynamic;
HadamardQuantizeKernel hadamard_quantize;
ConvSiluKernel conv_silu;
ScanKernel scan;
ClampKernel clamp;
ArgmaxKernel argmax;
SoftmaxWeightsKernel softmax_weights;

constexpr KernelTable table(const char *name, bool (*usable)(), uint32_t least_part, MatmulKernel *q8,
                            MatmulKernel *q4, ScanKernel *scan_states) {
    return {
        name,
        usable,
        least_part,
        q8,
        kernel_if(ADDER_FLOAT_LAYERS, matmul_q8_f32),
        kernel_if(ADDER_FLOAT_LAYERS, matmul_f32),
        kernel_if(ADDER_INT4, q4),
        kernel_if(ADDER_INT4 && ADDER_FLOAT_LAYERS, matmul_q4_f32),
        rmsnorm,
        rmsnorm_quantize,
        quantize,
        quantize_dynamic,
        hadamard_quantize,
        conv_silu,
        scan_states,
        kernel_if(ADDER_SAMPLER, clamp),
        kernel_if(ADDER_SAMPLER, argmax),
        kernel_if(ADDER_SAMPLER, softmax_weights),
    };
}

}  // namespace scalar
}  // namespace adder
