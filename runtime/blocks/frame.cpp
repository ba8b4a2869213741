// Where buffers, inputs and states of a block lie.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/frame.h"

namespace adder {

Slots::Slots(const BlockView &block, const Buffers &buffers) {
    const uint32_t width = block.dims.padded(Dim::d_model);
    of[static_cast<uint32_t>(Slot::in_codes)] = {reinterpret_cast<uint8_t *>(buffers.in_codes), width};
    of[static_cast<uint32_t>(Slot::in_floats)] = {reinterpret_cast<uint8_t *>(buffers.in_floats), width};
    uint8_t *bytes = buffers.work;
    for (uint32_t i = 0; i < block.kind->slot_count; ++i) {
        const SlotRow &row = block.kind->slots[i];
        const uint32_t numbers = row.numbers.padded(block.dims);
        of[static_cast<uint32_t>(row.slot)] = {bytes, numbers};
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

void normalize_input(const Frame &frame, const Layer &layer, const float *weight, uint32_t groups,
                     Param epsilon) {
    const InputRow &place = frame.block.kind->inputs[layer.row.input];
    const bool stream = !is_built(block_grouped_norms) || place.floats == Slot::in_floats;
    normalize(frame.kernels, frame.team,
              {weight, frame.dims()[place.width], groups, frame.block.param(epsilon)}, layer.linear,
              layer.input, stream ? frame.buffers.residual : layer.input.floats, layer.input.floats_stride,
              frame.tokens);
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
