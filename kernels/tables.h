// The kernel tables, for the files that define them and for kernels.cpp; isas.inc says which are built.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"

namespace adder {

#define ADDER_EVERY_ISA
#define ADDER_ISA(name) extern const KernelTable table_##name;
#include "kernels/isas.inc"
#undef ADDER_ISA
#undef ADDER_EVERY_ISA

// Puts a better kernel into a table; not where the kernel's part is not built.
template <typename Kernel>
constexpr void kernel_better(Kernel *&place, Kernel *better) {
    if (place != nullptr) place = better;
}

}  // namespace adder
