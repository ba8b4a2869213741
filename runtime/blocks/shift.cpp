// The steps of the token shift.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/shift.h"

#if ADDER_TOKEN_SHIFT

#include <string.h>

namespace adder {

const char *time_mix_fault(const Dims &d, uint32_t *value) {
    *value = d[Dim::d_inner];
    if (d[Dim::d_inner] != d[Dim::d_model]) return "d_inner, which is d_model";
    *value = d[Dim::n_head];
    if (d[Dim::d_inner] % d[Dim::n_head] != 0 || d[Dim::head_dim] % tile_size != 0 ||
        d[Dim::head_dim] > max_d_state)
        return "number of heads, whose channels are a multiple of 8 up to 1024";
    return nullptr;
}

void shift_norm(const Frame &frame, const float *weight, const float *bias, Range tokens) {
    const SlotView &out = frame.slots[Slot::in_floats];
    for (uint32_t t = tokens.begin; t < tokens.end; ++t)
        frame.kernels.layernorm(frame.buffers.residual + size_t{out.stride} * t, weight, bias,
                                frame.dims()[Dim::d_model], frame.block.param(Param::norm_epsilon),
                                out.floats() + size_t{out.stride} * t);
}

void shift_tokens(const Frame &frame) {
    const uint32_t width = frame.dims()[Dim::d_model];
    float *const state = reinterpret_cast<float *>(state_view(frame, 0, 0));
    const float *before = state, *n = frame.slots[Slot::in_floats].floats();
    float *shifted = frame.slots[Slot::shifted].floats();
    for (uint32_t t = 0; t < frame.tokens; ++t, before = n, n += width, shifted += width)
        for (uint32_t i = 0; i < width; ++i) shifted[i] = before[i] - n[i];
    memcpy(state, before, sizeof(float) * width);
}

void shift_mix(const Frame &frame, const float *factors, const float *, Range tiles) {
    TokenShiftArgs args;
    args.tile_begin = tiles.begin;
    args.tile_end = tiles.end;
    args.tokens = frame.tokens;
    args.factors = factors;
    args.n = frame.slots[Slot::in_floats].floats();
    args.shifted = frame.slots[Slot::shifted].floats();
    args.out = frame.slots[Slot::mixed].floats();
    args.stride = frame.slots[Slot::mixed].stride;
    frame.kernels.token_shift(args);
}

void shift_square(const Frame &frame, Range tiles) {
    const SlotView &hidden = frame.slots[Slot::hidden];
    for (uint32_t t = 0; t < frame.tokens; ++t)
        frame.kernels.activate(hidden.floats() + size_t{hidden.stride} * t + tile_size * tiles.begin,
                               tile_size * (tiles.end - tiles.begin), Activation::relu_squared);
}

}  // namespace adder

#endif  // ADDER_TOKEN_SHIFT
