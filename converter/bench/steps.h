// Where the time of a token goes: a session's kernels, timed call by call.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "converter/bench/clock.h"
#include "runtime/session.h"

namespace adder {

// The linear layers, by their roles, and the other things that kernels do: a place in lists by step. Not all of them take time.
enum class Step : uint32_t {
#define ADDER_ROLE(name, number) name = number,
#include "runtime/blocks/kinds.inc"
    conv,
    scan,
    quantize,
    count
};
constexpr uint32_t step_count = static_cast<uint32_t>(Step::count);
const char *step_name(Step step);
constexpr Step step_of(Role role) { return static_cast<Step>(role); }

// Those that take time, in the order of a token.
const std::vector<Step> &all_steps();

// Calls body(role, linear) for all linear layers of a model, in the order of a token.
template <typename Body>
void each_linear(const Model &model, const Body &body) {
    for (uint32_t block = 0; block < model.architecture.block_count; ++block) {
        const BlockView view = block_view(model.architecture, block);
        const ModelBlock weights = model_block(model, view, block);
        for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
            const TensorRow &row = view.kind->tensors[i];
            if (row.form == Form::matrix && is_present(row, view.shape->flags))
                body(row.role, weights.linear(row));
        }
    }
    body(Role::head, model_matrix(model, Role::head));
}

struct StepTimes {
    std::array<double, step_count> seconds{};  // of all threads together
    std::array<uint64_t, step_count> calls{};
};

// While it lives, the session runs through a copy of its kernel table whose functions time those of the table. Kernels
// take no context, so there is one timer at a time in a process. The library is as it always is.
class StepTimer {
  public:
    explicit StepTimer(adder_session *session);
    ~StepTimer();
    StepTimer(const StepTimer &) = delete;
    StepTimer &operator=(const StepTimer &) = delete;

    // What has been timed since the last call, or since the beginning. Not while kernels run.
    StepTimes take();

    // What timing adds to a kernel's call, measured on calls that do nothing.
    double seconds_per_call() const { return seconds_per_call_; }

  private:
    adder_session *session_;
    const KernelTable *kernels_;
    TickRate rate_;
    double seconds_per_call_;
};

}  // namespace adder
