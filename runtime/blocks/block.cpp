// The kinds of blocks that are built, and what follows from their tables.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/block.h"

#include "runtime/blocks/kinds.h"

namespace adder {

static const BlockKind *const block_kinds[] = {
#define ADDER_BLOCK(name) &name##_kind,
#include "runtime/blocks/kinds.inc"
};

uint32_t Parts::sum(const Dims &dims) const {
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; ++i) total += dims[part[i]];
    return total;
}

uint32_t Parts::padded(const Dims &dims, uint32_t end) const {
    uint32_t total = 0;
    for (uint32_t i = 0; i < count && i < end; ++i) total += dims.padded(part[i]);
    return total;
}

const BlockKind *find_block_kind(uint16_t id) {
    for (const BlockKind *kind : block_kinds)
        if (static_cast<uint16_t>(kind->id) == id) return kind;
    return nullptr;
}

// Presence goes by the header's flags.
static constexpr TensorRow end_rows[] = {
    {Role::embedding, Form::matrix, false, 0, parts(Dim::vocab_size), Dim::d_model, 0, inputs_fixed, 0},
    {Role::final_norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
#if ADDER_LAYER_NORM
    {Role::final_norm_bias, Form::whole, true, blob_layer_norm, parts(Dim::d_model), Dim::one, 0, 0, 0},
#endif
    {Role::head, Form::matrix, false, 0, parts(Dim::vocab_size), Dim::d_model, 0, inputs_fixed, 0},
};
static constexpr InputRow end_inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::final_norm}},
};
// clang-format off
const BlockKind model_ends = {BlockId{}, 0, StateType::f32, false, count_of(end_rows), count_of(end_inputs), 0, 0, 0, 0,
                              end_rows, end_inputs, nullptr, nullptr, nullptr, nullptr, nullptr};
// clang-format on

const char *dim_name(Dim dim) {
    switch (dim) {
        // clang-format off
#define ADDER_DIM_NAMES
#define ADDER_DIM(name) \
    case Dim::name: return #name;
#define ADDER_DERIVED_DIM(name, word, value) \
    case Dim::name: return word;
#include "runtime/blocks/kinds.inc"
    // clang-format on
    case Dim::d_model: return "d_model";
    case Dim::vocab_size: return "vocab_size";
    default: return "";
    }
}

const TensorRow *find_row(const BlockKind &kind, Role role) {
    for (uint32_t i = 0; i < kind.tensor_count; ++i)
        if (kind.tensors[i].role == role) return &kind.tensors[i];
    return nullptr;
}

TensorExtent tensor_extent(const TensorRow &row, const Dims &dims, Dtype dtype) {
    const uint32_t rows = row.rows.padded(dims);
    const uint32_t cols = row.form == Form::matrix ? dims.padded(row.cols) : dims[row.cols];
    const uint64_t weights = uint64_t{rows} * cols;
    return {rows, cols, dtype == Dtype::f32 ? 4 * weights : dtype == Dtype::int8 ? weights : weights / 2};
}

uint64_t buffer_bytes(SlotType type, uint32_t numbers, const BufferForm &form) {
    if ((type == SlotType::codes && !form.codes) || (type == SlotType::widened && !form.widened)) return 0;
    const uint64_t bytes = uint64_t{form.chunk} * numbers * (type == SlotType::codes ? 1 : 4);
    return (bytes + (buffer_alignment - 1)) & ~uint64_t{buffer_alignment - 1};
}

uint64_t buffers_bytes(const BlockKind &kind, const Dims &dims, const BufferForm &form) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < kind.slot_count; ++i)
        total += buffer_bytes(kind.slots[i].type, kind.slots[i].numbers.padded(dims), form);
    return total;
}

uint64_t state_part_bytes(const StateRow &row, const BlobShape &shape, const Dims &dims) {
    return uint64_t{row.channels.padded(dims)} * dims[row.count] * state_number_bytes(row, shape);
}

uint64_t block_state_bytes(const BlockKind &kind, const BlobShape &shape, const Dims &dims) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < kind.state_count; ++i) total += state_part_bytes(kind.states[i], shape, dims);
    return total;
}

uint64_t block_page_bytes(const BlockKind &kind, const BlobShape &shape, const Dims &dims) {
#if ADDER_CACHE
    if (kind.has_cache) {
        const bool codes = shape.state_type == static_cast<uint8_t>(StateType::int8);
        const uint32_t number = codes ? 1 : shape.state_type == static_cast<uint8_t>(StateType::f16) ? 2 : 4;
        return page_tokens * (uint64_t{2 * number} * dims[Dim::d_kv] +
                              (codes ? uint64_t{2 * sizeof(float)} * dims[Dim::n_group] : 0));
    }
#endif
    (void)kind, (void)shape, (void)dims;
    return 0;
}

[[maybe_unused]] static uint32_t largest(uint32_t a, uint32_t b) { return a > b ? a : b; }

Dims make_dims(const BlobShape &shape, uint32_t d_model, uint32_t vocab_size) {
    Dims dims;
    for (uint32_t i = 0; i < stored_dims; ++i) dims.of[i] = shape.dim[i];
    const auto set = [&](Dim dim, uint32_t value) { dims.of[static_cast<uint32_t>(dim)] = value; };
    set(Dim::d_model, d_model);
    set(Dim::vocab_size, vocab_size);
#define ADDER_DERIVED_DIM(name, word, value) set(Dim::name, value);
#include "runtime/blocks/kinds.inc"
    return dims;
}

}  // namespace adder
