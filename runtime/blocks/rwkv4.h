// RWKV-4's time mix over a chunk (Peng and others, arXiv 2305.13048): token shift, projections, the recurrence, the output.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"
#include "runtime/blocks/shift.h"

#if ADDER_RWKV4

namespace adder {

// The rows of its table of tensors.
namespace rwkv4 {
enum Row : uint8_t { norm, norm_bias, mix_r, r_proj, mix_k, k_proj, mix_v, v_proj, time_vectors, out_proj };
}  // namespace rwkv4

// What a number of time_vectors, of which a channel has two, costs per token: four exponentials, a sigmoid and two divisions.
constexpr uint8_t wkv4_work = 48;

// Of channels: `receptance` becomes what out_proj takes.
VectorStep rwkv4_recurrence;

struct Rwkv4Projection {
    rwkv4::Row mix, matrix;
    Slot out;
};
extern const Rwkv4Projection rwkv4_projections[3];

// residual += W_out (sigmoid(r) * wkv(k, v)),  r, k, v = projections of norm(residual), shifted.
template <class Source>
[[gnu::noinline]] adder_status rwkv4_forward(Source &source, const Frame &f) {
    using namespace rwkv4;
    adder_status status = shift_input(source, f, norm);
    for (const Rwkv4Projection &projection : rwkv4_projections) {
        if (status == ADDER_OK) status = source.with_channels(projection.mix, shift_work, shift_mix);
        if (status == ADDER_OK) status = source.linear(source.layer(projection.matrix), projection.out);
    }
    if (status == ADDER_OK) status = source.with_channels(time_vectors, wkv4_work, rwkv4_recurrence);
    if (status == ADDER_OK) status = source.add_linear(source.layer(out_proj));
    return status;
}

}  // namespace adder

#endif  // ADDER_RWKV4
