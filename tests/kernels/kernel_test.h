// What the kernel tests have in common: every table that is built, in the floating-point mode of a call.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/float_mode.h"
#include "kernels/kernels.h"
#include "tests/kernels/guarded.h"
#include "tests/kernels/inputs.h"

namespace adder {

// The specification.
inline const KernelTable &scalar() { return *kernels_find("scalar"); }

class KernelTest : public testing::TestWithParam<const KernelTable *> {
  protected:
    void SetUp() override {
        if (!GetParam()->usable()) GTEST_SKIP() << "this CPU has no " << GetParam()->name;
        mode_ = float_mode_enter();
        entered_ = true;
    }
    void TearDown() override {
        if (entered_) float_mode_leave(mode_);
    }
    const KernelTable &table() { return *GetParam(); }

    Random random{20240229};

  private:
    FloatMode mode_{};
    bool entered_ = false;
};

inline std::vector<const KernelTable *> built() {
    uint32_t count = 0;
    const KernelTable *const *list = kernels_built(&count);
    return std::vector<const KernelTable *>(list, list + count);
}

inline std::string table_name(const testing::TestParamInfo<const KernelTable *> &table) {
    return table.param->name;
}

}  // namespace adder
