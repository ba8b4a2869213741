// The scalar table.
// SPDX-License-Identifier: MIT
#include "kernels/cpu.h"
#include "kernels/scalar/scalar.h"
#include "kernels/tables.h"

namespace adder {

const KernelTable table_scalar = scalar::table("scalar", cpu_has_baseline, 8192);

}  // namespace adder
