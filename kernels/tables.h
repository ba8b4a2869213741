// The kernel tables by name, for kernels.cpp alone.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {

extern const KernelTable table_scalar;
extern const KernelTable table_avx2;  // only where ADDER_KERNELS_AVX2 says so

}  // namespace adder
