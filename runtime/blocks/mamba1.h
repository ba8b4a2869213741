// Mamba-1's block over a chunk (Gu and Dao, arXiv 2312.00752, section 3.4), with a barrier after each of its steps.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

namespace adder {

// The rows of its table of tensors.
namespace mamba1 {
enum Row : uint8_t {
    norm,
    in_proj,
    in_proj_bias,
    conv_weight,
    conv_bias,
    x_proj,
    dt_norm,
    B_norm,
    C_norm,
    dt_proj,
    dt_bias,
    A2,
    D,
    out_proj,
    out_proj_bias
};
}  // namespace mamba1

// Its steps for some channels: the convolution, in place, and the selective scan with its gate.
ChannelStep mamba1_conv, mamba1_scan;

// residual += W_out (scan(conv(x)) * silu(z)),  [x | z] = W_in norm(residual). Out of line, and of its layers two at a time: for
// the sake of the stack.
template <class Source>
[[gnu::noinline]] adder_status mamba1_forward(Source &source, const Frame &f) {
    using namespace mamba1;
    adder_status status;
    {
        const Layer in = source.layer(in_proj), x = source.layer(x_proj);
        status = source.norm(norm, in, 1, Param::norm_epsilon);
        if (status == ADDER_OK)
            status = source.linear_channels({{in, Slot::zx}}, conv_weight, 1, mamba1_conv, &x);
        if (status == ADDER_OK) status = source.linear(x, Slot::x_proj);
    }
    if (status == ADDER_OK && (f.block.shape->flags & shape_mixer_norms))
        status = source.norms(dt_norm, 3, Slot::x_proj, Param::mixer_norm_epsilon);
    const Layer dt = source.layer(dt_proj), out = source.layer(out_proj);
    if (status == ADDER_OK)
        status = source.linear_channels({{dt, Slot::delta}}, A2, scan_work, mamba1_scan, &out);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder
