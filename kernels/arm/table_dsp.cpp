// The table of Cortex-M cores with the DSP extension (M4, M7, M33, M35P). These have scalar floats only: most of it is the
// scalar kernels'.
// SPDX-License-Identifier: MIT
#if defined(__ARM_FEATURE_SIMD32) && __ARM_ARCH_PROFILE == 'M'

#include "kernels/cpu.h"
#include "kernels/scalar/scalar.h"
#include "kernels/tables.h"

namespace adder {
namespace dsp {

#define ADDER_KERNEL_DSP(kernel, type) type kernel;
#include "kernels/kernels.inc"

static constexpr KernelTable table_make() {
    KernelTable table = scalar::table("dsp", cpu_has_baseline, 16384);
#define ADDER_KERNEL_DSP(kernel, type) kernel_better(table.kernel, kernel);
#include "kernels/kernels.inc"
    return table;
}

}  // namespace dsp

const KernelTable table_dsp = dsp::table_make();

}  // namespace adder

#endif
