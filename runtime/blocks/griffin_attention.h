// Griffin's attention over a chunk: to the last tokens of a window, whose keys and values are a ring in the state.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

namespace adder {

// The rows of its table of tensors.
namespace griffin_attention {
enum Row : uint8_t { norm, q_proj, kv_proj, turns, turns_low, out_proj, out_proj_bias };
}  // namespace griffin_attention

// Turns queries and keys, and attends, a token after the other.
VectorStep griffin_attend;

// residual += W_out attention(q, k, v),  q, [k | v] = W_q, W_kv norm(residual).
template <class Source>
[[gnu::noinline]] adder_status griffin_attention_forward(Source &source, const Frame &) {
    using namespace griffin_attention;
    adder_status status;
    {
        const Layer q = source.layer(q_proj), kv = source.layer(kv_proj);
        status = source.norm(norm, q, 1, Param::norm_epsilon);
        if (status == ADDER_OK) status = source.linear(q, Slot::heads);
        if (status == ADDER_OK) status = source.linear(kv, Slot::kv);
    }
    // The step itself shares its work among the team.
    if (status == ADDER_OK) status = source.with_vectors(turns, 1, 0, griffin_attend);
    const Layer out = source.layer(out_proj);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder
