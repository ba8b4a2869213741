// Griffin's attention over a chunk: to the last tokens of a window, whose keys and values are a ring in the state.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_GRIFFIN

namespace adder {

// The rows of its table of tensors.
namespace griffin_attention {
enum Row : uint8_t { norm, q_proj, kv_proj, turns, turns_low, out_proj, out_proj_bias };
}  // namespace griffin_attention

constexpr uint8_t attend_work = 4;  // a key's or value's number, for one head

// Turns queries and keys of all tokens.
VectorStep griffin_turn;
// Puts a token's key and value into the state; then some heads attend to what is there.
void griffin_keep(const Frame &frame, uint32_t token);
void griffin_attend(const Frame &frame, uint32_t token, Range heads);

// residual += W_out attention(q, k, v),  q, [k | v] = W_q, W_kv norm(residual).
template <class Source>
[[gnu::noinline]] adder_status griffin_attention_forward(Source &source, const Frame &f) {
    using namespace griffin_attention;
    adder_status status;
    {
        const Layer q = source.layer(q_proj), kv = source.layer(kv_proj);
        status = source.norm(norm, q, 1, Param::norm_epsilon);
        if (status == ADDER_OK) status = source.linear(q, Slot::heads);
        if (status == ADDER_OK) status = source.linear(kv, Slot::kv);
    }
    if (status == ADDER_OK) status = source.with_vectors(turns, 1, 0, griffin_turn);
    const Dims &n = f.dims();
    const uint64_t work = uint64_t{2 * attend_work} * n[Dim::window] * n[Dim::d_inner];
    // A token after the other: its key takes the place of one that the token before it has seen.
    if (status == ADDER_OK)
        source.each_sequence([&](const Frame &frame) {
            for (uint32_t t = 0; t < frame.tokens; ++t) {
                griffin_keep(frame, t);
                team_run(frame.team, work, n[Dim::n_head],
                         [&](Range heads) { griffin_attend(frame, t, heads); });
            }
        });
    const Layer out = source.layer(out_proj);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder

#endif  // ADDER_GRIFFIN
