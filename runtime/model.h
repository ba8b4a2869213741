// A model: the validated view of a blob that an adder_model holds.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/adder.h"
#include "kernels/kernels.h"
#include "runtime/blocks/block.h"
#include "runtime/tokenizer.h"

namespace adder {

// What a model is made of: the blob's tables, or such as the converter has before there is a blob.
struct Architecture {
    uint32_t d_model, vocab_size;
    uint32_t flags;  // BlobFlags
    uint32_t block_count, shape_count;
    const BlobShape *shapes;
    const BlobBlock *blocks;

    uint32_t vocab_padded() const { return round_up_to_tile(vocab_size); }
    uint32_t d_model_padded() const { return round_up_to_tile(d_model); }
};

// What a block is.
struct BlockView {
    const BlockKind *kind;
    const BlobShape *shape;
    Dims dims;
    uint8_t place[max_rows];  // of the table's rows among the tensors that this shape has
    float param(Param which) const { return shape->param[static_cast<uint32_t>(which)]; }
};
BlockView block_view(const Architecture &architecture, uint32_t block);
BlockView shape_view(const Architecture &architecture, const BlobShape &shape);
// Embedding, final norm and head.
BlockView ends_view(const Architecture &architecture);

// How many tensors a block of this shape has.
uint32_t tensors_of_block(const BlockKind &kind, uint16_t flags);
// Where the embedding, the final norm or the head stands in a table of so many tensors; the head of a tied model is the
// embedding.
uint32_t end_index(uint32_t tensor_count, const Architecture &architecture, Role role);

// Bytes of the state of all blocks.
uint64_t state_bytes(const Architecture &architecture);

// Bytes of a page of the cache, 0 if the model has none; and the longest sequences that such a model was made for.
constexpr uint32_t max_page_bytes = 1u << 30;
#if ADDER_CACHE
uint64_t page_bytes(const Architecture &architecture);
uint32_t trained_context(const Architecture &architecture);
#else
inline uint64_t page_bytes(const Architecture &) { return 0; }
inline uint32_t trained_context(const Architecture &) { return 0; }
#endif

// Does some block leave a vector per token for others?
bool has_carried(const Architecture &architecture);

// Is the final norm a LayerNorm?
inline bool has_layer_norm(const Architecture &architecture) {
    return is_built(block_layer_norm) && (architecture.flags & blob_layer_norm) != 0;
}

struct StreamOperations;

// A linear layer with what it makes of its input.
struct Linear {
    Matrix matrix;
    Dtype dtype;
    Input input;
    float largest_code;        // of the input's codes: 127 or 7
    float input_scale;         // fixed, channels, hadamard
    const float *multipliers;  // [cols], channels and hadamard
    // Of blocks on a diagonal (inputs_diagonal): their number, and the tile of the whole matrix that the first one here is.
    // 0 or 1: no such. Looked at where is_built(block_diagonal).
    uint32_t blocks, first_tile;

    bool is_diagonal() const { return is_built(block_diagonal) && blocks > 1; }
    // Numbers of the input, padded.
    uint32_t width() const { return is_diagonal() ? matrix.cols * blocks : matrix.cols; }
};

// Lies in an adder_model, which the caller may copy as the array of numbers that it declares: hence may_alias.
struct __attribute__((may_alias)) Model {
    const uint8_t *blob;
    const BlobHeader *header;
    const BlobTensor *tensors;
    const BlobSection *sections;
    Architecture architecture;
    bool float_weights;  // some linear layer has float weights
    bool code_inputs;    // some linear layer takes int8 codes
    bool has_tokenizer;
    uint32_t stream_flags;  // of a blob that is streamed
    uint64_t bytes_per_token;
    uint64_t fingerprint;
    Tokenizer tokenizer;
    // A blob that is streamed: `blob` is null, and of its contents only what the pointers above point to is in memory.
    const adder_source *source;
    const StreamOperations *stream;
};
static_assert(sizeof(Model) <= sizeof(adder_model), "adder_model holds a Model");

inline const Model *model_of(const adder_model *model) { return reinterpret_cast<const Model *>(model); }

// Where a tensor stands in the table, and the tensor: `block` is no_block for those outside of the blocks.
uint32_t tensor_index(const Model &model, uint32_t block, Role role);
const BlobTensor &tensor_of(const Model &model, uint32_t block, Role role);

// A block of a blob, or what has no block, with its tensors: those are the ones that it has, in the order of its kind's table.
struct ModelBlock {
    const Model &model;
    const BlockView &view;
    uint32_t first_tensor;

    // Of a row of the table that is present: the tensor; a linear layer with its bias, if it has one; a tensor of floats.
    // Pointers into the blob; of a streamed one null, and all else.
    const BlobTensor &tensor(const TensorRow &row) const;
    Linear linear(const TensorRow &row) const;
    const float *vector(const TensorRow &row) const;
};
inline ModelBlock model_block(const Model &model, const BlockView &view, uint32_t block) {
    return {model, view, model.architecture.blocks[block].first_tensor};
}
// The head, or the embedding; the weights of the final norm, and the biases of one that is a LayerNorm (null: it is none).
Linear model_matrix(const Model &model, Role role);
const float *model_final_norm(const Model &model);
const float *model_final_norm_bias(const Model &model);

// Writes a row of an embedding, the matrix's cols floats: that of token `row` (below vocab_size) with the whole matrix.
void embed_row(const Linear &table, uint32_t row, float *out);
// ... with the scale that a model's embedding may have.
void embed_token(const Model &model, const Linear &table, uint32_t row, float *out);

// The bytes of a section; null if the blob has none of that kind, or it was left out of a streamed one.
const uint8_t *model_section(const Model &model, uint32_t kind, uint64_t *size);

// Bytes of a section where a streamed blob keeps it in memory, with padding; 0 if it does not.
uint64_t section_resident_bytes(const BlobSection &section, uint32_t stream_flags);
constexpr uint64_t round_up_to_line(uint64_t bytes) {
    return (bytes + (blob_alignment - 1)) / blob_alignment * blob_alignment;
}

// Does this tensor belong to a linear layer? The embedding does, where it is the head.
inline bool has_input(const TensorRow &row, uint32_t flags) {
    return row.form == Form::matrix && (row.role != Role::embedding || (flags & blob_tied_head) != 0);
}

// The scales of a tensor: how many there are, with padding, and their bytes.
struct ScaleExtent {
    uint64_t count, bytes;
};
ScaleExtent scale_extent(const TensorExtent &extent, Granularity granularity, uint32_t group);

}  // namespace adder
