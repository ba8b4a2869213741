// RWKV-5's time mix over a chunk (Peng and others, arXiv 2404.05892): token shift, projections, the recurrence, the output.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"
#include "runtime/blocks/shift.h"

#if ADDER_RWKV5

namespace adder {

// The rows of its table of tensors.
namespace rwkv5 {
enum Row : uint8_t {
    norm,
    norm_bias,
    mix_r,
    r_proj,
    mix_k,
    k_proj,
    mix_v,
    v_proj,
    mix_g,
    g_proj,
    head_vectors,
    head_norm,
    out_proj
};
}  // namespace rwkv5

constexpr uint8_t wkv_heads_work =
    4;  // what a number of the state costs per token, as int8 multiply-accumulates

// Of heads: `receptance` becomes what out_proj takes.
VectorStep rwkv5_recurrence;

struct Rwkv5Projection {
    rwkv5::Row mix, matrix;
    Slot out;
};
extern const Rwkv5Projection rwkv5_projections[4];

// residual += W_out (norm(wkv(r, k, v)) * silu(g)),  r, k, v, g = projections of norm(residual), shifted.
template <class Source>
[[gnu::noinline]] adder_status rwkv5_forward(Source &source, const Frame &f) {
    using namespace rwkv5;
    adder_status status = shift_input(source, f, norm);
    for (const Rwkv5Projection &projection : rwkv5_projections) {
        if (projection.mix == mix_g && (f.block.shape->flags & shape_gate) == 0) continue;
        if (status == ADDER_OK) status = source.with_channels(projection.mix, shift_work, shift_mix);
        if (status == ADDER_OK) status = source.linear(source.layer(projection.matrix), projection.out);
    }
    const uint64_t recurrence =
        uint64_t{f.dims()[Dim::d_inner]} * f.dims()[Dim::head_dim] * f.tokens * wkv_heads_work;
    if (status == ADDER_OK)
        status = source.with_vectors(head_vectors, f.dims()[Dim::n_head], recurrence, rwkv5_recurrence);
    if (status == ADDER_OK) status = source.add_linear(source.layer(out_proj));
    return status;
}

}  // namespace adder

#endif  // ADDER_RWKV5
