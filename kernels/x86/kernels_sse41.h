// The SSE4.1 kernels by name.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {
namespace sse41 {

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

}  // namespace sse41
}  // namespace adder
