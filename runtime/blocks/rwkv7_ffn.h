// RWKV-7's channel mix over a chunk: token shift, and a feed-forward of squared ReLUs.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/kinds.h"
#include "runtime/blocks/shift.h"

#if ADDER_RWKV7

namespace adder {

// The rows of its table of tensors.
namespace rwkv7_ffn {
enum Row : uint8_t { norm, norm_bias, mix, key, value };
}  // namespace rwkv7_ffn

// residual += V relu(K x)^2,  x = norm(residual), shifted.
template <class Source>
[[gnu::noinline]] adder_status rwkv7_ffn_forward(Source &source, const Frame &f) {
    using namespace rwkv7_ffn;
    adder_status status = shift_input(source, f, norm);
    if (status == ADDER_OK) status = source.with_channels(mix, shift_work, shift_mix);
    if (status == ADDER_OK) {
        const Layer first = source.layer(key);
        status = source.linear_rows({{first, Slot::hidden}}, 1, shift_square);
    }
    if (status == ADDER_OK) status = source.add_linear(source.layer(value));
    return status;
}

}  // namespace adder

#endif  // ADDER_RWKV7
