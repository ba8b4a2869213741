// The short convolution of LFM2 over a chunk, between two gates (Liquid AI, arXiv 2511.23404).
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

#if ADDER_LFM2

namespace adder {

// The rows of its table of tensors.
namespace lfm2 {
enum Row : uint8_t { norm, in_proj, conv_weight, conv_bias, out_proj };
}  // namespace lfm2

// For some channels: v = b * v, its convolution, and c times that, which takes the place of b.
ChannelStep lfm2_conv;
constexpr uint32_t lfm2_work = 2;

// residual += W_out (c * conv(b * v)),  [b | c | v] = W_in norm(residual).
template <class Source>
[[gnu::noinline]] adder_status lfm2_forward(Source &source, const Frame &) {
    using namespace lfm2;
    adder_status status;
    {
        const Layer in = source.layer(in_proj);
        status = source.norm(norm, in, 1, Param::norm_epsilon);
        if (status == ADDER_OK)
            status = source.linear_channels({{in, Slot::zx}}, conv_weight, lfm2_work, lfm2_conv, nullptr);
    }
    const Layer out = source.layer(out_proj);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder

#endif  // ADDER_LFM2
