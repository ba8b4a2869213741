// The NEON kernels by name, for its table and for those of instruction sets that add to it.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {
namespace neon {

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

}  // namespace neon
}  // namespace adder
