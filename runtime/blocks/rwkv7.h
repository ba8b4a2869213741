// RWKV-7's time mix over a chunk (BlinkDL, RWKV-LM: RWKV-v7, "x070"): token shift, projections, the recurrence, the output.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"
#include "runtime/blocks/shift.h"

#if ADDER_RWKV7

namespace adder {

// The rows of its table of tensors.
namespace rwkv7 {
enum Row : uint8_t {
    norm,
    norm_bias,
    mix_r,
    r_proj,
    mix_w,
    w1_proj,
    w2_proj,
    w2_bias,
    mix_k,
    k_proj,
    mix_v,
    v_proj,
    mix_v1,  // as mix_v in the checkpoint: another input, with factors and codes of its own
    v1_proj,
    v2_proj,
    v2_bias,
    mix_a,
    a1_proj,
    a2_proj,
    a2_bias,
    mix_g,
    g1_proj,
    g2_proj,
    key_vectors,
    head_norm,
    out_proj
};
}  // namespace rwkv7

// Multiply-accumulates of int8 that a number of the state costs, roughly; and a number that is made a sigmoid.
constexpr uint8_t wkv7_work = 6;
constexpr uint8_t activation_work = 16;

// Its steps. Between the matrices of a low rank.
RowStep rwkv7_tanh, rwkv7_sigmoid;
// Of heads.
VectorStep rwkv7_recurrence;

// A projection: of `mixed`, perhaps by a low rank, with what stands between its two matrices.
struct Rwkv7Projection {
    rwkv7::Row mix, matrix;
    bool low_rank;
    RowStep *step;
    Slot out;
};
extern const Rwkv7Projection rwkv7_projections[7];

// A projection by one matrix, or by two. Out of line, for the sake of the stack.
template <class Source>
[[gnu::noinline]] adder_status rwkv7_project(Source &source, const Rwkv7Projection &projection) {
    adder_status status = source.with_channels(projection.mix, shift_work, shift_mix);
    if (status != ADDER_OK) return status;
    {
        const Layer first = source.layer(projection.matrix);
        if (projection.step != nullptr)
            status = source.linear_rows({{first, Slot::low}}, activation_work, projection.step);
        else
            status = source.linear(first, projection.low_rank ? Slot::low : projection.out);
    }
    if (status != ADDER_OK || !projection.low_rank) return status;
    return source.linear(source.layer(static_cast<uint8_t>(projection.matrix + 1)), projection.out);
}

// residual += W_out (norm(wkv(r, w, k, v, a)) + bonus) * g,  r, w, k, v, a, g = projections of norm(residual), shifted.
template <class Source>
[[gnu::noinline]] adder_status rwkv7_forward(Source &source, const Frame &f) {
    using namespace rwkv7;
    const Dims &dims = f.dims();
    adder_status status = shift_input(source, f, norm);
    for (const Rwkv7Projection &projection : rwkv7_projections) {
        const bool is_there = projection.mix != mix_v1 || (f.block.shape->flags & shape_value_residual) != 0;
        if (status == ADDER_OK && is_there) status = rwkv7_project(source, projection);
    }
    const uint64_t recurrence = uint64_t{dims[Dim::d_inner]} * dims[Dim::head_dim] * f.tokens * wkv7_work;
    if (status == ADDER_OK)
        status = source.with_vectors(key_vectors, dims[Dim::n_head], recurrence, rwkv7_recurrence);
    if (status == ADDER_OK) status = source.add_linear(source.layer(out_proj));
    return status;
}

}  // namespace adder

#endif  // ADDER_RWKV7
