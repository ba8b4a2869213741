// The Helium kernels by name, for its table.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {
namespace helium {

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

}  // namespace helium
}  // namespace adder
