// What the kernel tests have in common: every table that is built, in the floating-point mode of a call.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "kernels/cpu.h"
#include "kernels/float_mode.h"
#include "kernels/kernels.h"
#include "tests/kernels/guarded.h"
#include "tests/kernels/inputs.h"
#include "tests/kernels/vpdpbusd.h"
#include "tests/support/sample.h"

namespace adder {

// The specification.
inline const KernelTable &scalar() { return *kernels_find("scalar"); }

class KernelTest : public testing::TestWithParam<const KernelTable *> {
  protected:
    void SetUp() override {
        if (!GetParam()->usable()) {
            if (std::strcmp(GetParam()->name, "avxvnni") != 0 || !VpdpbusdEmulator::possible())
                GTEST_SKIP() << "this CPU has no " << GetParam()->name;
            emulator_.emplace();
        }
        mode_ = float_mode_enter();
        entered_ = true;
    }
    void TearDown() override {
        if (entered_) float_mode_leave(mode_);
    }
    const KernelTable &table() { return *GetParam(); }
    // Each vpdpbusd takes microseconds: the large cases are left out.
    bool emulated() const { return emulator_.has_value(); }

    Random random{20240229};

  private:
    std::optional<VpdpbusdEmulator> emulator_;
    FloatMode mode_{};
    bool entered_ = false;
};

// QEMU 7.2 lets DAZ and FTZ flush the subnormal halves that F16C converts, which no processor does. To be asked within the
// floating-point mode of a call.
inline bool halves_are_flushed() {
#if defined(__x86_64__)
    if (!cpu_has_avx2()) return false;
    float widened[4];
    __asm__("movd %1, %%xmm0\n\tvcvtph2ps %%xmm0, %%xmm0\n\tvmovups %%xmm0, %0"
            : "=m"(widened)
            : "r"(1)
            : "xmm0");
    return widened[0] == 0.0f;
#else
    return false;
#endif
}

inline std::vector<const KernelTable *> built() {
    uint32_t count = 0;
    const KernelTable *const *list = kernels_built(&count);
    return std::vector<const KernelTable *>(list, list + count);
}

inline std::string table_name(const testing::TestParamInfo<const KernelTable *> &table) {
    return table.param->name;
}

}  // namespace adder
