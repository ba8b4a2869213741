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
}

uint32_t slot_part(const BlockView &block, Slot slot, uint32_t part) {
    if (part == 0) return 0;
    const SlotRow *row = block.kind->slots;
    while (row->slot != slot) ++row;
    return row->numbers.padded(block.dims, part);
}

LinearInput input_view(const BlockView &block, const Slots &slots, const Buffers &buffers, const InputRow &row) {
    const SlotView &floats = slots[row.floats], &codes = slots[row.codes], &widened = slots[row.widened];
    return {codes.codes(), codes.stride,     floats.floats(slot_part(block, row.floats, row.part)),
            floats.stride, widened.floats(), widened.stride,
            buffers.scales};
}

void normalize_part(const Frame &frame, Slot slot, uint32_t part, const float *weight, Param epsilon) {
    const SlotRow *row = frame.block.kind->slots;
    while (row->slot != slot) ++row;
    const Dim width = row->numbers.part[part];
    const SlotView &view = frame.slots[slot];
    float *v = view.floats(slot_part(frame.block, slot, part));
    for (uint32_t t = 0; t < frame.tokens; ++t, v += view.stride)
        frame.kernels.rmsnorm(v, weight, frame.dims().padded(width), frame.dims()[width],
                              frame.block.param(epsilon), v);
}

void normalize_input(const Frame &frame, const TensorRow &row, const Linear &linear, const LinearInput &input,
                     const float *weight, uint32_t groups, Param epsilon) {
    const InputRow &place = frame.block.kind->inputs[row.input];
    const bool stream = !has_grouped_norms || place.floats == Slot::in_floats;
    normalize(frame.kernels, frame.team, {weight, frame.dims()[place.width], groups, frame.block.param(epsilon)}, linear,
              input, stream ? frame.buffers.residual : input.floats, frame.slots[place.floats].stride, frame.tokens);
}

uint64_t channels_work(const Frame &frame, const TensorRow &row, uint32_t per_number) {
    return uint64_t{row.rows.padded(frame.dims())} * frame.dims()[row.cols] * frame.tokens * per_number;
}

uint8_t *state_view(const Frame &frame, uint32_t index, uint32_t tile) {
    const BlockKind &kind = *frame.block.kind;
    uint8_t *bytes = frame.state;
    for (uint32_t i = 0; i < index; ++i)
        bytes += state_part_bytes(kind.states[i], *frame.block.shape, frame.dims());
    const StateRow &row = kind.states[index];
    return bytes + size_t{tile} * tile_size * frame.dims()[row.count] * state_number_bytes(row, *frame.block.shape);
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

void conv_channels(const Frame &frame, const Channels &channels, float *x, uint32_t stride) {
    ConvArgs conv{};
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
    frame.kernels.conv_silu(conv);
}

}  // namespace adder
