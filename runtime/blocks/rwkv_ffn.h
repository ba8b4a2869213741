// The channel mix of the RWKVs before the seventh over a chunk: token shift, a feed-forward of squared ReLUs, and a receptance, which
// says how much of it is taken.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/blocks/kinds.h"
#include "runtime/blocks/shift.h"

#if ADDER_RECEPTANCE

namespace adder {

// The rows of its table of tensors.
namespace rwkv_ffn {
enum Row : uint8_t { norm, norm_bias, mix_receptance, receptance, mix_key, key, value };
}  // namespace rwkv_ffn

constexpr uint8_t receptance_work = 16;  // a number's sigmoid, as int8 multiply-accumulates

// residual += sigmoid(receptance) * mixed
RowStep rwkv_ffn_add;

// residual += sigmoid(R x) * V relu(K x')^2,  x, x' = norm(residual), shifted.
template <class Source>
[[gnu::noinline]] adder_status rwkv_ffn_forward(Source &source, const Frame &f) {
    using namespace rwkv_ffn;
    adder_status status = shift_input(source, f, norm);
    if (status == ADDER_OK) status = source.with_channels(mix_receptance, shift_work, shift_mix);
    if (status == ADDER_OK) status = source.linear(source.layer(receptance), Slot::receptance);
    if (status == ADDER_OK) status = source.with_channels(mix_key, shift_work, shift_mix);
    if (status == ADDER_OK) {
        const Layer first = source.layer(key);
        status = source.linear_rows({{first, Slot::hidden}}, 1, shift_square);
    }
    if (status == ADDER_OK) {
        const Layer second = source.layer(value);
        status = source.linear_rows({{second, Slot::mixed}}, receptance_work, rwkv_ffn_add);
    }
    return status;
}

}  // namespace adder

#endif  // ADDER_RECEPTANCE
