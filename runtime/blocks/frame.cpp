// Where buffers, inputs and states of a block lie.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/frame.h"

#include <string.h>

namespace adder {

Slots::Slots(const BlockView &block, const Buffers &buffers) {
    const uint32_t width = block.dims.padded(Dim::d_model);
    (*this)[Slot::in_codes] = {reinterpret_cast<uint8_t *>(buffers.in_codes), width};
    (*this)[Slot::in_floats] = {reinterpret_cast<uint8_t *>(buffers.in_floats), width};
    uint8_t *bytes = buffers.work;
    for (uint32_t i = 0; i < block.kind->slot_count; ++i) {
        const SlotRow &row = block.kind->slots[i];
        const uint32_t numbers = row.numbers.padded(block.dims);
        (*this)[row.place] = {bytes, numbers};
        bytes += buffer_bytes(row.type, numbers, buffers.form);
    }
    uint32_t offset = 0;
    for (uint32_t i = 0; i < block.kind->state_count; ++i) {
        const StateRow &row = block.kind->states[i];
        states[i] = {offset, tile_size * block.dims[row.count] * state_number_bytes(row, *block.shape)};
        offset += static_cast<uint32_t>(state_part_bytes(row, *block.shape, block.dims));
    }
}

LinearInput input_view(const Frame &frame, const TensorRow &row) {
    const InputRow &input = frame.block.kind->inputs[row.input];
    const SlotView &floats = frame.slots[input.floats], &codes = frame.slots[input.codes];
    return {codes.codes(), frame.slots[input.widened].floats(),
            codes.stride,  floats.floats(input.part * codes.stride),
            floats.stride, frame.buffers.scales};
}

float *normalize_part(const Frame &frame, const TensorRow &norm, const float *weight, Param epsilon, float *v,
                      uint32_t stride) {
    const Dim width = norm.rows.part[0];
    const uint32_t padded = frame.dims().padded(width);
    for (uint32_t t = 0; t < frame.tokens; ++t) {
        float *const part = v + size_t{t} * stride;
        frame.kernels.rmsnorm(part, weight, padded, frame.dims()[width], frame.block.param(epsilon), part);
    }
    return v + padded;
}

// What a norm is of: the residual stream, or what that was before the block beside this one added to it, or a buffer of the block.
// Out of line for the sake of the stack.
#if ADDER_BESIDE
[[gnu::noinline]]
#endif
static const float *
norm_input(const Frame &frame, const Layer &layer) {
    const InputRow &place = frame.block.kind->inputs[layer.row.input];
    if (is_built(block_grouped_norms) && place.floats.at != Place(Slot::in_floats).at)
        return layer.input.floats;
    float *const stream = frame.buffers.residual, *const kept = frame.buffers.carried;
    if (!is_built(block_beside) || kept == nullptr) return stream;
    const uint16_t flags = frame.block.shape->flags;
    if ((flags & shape_beside) != 0) return kept;
    if ((flags & shape_keeps_input) != 0)
        memcpy(kept, stream, sizeof(float) * frame.tokens * frame.dims().padded(Dim::d_model));
    return stream;
}

void normalize_input(const Frame &frame, const Layer &layer, const float *weight, uint32_t groups,
                     Param epsilon) {
    const Norm norm{weight, frame.dims()[frame.block.kind->inputs[layer.row.input].width], groups,
                    frame.block.param(epsilon)};
    normalize(frame.kernels, frame.team, norm, layer.linear, layer.input, norm_input(frame, layer),
              layer.input.floats_stride, frame.tokens);
}

Channels channels_of(const Channels &all, Range range, uint32_t cols) {
    const uint32_t tiles = range.begin - all.first;
    Channels some = all;
    some.first = range.begin;
    some.count = range.end - range.begin;
    some.tensors[0] += size_t{tile_size} * cols * tiles;
    some.tensors[1] += size_t{tile_size} * tiles;
    if (some.codes) {
        some.codes += size_t{tile_size} * tiles;
        some.multipliers += size_t{tile_size} * tiles;
    }
    return some;
}

ConvArgs conv_of(const Frame &frame, const Channels &channels, float *x, uint32_t stride) {
    ConvArgs conv;
    conv.tile_begin = 0;
    conv.tile_end = channels.count;
    conv.tokens = frame.tokens;
    conv.d_conv = frame.dims()[Dim::d_conv];
    conv.weight = channels.tensors[0];
    conv.bias = channels.tensors[1];
    conv.state = reinterpret_cast<float *>(state_view(frame, 0, channels.first));
    conv.x = x;
    conv.x_stride = stride;
    conv.codes = channels.codes;
    conv.codes_stride = channels.codes_stride;
    conv.multipliers = channels.multipliers;
    conv.limit = channels.limit;
    return conv;
}

void conv_channels(const Frame &frame, const Channels &channels, float *x, uint32_t stride) {
    frame.kernels.conv_silu(conv_of(frame, channels, x, stride));
}

}  // namespace adder
