// A model: the validated view of a blob that an adder_model holds.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/adder.h"
#include "kernels/kernels.h"
#include "runtime/blob.h"
#include "runtime/tokenizer.h"

namespace adder {

// The shape of a Mamba model. "padded" is a multiple of tile_size; padding is zeros everywhere.
struct Shape {
    uint32_t d_model, d_model_padded;
    uint32_t n_layer;
    uint32_t vocab_size, vocab_padded;
    uint32_t d_inner_padded;
    uint32_t d_state;
    uint32_t d_conv;
    uint32_t dt_rank_padded;
    uint32_t x_proj_padded;  // outputs of x_proj: dt (padded), then B and C (padded together)
};

Shape make_shape(uint32_t d_model, uint32_t n_layer, uint32_t vocab_size, uint32_t d_inner, uint32_t d_state,
                 uint32_t d_conv, uint32_t dt_rank);

struct StreamOperations;

// A linear layer with what it makes of its input.
struct Linear {
    Matrix matrix;
    Dtype dtype;
    Input input;
    float largest_code;        // of the input's codes: 127 or 7
    float input_scale;         // fixed, channels, hadamard
    const float *multipliers;  // [cols], channels and hadamard
};

struct LayerWeights {
    const float *norm;         // [d_model]
    Linear in_proj;            // [x, z][d_model]
    const float *conv_weight;  // [tiles][d_conv][8]
    const float *conv_bias;    // [d_inner]
    Linear x_proj;             // [dt, B and C][d_inner]
    Linear dt_proj;            // [d_inner][dt_rank]
    const float *A2;           // [tiles][d_state][8]
    const float *D;            // [d_inner]
    Linear out_proj;           // [d_model][d_inner]
};

// Lies in an adder_model, which the caller may copy as the array of numbers that it declares: hence may_alias.
struct __attribute__((may_alias)) Model {
    const uint8_t *blob;
    const BlobHeader *header;
    const BlobTensor *tensors;
    const BlobSection *sections;
    Shape shape;
    bool float_weights;  // some linear layer has float weights
    bool code_inputs;    // some linear layer takes int8 codes
    bool has_tokenizer;
    uint64_t bytes_per_token;
    uint64_t fingerprint;
    Tokenizer tokenizer;
    // A blob that is streamed: `blob` is null, and of its contents only what the pointers above point to is in memory.
    const adder_source *source;
    const StreamOperations *stream;
    uint32_t stream_flags;
};
static_assert(sizeof(Model) <= sizeof(adder_model), "adder_model holds a Model");

inline const Model *model_of(const adder_model *model) { return reinterpret_cast<const Model *>(model); }

// The weights of a layer, as pointers into the blob; of a streamed one null pointers, and all else.
LayerWeights model_layer(const Model &model, uint32_t layer);
const float *model_final_norm(const Model &model);
Linear model_head(const Model &model);

Linear model_embedding(const Model &model);

// Writes a row of an embedding, the matrix's cols floats: that of token `row` (below vocab_size) with the whole matrix.
void embed_row(const Linear &table, uint32_t row, float *out);

// The bytes of a section; null if the blob has none of that kind, or it was left out of a streamed one.
const uint8_t *model_section(const Model &model, uint32_t kind, uint64_t *size);

// Takes note of the forms of weights and inputs that the arena depends on, of one tensor.
void note_form(Model *model, const BlobTensor &tensor);

// Validates a blob and fills in a model (runtime/blob.cpp).
adder_status blob_validate(Model *model, const void *blob, size_t size, adder_error *error);

// What blob_validate consists of, for a blob of which only some is in memory: the header's own claims; the metadata, bytes
// [0, payload_offset) at `metadata`, of a blob of `size` bytes; then the sections that are in memory.
adder_status blob_check_header(const BlobHeader &header, uint64_t size, adder_error *error);
adder_status blob_check_metadata(Model *model, const uint8_t *metadata, uint64_t size, adder_error *error);
adder_status blob_open_sections(Model *model, adder_error *error);

// Bytes of a section where a streamed blob keeps it in memory, with padding; 0 if it does not.
uint64_t section_resident_bytes(const BlobSection &section, uint32_t stream_flags);
constexpr uint64_t round_up_to_line(uint64_t bytes) {
    return (bytes + (blob_alignment - 1)) / blob_alignment * blob_alignment;
}

// Rows and columns of a tensor without padding, as the tensor table states them. A vector has one column.
void logical_extent(const BlobHeader &header, Role role, uint32_t *rows, uint32_t *cols);

// Is it a matrix, of a linear layer or the embedding? Only these may have int8 or int4 weights.
static constexpr bool is_matrix(Role role) {
    return role == Role::embedding || role == Role::in_proj || role == Role::x_proj ||
           role == Role::dt_proj || role == Role::out_proj || role == Role::head;
}

// Does it belong to a linear layer? The embedding does, where it is the head.
constexpr bool has_input(Role role, uint32_t flags) {
    return is_matrix(role) && (role != Role::embedding || (flags & blob_tied_head) != 0);
}

// Padded rows and columns of a tensor in the blob, and the bytes of its weights.
struct TensorExtent {
    uint32_t rows, cols;
    uint64_t bytes;
};
TensorExtent tensor_extent(const Shape &shape, Role role, Dtype dtype);

// The scales of a tensor: how many there are, with padding, and their bytes.
struct ScaleExtent {
    uint64_t count, bytes;
};
ScaleExtent scale_extent(const TensorExtent &extent, Granularity granularity, uint32_t group);

// Does a layer of a blob with these flags have this tensor?
static constexpr bool is_present(Role role, uint32_t flags) {
    return (role != Role::in_proj_bias && role != Role::out_proj_bias) || (flags & blob_projection_bias) != 0;
}

// The position of a tensor in the table, whose order blob.h fixes. `layer` counts only for tensors of layers.
uint32_t tensor_index(uint32_t flags, uint32_t n_layer, Role role, uint32_t layer);
uint32_t tensor_count(uint32_t flags, uint32_t n_layer);
const BlobTensor &tensor_of(const Model &model, Role role, uint32_t layer);

}  // namespace adder
