// The token shift, which all RWKVs have in common: LayerNorm, what a token's input is less than that of the one before it, and of
// both what a projection takes.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"

#if ADDER_TOKEN_SHIFT

namespace adder {

// Multiply-accumulates of int8 that a number costs, roughly.
constexpr uint8_t shift_work = 2;

// LayerNorm of the residual stream, into in_floats; then what each token's is less than that of the token before, into `shifted`,
// for all tokens at once, the last one going into the state, whose first part it is.
VectorStep shift_norm;
void shift_tokens(const Frame &frame);
// What a projection takes of both, into `mixed`.
VectorStep shift_mix;
// Squared ReLUs of rows of `hidden`.
RowStep shift_square;

// Both of the first, with the norm's weights in row `norm` and its biases in the next.
template <class Source>
adder_status shift_input(Source &source, const Frame &f, uint8_t norm) {
    const adder_status status = source.tokens_with_vectors(
        norm, uint64_t{f.tokens - 1} * f.dims()[Dim::d_model] * encode_work, shift_norm);
    if (status == ADDER_OK) source.each_sequence(shift_tokens);
    return status;
}

// What is wrong with a time mix's width and heads, as BlockKind::fault has it.
const char *time_mix_fault(const Dims &dims, uint32_t *value);

// The input of what takes `mixed`. Codes as floats take the place of what they were made of: nothing else reads it after them.
constexpr InputRow mixed_input(Role mix) {
    return {Slot::mixed, 0, Slot::in_codes, Slot::mixed, Dim::d_model, false, {mix}};
}

}  // namespace adder

#endif  // ADDER_TOKEN_SHIFT
