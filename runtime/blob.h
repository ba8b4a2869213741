// The blob on disk: its structs, as docs/format.md defines them byte by byte.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

#include "adder/config.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "adder: blobs are little-endian and read in place; big-endian targets are not supported"
#endif

namespace adder {

constexpr uint32_t blob_alignment = 64;  // of the blob, of every tensor and of every section
constexpr uint8_t blob_magic[8] = {'A', 'D', 'D', 'E', 'R', 0x0d, 0x0a, 0x1a};

// Largest values of the dimensions. Columns of a matrix bound the int32 sums: 127 * 127 * 2^17 < 2^31.
constexpr uint32_t max_d_model = 1u << 16;
constexpr uint32_t max_vocab_size = 1u << 20;
constexpr uint32_t max_d_inner = 1u << 17;
constexpr uint32_t max_d_state = 1024;
constexpr uint32_t max_d_conv = 64;
constexpr uint32_t max_dt_rank = 1u << 16;
constexpr uint32_t max_n_layer = 1024;
constexpr uint32_t max_blocks = 4096;
constexpr uint32_t max_shapes = 64;
constexpr uint32_t max_tensors = 1u << 17;
constexpr uint32_t max_sections = 64;
constexpr uint32_t max_metadata = 1u << 24;  // bytes before the payload

enum BlobFlags : uint32_t {
    blob_tied_head = 1,   // the head is the embedding
    blob_layer_norm = 2,  // the final norm is a LayerNorm with a bias
    blob_all_flags = ADDER_LAYER_NORM ? 3 : 1
};

struct BlobHeader {
    uint8_t magic[8];
    uint32_t format_version;
    uint32_t header_size;  // sizeof(BlobHeader)
    uint64_t blob_size;
    uint32_t metadata_crc;  // CRC-32 of bytes [0, payload_offset), this field taken as 0
    uint32_t payload_crc;   // CRC-32 of bytes [payload_offset, blob_size)
    uint32_t flags;         // BlobFlags
    uint32_t d_model, vocab_size;
    uint32_t layer_count;  // as the checkpoint counts them
    uint32_t block_count;  // at least one per layer
    uint32_t shape_count;  // what the blocks are shaped like: one per kind in most models
    uint32_t tensor_count;
    uint32_t section_count;
    uint64_t shape_table_offset;    // BlobShape[shape_count]
    uint64_t block_table_offset;    // BlobBlock[block_count]
    uint64_t tensor_table_offset;   // BlobTensor[tensor_count]
    uint64_t section_table_offset;  // BlobSection[section_count]
    uint64_t payload_offset;        // where sections and tensors begin
    uint64_t parameters;            // of the checkpoint
    float norm_epsilon;             // of the final norm
    float embedding_scale;          // embedding rows are multiplied by it; 1
    float logit_scale;              // logits are; 1
    float logit_softcap;            // c * tanh(logit / c); 0: none
    int32_t bos_token;              // -1: none
    int32_t eos_tokens[4];          // -1: none
    float temperature;              // generation defaults, as in adder_sampler
    uint32_t top_k;
    float top_p;
    float min_p;
    float repetition_penalty;
    uint8_t reserved[88];  // zero
};
static_assert(sizeof(BlobHeader) == 256, "the header is 256 bytes");

// Dimensions that a shape may state, by their place in BlobShape.dim. Which of them a kind of block has, and in what range,
// its table says (runtime/blocks/); the others are 0.
enum class Dim : uint8_t {
#define ADDER_DIM(name) name,
#include "runtime/blocks/kinds.inc"
    stored_count = 22,
    // The model's.
    d_model = stored_count,
    vocab_size,
// clang-format off
    // Those that follow from the others.
#define ADDER_DERIVED_DIM(name, word, value) name,
#include "runtime/blocks/kinds.inc"
    // clang-format on
    count
};
constexpr uint32_t stored_dims = static_cast<uint32_t>(Dim::stored_count);

// Numbers that a shape may state, by their place in BlobShape.param.
enum class Param : uint8_t {
#define ADDER_PARAM(name, high) name,
#include "runtime/blocks/kinds.inc"
    count = 8
};

enum class BlockId : uint16_t {
#define ADDER_BLOCK_ID(name, id, title) name = id,
#include "runtime/blocks/kinds.inc"
};

enum ShapeFlags : uint16_t {
    shape_projection_bias = 1,  // in_proj and out_proj have a bias
    shape_mixer_norms = 2,      // dt, B and C are normalized (Falcon-Mamba)
    shape_value_residual = 16,  // values are mixed with those that an earlier block left
    shape_gate = 32,            // what the recurrence makes is gated
    shape_turns = 128,          // queries and keys turn with the position
    shape_head_norms = 256,     // ... and each head is normalized before
    shape_keeps_input = 512,    // another block works on the same input beside this one: ...
    shape_beside = 1024,        // ... that of the last block that kept its own
    shape_unless = 0x8000       // of no shape: in TensorRow.presence
};

// Of the scan's state, or of the keys and values of a cache, which alone may be int8.
enum class StateType : uint8_t { f32 = 0, f16 = 1, int8 = 2 };

struct BlobShape {
    uint16_t kind;   // BlockId
    uint16_t flags;  // ShapeFlags
    uint8_t state_type;
    uint8_t reserved[3];  // zero
    uint32_t dim[stored_dims];
    float param[static_cast<uint32_t>(Param::count)];
};
static_assert(sizeof(BlobShape) == 128, "a shape is 128 bytes");

// One `residual += f(norm(residual))`.
struct BlobBlock {
    uint16_t shape;         // its place in the table of shapes
    uint16_t layer;         // of the checkpoint, ascending
    uint32_t first_tensor;  // its tensors are this one and those after it, as many as its kind and flags have
    uint64_t state_offset;  // bytes from the start of the state; of a kind with a cache, from the start of a page
};
static_assert(sizeof(BlobBlock) == 16, "a block is 16 bytes");

// What a tensor is. The order of a block's tensors is that of its kind's table (runtime/blocks/), where shapes stand, too.
enum class Role : uint16_t {
    none = 0,
#define ADDER_ROLE(name, number) name = number,
#include "runtime/blocks/kinds.inc"
};
constexpr uint16_t no_block = 0xffff;  // of the embedding, the final norm and the head

// Types of weights. int8 and int4 only for matrices.
enum class Dtype : uint8_t {
    f32 = 0,
    int8 = 1,  // codes -127..127, float scales of a tensor or of a row
    int4 = 2   // codes -8..7, scales of a group of columns of a row
};
// Of float weights, int8, int4; f16: to come.
enum class ScaleType : uint8_t { none = 0, f32 = 1, bf16 = 2, f16 = 3 };
enum class Granularity : uint8_t { none = 0, tensor = 1, row = 2, group = 3 };  // of the scales

// What a linear layer makes of its float input v. q8(v, m) is v * m rounded half to even, within [-L, L]: L is 127 for
// codes of 8 bits, 7 for 4.
enum class Input : uint8_t {
    none = 0,      // no linear layer
    floats = 1,    // v as it is
    fixed = 2,     // code = q8(v, 1 / input_scale), the scale found by calibration
    channels = 3,  // code[j] = q8(v[j], multiplier[j]), smoothed: the columns hold the rest
    hadamard = 4,  // t = H (v * multiplier), 64 points at a time; code = q8(t, 0.125 / input_scale)
    token = 5      // code = q8(v, L / max|v|), one scale per token
};
// Does the blob state a scale, or multipliers, for codes of this kind?
constexpr bool has_scale(Input input) {
    return input == Input::fixed || input == Input::channels || input == Input::hadamard;
}
constexpr bool has_codes(Input input) { return input != Input::none && input != Input::floats; }
constexpr float largest_code(uint32_t input_bits) { return input_bits == 4 ? 7.0f : 127.0f; }
constexpr bool has_multipliers(Input input) { return input == Input::channels || input == Input::hadamard; }

struct BlobTensor {
    uint16_t role;        // Role
    uint16_t block;       // no_block outside of the blocks
    uint8_t dtype;        // Dtype
    uint8_t granularity;  // Granularity
    uint8_t input;        // Input; none but for matrices of linear layers, the embedding where it is the head
    uint8_t input_bits;   // of the codes of the input, 8 or 4; 0 where it has none
    uint32_t rows, cols;  // without padding; a vector has one column
    uint64_t offset;      // of the weights, from the start of the blob, multiple of 64
    uint64_t size;        // bytes, with padding
    uint64_t scale_offset;       // int8: float[padded rows or 1]; int4: bfloat16 [tiles][groups][8]; else 0
    uint64_t multiplier_offset;  // float multiplier[cols, padded]; 0 if the kind of input has none
    float input_scale;           // v = code * input_scale; of fixed, channels and hadamard, else 0
    uint32_t group;              // columns per scale of int4 weights, a multiple of 8; else 0
    uint8_t scale_type;          // ScaleType
    uint8_t part;                // of a role with several tensors; 0
    uint8_t reserved1[2];        // zero
    uint32_t tiles;              // rows / 8 with the padding of each part
};
static_assert(sizeof(BlobTensor) == 64, "a tensor entry is 64 bytes");

// Kinds of sections. Texts have the numbers of adder_text in adder.h. Each at most once, in ascending order.
constexpr uint32_t section_tokenizer = 1;
constexpr uint32_t section_golden = 2;

struct BlobSection {
    uint32_t kind;
    uint32_t reserved;  // zero
    uint64_t offset;    // from the start of the blob, multiple of 64
    uint64_t size;      // bytes, without padding
};
static_assert(sizeof(BlobSection) == 24, "a section entry is 24 bytes");

// The golden case: feeding these tokens from an empty state gives logits with this CRC-32 after the last one.
struct BlobGolden {
    uint32_t logits_crc;   // over vocab_size floats
    uint32_t token_count;  // at least 1
    // int32_t tokens[token_count]
};

}  // namespace adder
