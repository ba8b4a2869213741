// Gated DeltaNet over a chunk (Yang, Kautz and Hatamizadeh, arXiv 2412.06464), as Qwen3.5 has it.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_GDN

namespace adder {

// The rows of its table of tensors.
namespace gdn {
enum Row : uint8_t {
    norm,
    in_proj,
    ab_proj,
    ab_bias,
    conv_weight,
    conv_bias,
    z_proj,
    q_norm,
    k_norm,
    A2,
    gate_norm,
    out_proj
};
}  // namespace gdn

// Multiply-accumulates of int8 that a number of the state costs, roughly: it is read twice.
constexpr uint8_t gdn_work = 6;

// Its steps: the convolution of v, q and k, in place; queries and keys of length 1, by groups; by heads the delta rule, its norm
// and its gate.
ChannelStep gdn_conv;
VectorStep gdn_normalize, gdn_scan;
// The last two, with the first of their vectors: in one place, for the sake of the stack.
struct GdnStep {
    gdn::Row first;
    Dim units, channels;  // `work` for each of so many channels and number of d_state
    uint8_t work;
    VectorStep *run;
};
extern const GdnStep gdn_steps[2];

// residual += W_out (norm(delta(q, k, v, a, b)) * silu(z)),  [v | q | k], z, [a | b] = W_in, W_z, W_ab norm(residual), the first
// convolved. Out of line, and of its layers two at a time: for the sake of the stack.
template <class Source>
[[gnu::noinline]] adder_status gdn_forward(Source &source, const Frame &f) {
    using namespace gdn;
    const Dims &dims = f.dims();
    adder_status status;
    {
        const Layer in = source.layer(in_proj), ab = source.layer(ab_proj);
        status = source.norm(norm, in, 1, Param::norm_epsilon);
        if (status == ADDER_OK)
            status =
                source.linear_channels({{in, Slot::zx}, {ab, Slot::ab}}, conv_weight, 1, gdn_conv, nullptr);
    }
    if (status == ADDER_OK) status = source.linear(source.layer(z_proj), Slot::z);
    for (const GdnStep &step : gdn_steps) {
        const uint64_t work = uint64_t{dims[step.channels]} * dims[Dim::d_state] * f.tokens * step.work;
        if (status == ADDER_OK) status = source.with_vectors(step.first, dims[step.units], work, step.run);
    }
    const Layer out = source.layer(out_proj);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder

#endif  // ADDER_GDN
