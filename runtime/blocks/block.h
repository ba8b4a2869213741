// What there is to know of a kind of block apart from its arithmetic: constant tables, in flash.
// SPDX-License-Identifier: MIT
//
// A block is one `residual += f(norm(residual))`. Mamba has one per layer; other families have several, of several kinds.
// All that walks over a model goes by these tables: validation, the arena, states, the order of a streamed blob, and in
// the converter plans, calibration, packing and reports. The arithmetic of a kind is in its own file, once.
#pragma once

#include "adder/config.h"
#include "kernels/kernels.h"
#include "runtime/blob.h"

namespace adder {

// The dimensions of one shape: those stored, the model's and those that follow. Without padding.
struct Dims {
    uint32_t of[static_cast<uint32_t>(Dim::count)];
    uint32_t operator[](Dim dim) const { return of[static_cast<uint32_t>(dim)]; }
    uint32_t padded(Dim dim) const { return round_up_to_tile((*this)[dim]); }
};

// What some kinds have: a build without those needs no code for it.
enum BlockTrait : uint16_t {
    block_grouped_norms = 1,    // norms in groups, of a buffer of the block
    block_unequal_parts = 2,    // rows of one step that go by different tiles
    block_shared_inputs = 4,    // matrices that take one input
    block_faults = 8,           // dimensions that have to fit each other
    block_many_rows = 16,       // long tables
    block_layer_norm = 32,      // LayerNorm, of blocks and of the head
    block_carried = 64,         // a vector per token that one block leaves for others
    block_diagonal = 256,       // matrices that are blocks on a diagonal
    block_lone_channels = 512,  // steps on channels with one tensor alone
    block_positions = 1024,     // steps that go by a token's position
    block_scaled_ends = 2048,   // a scale of the embedding, a cap on the logits
    block_cache = 4096,         // keys and values of every token of a context
    block_beside = 8192         // two blocks on one input
};
constexpr uint32_t built_traits = 0
#define ADDER_BLOCK_TRAITS(traits) | (traits)
#include "runtime/blocks/kinds.inc"
    ;
constexpr bool is_built(BlockTrait trait) { return (built_traits & trait) != 0; }

constexpr uint32_t max_rows = is_built(block_many_rows) ? 32 : 16;  // of a kind's table of tensors
constexpr uint32_t max_states = 2;                                  // ... of states

// Rows of a tensor, or the numbers of a buffer per token: up to three parts, one after the other, each padded to a tile.
constexpr uint32_t max_parts = 3;
struct Parts {
    Dim part[max_parts];
    uint8_t count;

    uint32_t sum(const Dims &dims) const;
    // Padded numbers before part `end`; of all parts by default.
    uint32_t padded(const Dims &dims, uint32_t end = max_parts) const;
};
constexpr Parts parts(Dim a) { return {{a}, 1}; }
constexpr Parts parts(Dim a, Dim b) { return {{a, b}, 2}; }
constexpr Parts parts(Dim a, Dim b, Dim c) { return {{a, b, c}, 3}; }

enum class Form : uint8_t {
    matrix,    // of a linear layer, or the embedding: [rows][cols], float, int8 or int4
    channels,  // floats [tiles][cols][8], that go with the rows of a tile
    whole      // floats [rows], needed all at once: the weights of a norm
};

// Buffers of a chunk in the arena. Those of the model, then those that some kinds of blocks have.
enum class Slot : uint8_t {
    none,
#define ADDER_SLOT(name, word, place) name,
#include "runtime/blocks/kinds.inc"
    count
};
// Where a block has each: a place is one buffer in blocks of one kind, and another in those of others.
constexpr uint8_t slot_places[] = {
    0,  // none
#define ADDER_SLOT(name, word, place) place,
#include "runtime/blocks/kinds.inc"
};
struct Place {
    uint8_t at;
    constexpr Place(Slot slot)
        : at(slot_places[static_cast<uint32_t>(slot)]) {}  // NOLINT: a table names slots
};
constexpr uint32_t count_slot_places() {
    uint32_t highest = 0;
    for (const uint8_t place : slot_places) highest = place > highest ? place : highest;
    return highest + 1;
}

// Where the input of a linear layer stands, in the forms that it may have.
struct InputRow {
    Place floats;   // made by the stage before it, ...
    uint8_t part;   // ... this part, the parts before it being as wide
    Place codes;    // of the same, `width` numbers per token
    Place widened;  // the codes as floats, for float weights
    Dim width;
    bool of_norm;  // is it what a norm makes?
    Role makers[2];  // the first of these that is there has a row for each number, which may be divided; none: no such
};

struct TensorRow {
    Role role;
    Form form;
    bool joined;  // goes by the tiles of the row before it; `channels` joined to a matrix are its bias
    uint16_t presence;  // ShapeFlags, all of which it needs, or, with shape_unless, none of which it may have; 0: always there
    Parts rows;
    Dim cols;
    uint8_t input;   // of a matrix: its place in BlockKind.inputs
    uint8_t inputs;  // of a matrix: the kinds of Input that this place can take, a bit each
    uint8_t codes_for;  // of `channels`: so many rows on is the linear layer whose Input::channels are made with them; 0: none
};
constexpr uint8_t input_bit(Input input) { return static_cast<uint8_t>(1u << static_cast<uint8_t>(input)); }
constexpr uint8_t inputs_anywhere = input_bit(Input::floats) | input_bit(Input::token);
constexpr uint8_t inputs_fixed = inputs_anywhere | input_bit(Input::fixed);
// A bit more of TensorRow::inputs: the matrix is square blocks along a diagonal, one below the other, each of `cols` columns.
// Rows of the i-th block take the i-th part of the input.
constexpr uint8_t inputs_diagonal = 0x80;
constexpr uint8_t inputs_channels = inputs_anywhere | input_bit(Input::channels);

// A buffer per token. Codes have room only where some linear layer takes codes; widened ones where, besides, some linear
// layer has float weights.
enum class SlotType : uint8_t { floats, codes, widened };
struct SlotRow {
    Slot slot;
    SlotType type;
    Parts numbers;
    Place place = slot;
};

// A part of a block's recurrent state, [tiles][count][8].
struct StateRow {
    const char *name;
    Parts channels;
    Dim count;
    uint8_t work;  // what a number costs per token, as linear_work counts
    bool halves;   // may be float16, as BlobShape.state_type says
};

struct DimRow {
    constexpr DimRow(Dim one, uint32_t most, uint8_t least = 1) : dim(one), low(least), high(most) {}
    Dim dim;
    uint8_t low;
    uint32_t high;
};

struct Frame;
struct Model;

// The number of rows of a table.
template <class Row, uint32_t count>
constexpr uint8_t count_of(const Row (&)[count]) {
    return static_cast<uint8_t>(count);
}

struct BlockKind {
    BlockId id;
    uint16_t flags;         // ShapeFlags that it knows
    StateType state_types;  // the last one that it knows
    bool shared_inputs;     // do several matrices take one input?
    uint8_t tensor_count, input_count, slot_count, state_count, dim_count;
    uint8_t param_count;  // the first so many of Param are its own; the others are 0
    const TensorRow *tensors;
    const InputRow *inputs;
    const SlotRow *slots;
    const StateRow *states;
    const DimRow *dims;
    // What the ranges do not tell. Null and 0 for a sound shape, else the name and value of what is wrong.
    const char *(*fault)(const BlobShape &shape, const Dims &dims, uint32_t *value);
    // residual += f(norm(residual)) for the tokens of a frame, with a block of a blob in memory.
    void (*forward)(const Frame &frame, const Model &model, uint32_t block);
    // Shapes with these ShapeFlags take d_model floats per token that the last block with leaves_carried of them has left.
    uint16_t takes_carried = 0;
    bool gates_output =
        false;  // what its last matrix makes goes through a gate before it is added to the residual stream
    bool has_cache = false;  // of keys and values, in the place of a state
};

// "d_inner": the names of adder_model_dim.
const char *dim_name(Dim dim);

// The kinds that are built (adder/config.h); null for another.
const BlockKind *find_block_kind(uint16_t id);

// Embedding, final norm and head, as if they were a block: what has no block of its own.
extern const BlockKind model_ends;

inline bool is_present(const TensorRow &row, uint16_t flags) {
    if (is_built(block_beside) && (row.presence & shape_unless) != 0) return (row.presence & flags) == 0;
    return (row.presence & ~flags) == 0;
}

// The row of a role; null if the kind has none.
const TensorRow *find_row(const BlockKind &kind, Role role);

// The row of a matrix's bias; null if this shape has none.
inline const TensorRow *bias_row(const BlockKind &kind, const TensorRow &matrix, uint16_t flags) {
    const TensorRow *next = &matrix + 1;
    return next < kind.tensors + kind.tensor_count && next->joined && is_present(*next, flags) ? next
                                                                                               : nullptr;
}

// How many blocks a matrix has along its diagonal, if it is such; else 1, the whole.
inline uint32_t diagonal_blocks(const BlockKind &kind, const TensorRow &row, const Dims &dims) {
    return row.inputs & inputs_diagonal ? dims[kind.inputs[row.input].width] / dims[row.cols] : 1;
}

// The tensors that a step on channels reads with those of a row: the next one, or none.
inline uint32_t channels_joined(const TensorRow &row) {
    return !is_built(block_lone_channels) || (&row)[1].joined ? 1 : 0;
}

// Padded rows and columns of a tensor in the blob, and the bytes of its weights.
struct TensorExtent {
    uint32_t rows, cols;
    uint64_t bytes;
};
TensorExtent tensor_extent(const TensorRow &row, const Dims &dims, Dtype dtype);

// Columns without padding.
inline uint32_t logical_cols(const TensorRow &row, const Dims &dims) { return dims[row.cols]; }

// What decides which buffers have room for what.
struct BufferForm {
    uint32_t chunk;
    bool codes;    // some linear layer takes codes
    bool widened;  // some linear layer takes codes as floats
};
constexpr uint32_t buffer_alignment = 64;
// Bytes that a buffer takes in the arena; 0 if it has no room.
uint64_t buffer_bytes(SlotType type, uint32_t numbers, const BufferForm &form);
// Bytes of all buffers of a kind.
uint64_t buffers_bytes(const BlockKind &kind, const Dims &dims, const BufferForm &form);

// Bytes of a number of a block's state, of one part of it, and of all.
inline uint32_t state_number_bytes(const StateRow &row, const BlobShape &shape) {
    return row.halves && shape.state_type == static_cast<uint8_t>(StateType::f16) ? 2 : 4;
}
uint64_t state_part_bytes(const StateRow &row, const BlobShape &shape, const Dims &dims);
uint64_t block_state_bytes(const BlockKind &kind, const BlobShape &shape, const Dims &dims);

// The cache is pages of 8 tokens each. A page has, of each block with a cache in turn, keys [d_kv][8 tokens], values
// [d_kv/8][8 tokens][8], and of codes the scales of keys [n_group][8 tokens] and of values, a float for each group and token.
constexpr uint32_t page_tokens = tile_size;
uint64_t block_page_bytes(const BlockKind &kind, const BlobShape &shape, const Dims &dims);
inline uint32_t pages_of(uint64_t tokens) {  // at most max_context
    return static_cast<uint32_t>(tokens + (page_tokens - 1)) / page_tokens;
}

// What a shape takes of what an earlier block left, by the ShapeFlags that say so, and what it leaves: values the first of those
// blocks, whose shape does not mix them; its input one that another works beside.
inline uint16_t takes_carried(const BlockKind &kind, uint16_t flags) {
    return is_built(block_carried) ? kind.takes_carried & flags : 0;
}
inline uint16_t leaves_carried(const BlockKind &kind, uint16_t flags) {
    if (is_built(block_beside) && (flags & shape_keeps_input) != 0) return shape_beside;
    return kind.takes_carried & shape_value_residual & ~flags;
}

// The numbers of a shape's kind, with those of the model and what follows. n_head, n_group of 0 count as 1.
Dims make_dims(const BlobShape &shape, uint32_t d_model, uint32_t vocab_size);

}  // namespace adder
