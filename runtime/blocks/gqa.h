// Attention to all tokens of a context over a chunk: keys and values are in the pages of a cache.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_GQA

namespace adder {

// The rows of its table of tensors.
namespace gqa {
enum Row : uint8_t {
    norm,
    q_proj,
    kv_proj,
    q_norm,
    k_norm,
    turns,
    turns_low,
#if ADDER_HEAD_GATES
    g_proj,
#endif
    out_proj,
    o_proj
};
}  // namespace gqa

// Normalizes each head of queries and of keys.
VectorStep gqa_normalize;
// Turns queries and keys of all tokens.
VectorStep gqa_turn;
// Scales queries, and puts keys and values of all tokens into the cache.
void gqa_keep(const Frame &frame);
// Some heads of all tokens, heads of the first token first, attend to what is there.
void gqa_attend(const Frame &frame, Range heads);
uint64_t gqa_work(const Frame &frame);
// What the heads have attended to, times a sigmoid: its argument stands where q stood.
RowStep gqa_gate_heads;
constexpr uint32_t sigmoid_work = 16;

// residual += W_out attention(q, k, v),  q, [k | v] = W_q, W_kv norm(residual). Of gated attention times sigmoid(W_g norm(residual)).
template <class Source>
[[gnu::noinline]] adder_status gqa_forward(Source &source, const Frame &f) {
    using namespace gqa;
    adder_status status;
    {
        const Layer q = source.layer(q_proj), kv = source.layer(kv_proj);
        status = source.norm(norm, q, 1, Param::norm_epsilon);
        if (status == ADDER_OK) status = source.linear(q, Slot::heads);
        if (status == ADDER_OK) status = source.linear(kv, Slot::kv);
    }
    if (status == ADDER_OK && (f.block.shape->flags & shape_head_norms) != 0)
        status = source.with_vectors(q_norm, 1, 0, gqa_normalize);
    if (status == ADDER_OK && (f.block.shape->flags & shape_turns) != 0)
        status = source.with_vectors(turns, 1, 0, gqa_turn);
    if (status == ADDER_OK)
        source.each_sequence([](const Frame &frame) {
            gqa_keep(frame);
            team_run(frame.team, gqa_work(frame), frame.tokens * frame.dims()[Dim::n_head],
                     [&](Range heads) { gqa_attend(frame, heads); });
        });
#if ADDER_HEAD_GATES
    if (status == ADDER_OK && (f.block.shape->flags & shape_gate) != 0)
        status = source.linear_rows({{source.layer(g_proj), Slot::heads}}, sigmoid_work, gqa_gate_heads);
#endif
    const Layer out = source.layer((f.block.shape->flags & shape_beside) != 0 ? o_proj : out_proj);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder

#endif  // ADDER_GQA
