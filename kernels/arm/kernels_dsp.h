// The kernels of Cortex-M cores with the DSP extension by name, for their table.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {
namespace dsp {

MatmulKernel matmul_q8, matmul_q4;
ScanKernel scan;

}  // namespace dsp
}  // namespace adder
