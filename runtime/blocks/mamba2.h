// Mamba-2's block over a chunk (Dao and Gu, arXiv 2405.21060), with a barrier after each of its steps.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"

namespace adder {

// The rows of its table of tensors.
namespace mamba2 {
enum Row : uint8_t {
    norm,
    in_proj,
    in_proj_bias,
    bcdt_proj,
    bcdt_bias,
    conv_weight,
    conv_bias,
    A2,
    D,
    gate_norm,
    out_proj,
    out_proj_bias
};
}  // namespace mamba2

// Multiply-accumulates of int8 that a number of the state costs, roughly.
constexpr uint8_t ssd_work = 4;

// Its steps: the convolution of x, B and C, in place, and the scan with its gate.
ChannelStep mamba2_conv;
VectorStep mamba2_scan;

// residual += W_out norm(ssd(x, B, C, dt) * silu(z)),  [z | x], [B | C | dt] = W_in norm(residual), x, B, C convolved. Out of
// line, and of its layers two at a time: for the sake of the stack.
template <class Source>
[[gnu::noinline]] adder_status mamba2_forward(Source &source, const Frame &f) {
    using namespace mamba2;
    const Dims &dims = f.dims();
    const uint32_t d_inner = dims[Dim::d_inner];
    const uint64_t scanned = uint64_t{d_inner} * dims[Dim::d_state] * f.tokens * ssd_work;
    adder_status status;
    {
        const Layer in = source.layer(in_proj), bcdt = source.layer(bcdt_proj);
        status = source.norm(norm, in, 1, Param::norm_epsilon);
        if (status == ADDER_OK)
            status = source.linear_channels({{in, Slot::zx}, {bcdt, Slot::bcdt}}, conv_weight, 1, mamba2_conv,
                                            nullptr);
    }
    if (status == ADDER_OK) status = source.with_vectors(A2, d_inner / tile_size, scanned, mamba2_scan);
    const Layer out = source.layer(out_proj);
    if (status == ADDER_OK)
        status = source.norm(gate_norm, out, dims[Dim::n_norm_group], Param::mixer_norm_epsilon);
    if (status == ADDER_OK) status = source.add_linear(out);
    return status;
}

}  // namespace adder
