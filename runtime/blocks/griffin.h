// Griffin's recurrent block over a chunk (De and others, arXiv 2402.19427, section 2.3), with a barrier after each of its steps.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_GRIFFIN

namespace adder {

// The rows of its table of tensors.
namespace griffin {
enum Row : uint8_t {
    norm,
    in_proj,
    in_proj_bias,
    conv_weight,
    conv_bias,
    lru_gates,
    lru_bias,
    A2,
    out_proj,
    out_proj_bias
};
}  // namespace griffin

// Multiply-accumulates of int8 that RG-LRU costs for a channel, roughly: five exponentials, divisions and a root.
constexpr uint8_t lru_work = 160;

// Its steps for some channels: the convolution, in place, and the scan with its gate.
ChannelStep griffin_conv, griffin_scan;

// residual += W_out (rg_lru(conv(x)) * gelu(y)),  [y | x] = W_in norm(residual). Out of line, and of its layers two at a time:
// for the sake of the stack.
template <class Source>
[[gnu::noinline]] adder_status griffin_forward(Source &source, const Frame &) {
    using namespace griffin;
    adder_status status;
    {
        const Layer in = source.layer(in_proj), gates = source.layer(lru_gates);
        status = source.norm(norm, in, 1, Param::norm_epsilon);
        if (status == ADDER_OK)
            status = source.linear_channels({{in, Slot::zx}}, conv_weight, 1, griffin_conv, nullptr);
        if (status == ADDER_OK)
            status = source.linear_channels({{gates, Slot::gates}}, A2, lru_work, griffin_scan, nullptr);
    }
    const Layer out = source.layer(out_proj);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder

#endif  // ADDER_GRIFFIN
