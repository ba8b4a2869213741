// The kernel tables, for the files that define them and for kernels.cpp; its list says which are built.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {

extern const KernelTable table_scalar;
extern const KernelTable table_sse41;
extern const KernelTable table_avx2;
extern const KernelTable table_avxvnni;
extern const KernelTable table_avx512vnni;
extern const KernelTable table_neon;
extern const KernelTable table_dotprod;
extern const KernelTable table_i8mm;
extern const KernelTable table_dsp;
extern const KernelTable table_helium;

}  // namespace adder
