// A gated MLP over a chunk, SwiGLU.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_GQA

namespace adder {

// The rows of its table of tensors.
namespace gqa_mlp {
enum Row : uint8_t { norm, gate_proj, up_proj, down_proj };
}  // namespace gqa_mlp

// gate = silu(gate) * up
RowStep gqa_gate;
constexpr uint32_t silu_work = 16;

// residual += W_down (silu(W_gate n) * W_up n),  n = norm(residual).
template <class Source>
[[gnu::noinline]] adder_status gqa_mlp_forward(Source &source, const Frame &) {
    using namespace gqa_mlp;
    adder_status status;
    {
        const Layer gate = source.layer(gate_proj), up = source.layer(up_proj);
        status = source.norm(norm, gate, 1, Param::norm_epsilon);
        if (status == ADDER_OK)
            status = source.linear_rows({{gate, Slot::zx}, {up, Slot::up}}, silu_work, gqa_gate);
    }
    const Layer down = source.layer(down_proj);
    if (status == ADDER_OK) status = source.add_linear(down);
    return status;
}

}  // namespace adder

#endif  // ADDER_GQA
