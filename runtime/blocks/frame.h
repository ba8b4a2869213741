// A block at work on a chunk of tokens: its kind, its dimensions, where its buffers and its state lie.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/block.h"
#include "runtime/linear.h"
#include "runtime/model.h"

namespace adder {

// Working memory for a chunk; where in the arena, says arena.h. Strides are the padded dimensions. What has no room is not
// looked at.
struct Buffers {
    BufferForm form;
    float *residual;   // [tokens][d_model]
    int8_t *in_codes;  // [tokens][d_model], the normalized input of a block or of the head
    float *in_floats;  // the same before quantization; then its codes as floats, if the weights are floats
    float *scales;     // [tokens], of the linear layer at hand, if its input has one scale per token
    float *carried;    // [tokens][d_model], what a block leaves for later ones; null where none takes it
    uint8_t *work;     // the buffers of the block at hand
};

// A buffer of the block at hand, [tokens][stride].
struct SlotView {
    uint8_t *bytes;
    uint32_t stride;  // numbers per token
    float *floats(uint32_t from = 0) const { return reinterpret_cast<float *>(bytes) + from; }
    int8_t *codes() const { return reinterpret_cast<int8_t *>(bytes); }
};

// A part of a block's state, in bytes from where the state begins.
struct StateView {
    uint32_t offset, tile_bytes;
};

// Where the buffers and the parts of the state of a block lie.
struct Slots {
    Slots() = default;
    Slots(const BlockView &block, const Buffers &buffers);
    SlotView of[count_slot_places()];
    StateView states[max_states];
    SlotView &operator[](Place place) { return of[place.at]; }
    const SlotView &operator[](Place place) const { return of[place.at]; }
};

struct Frame {
    const KernelTable &kernels;
    const Team &team;
    const BlockView &block;
    const Buffers &buffers;
    const Slots &slots;
    uint8_t *state;  // of this block, its parts one after the other; or what it has of the cache's first page
    uint32_t tokens;
#if ADDER_CACHE
    uint32_t page_bytes = 0;  // from a page of the cache to the next
#endif
    uint64_t position = 0;  // of the first of the tokens in their sequence; 0 where no kind that is built asks

    const Dims &dims() const { return block.dims; }
};

// A linear layer of the block, a row of its kind's table, with its input.
struct Layer {
    const TensorRow &row;
    Linear linear;
    LinearInput input;
};

// The input of a linear layer, in the forms that it may have.
LinearInput input_view(const Frame &frame, const TensorRow &row);

// Part `index` of the state, from tile `tile` of its channels on.
inline uint8_t *state_view(const Frame &frame, uint32_t index, uint32_t tile) {
    const StateView &part = frame.slots.states[index];
    return frame.state + part.offset + size_t{tile} * part.tile_bytes;
}

// RMSNorm in place of a part of a buffer, [tokens][stride], for all tokens: as many numbers as the row of the norm's weights
// has. Returns where the next part begins.
float *normalize_part(const Frame &frame, const TensorRow &norm, const float *weight, Param epsilon, float *v,
                      uint32_t stride);

// The input of a linear layer: RMSNorm of the residual stream, or of a buffer of the block in place; in 0 groups the weights
// are all that it is multiplied by.
void normalize_input(const Frame &frame, const Layer &layer, const float *weight, uint32_t groups,
                     Param epsilon);

// What a step over all channels of a row costs, `per_number` for each of its numbers and token: about that of the first part,
// the largest.
inline uint64_t channels_work(const Frame &frame, const TensorRow &row, uint32_t per_number) {
    return uint64_t{frame.dims()[row.rows.part[0]]} * frame.dims()[row.cols] * frame.tokens * per_number;
}

// Some tiles of a block's channels, with what belongs to them: every pointer is at the first of these tiles.
struct Channels {
    uint32_t first, count;    // tiles, as the rows of `tensors` count them
    const float *tensors[2];  // those that are read together, in the order of the table
    int8_t *codes;            // [tokens][codes_stride]; null: not wanted
    uint32_t codes_stride;
    const float *multipliers;  // of the codes
    float limit;
};

// What a block does with some tiles of its channels, all of part `part` of their rows.
using ChannelStep = void(const Frame &frame, const Channels &channels, uint32_t part);
// ... and with some tiles of channels that share two vectors.
using VectorStep = void(const Frame &frame, const float *a, const float *b, Range tiles);
// ... and with some tiles of rows that linear layers have just made.
using RowStep = void(const Frame &frame, Range tiles);

// Tiles `range` of all: `cols` is the columns of the first tensor, the second has one.
Channels channels_of(const Channels &all, Range range, uint32_t cols);

// Has the codes of a linear layer's input made with the channels, if it wants such.
inline void want_codes(const Layer &layer, Channels *channels) {
    if (layer.linear.input != Input::channels) return;
    channels->codes = layer.input.codes;
    channels->codes_stride = layer.input.codes_stride;
    channels->multipliers = layer.linear.multipliers;
    channels->limit = layer.linear.largest_code;
}

// The convolution in place in x [tokens][stride], with conv_weight and conv_bias, and that with SiLU. The state's first part is
// theirs.
ConvArgs conv_of(const Frame &frame, const Channels &channels, float *x, uint32_t stride);
void conv_channels(const Frame &frame, const Channels &channels, float *x, uint32_t stride);

// A linear layer, and where its output goes.
struct LinearTo {
    const Layer &layer;
    Slot out;
};

}  // namespace adder
