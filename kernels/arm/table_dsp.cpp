// The table of Cortex-M cores with the DSP extension (M4, M7, M33, M35P). These have scalar floats only: most of it is the
// scalar kernels'.
// SPDX-License-Identifier: MIT
#if defined(__ARM_FEATURE_SIMD32) && __ARM_ARCH_PROFILE == 'M'

#include "kernels/cpu.h"
#include "kernels/scalar/scalar.h"
#include "kernels/tables.h"

namespace adder {
namespace dsp {

MatmulKernel matmul_q8, matmul_q4;
ScanKernel scan;
SsdScanKernel ssd_scan;

static constexpr KernelTable table_make() {
    KernelTable table = scalar::table("dsp", cpu_has_baseline, 16384);
    kernel_better(table.matmul_q8, matmul_q8);
    kernel_better(table.matmul_q4, matmul_q4);
    kernel_better(table.scan, scan);
    kernel_better(table.ssd_scan, ssd_scan);
    return table;
}

}  // namespace dsp

const KernelTable table_dsp = dsp::table_make();

}  // namespace adder

#endif
