// An MLP over a chunk, of squared ReLUs without a gate.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_GQA

namespace adder {

// The rows of its table of tensors.
namespace gqa_relu2 {
enum Row : uint8_t { norm, up_proj, down_proj };
}  // namespace gqa_relu2

// hidden = relu(hidden)^2
RowStep gqa_square;

// residual += W_down relu(W_up n)^2,  n = norm(residual).
template <class Source>
[[gnu::noinline]] adder_status gqa_relu2_forward(Source &source, const Frame &) {
    using namespace gqa_relu2;
    adder_status status;
    {
        const Layer up = source.layer(up_proj);
        status = source.norm(norm, up, 1, Param::norm_epsilon);
        if (status == ADDER_OK) status = source.linear_rows({{up, Slot::zx}}, 1, gqa_square);
    }
    const Layer down = source.layer(down_proj);
    if (status == ADDER_OK) status = source.add_linear(down);
    return status;
}

}  // namespace adder

#endif  // ADDER_GQA
