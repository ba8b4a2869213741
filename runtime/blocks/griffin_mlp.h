// Griffin's gated MLP over a chunk.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_GRIFFIN

namespace adder {

// The rows of its table of tensors.
namespace griffin_mlp {
enum Row : uint8_t { norm, gate_proj, gate_bias, up_proj, up_bias, down_proj, down_bias };
}  // namespace griffin_mlp

// gate = gelu(gate) * up
RowStep griffin_gate;
constexpr uint32_t gelu_work = 32;

// residual += W_down (gelu(W_gate n) * W_up n),  n = norm(residual).
template <class Source>
[[gnu::noinline]] adder_status griffin_mlp_forward(Source &source, const Frame &) {
    using namespace griffin_mlp;
    adder_status status;
    {
        const Layer gate = source.layer(gate_proj), up = source.layer(up_proj);
        status = source.norm(norm, gate, 1, Param::norm_epsilon);
        if (status == ADDER_OK)
            status = source.linear_rows({{gate, Slot::zx}, {up, Slot::up}}, gelu_work, griffin_gate);
    }
    const Layer down = source.layer(down_proj);
    if (status == ADDER_OK) status = source.add_linear(down);
    return status;
}

}  // namespace adder

#endif  // ADDER_GRIFFIN
