// The blob on disk: its structs, as docs/format.md defines them byte by byte.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "adder: blobs are little-endian and read in place; big-endian targets are not supported"
#endif

namespace adder {

constexpr uint32_t blob_alignment = 64;  // of the blob, of every tensor and of every section
constexpr uint8_t blob_magic[8] = {'A', 'D', 'D', 'E', 'R', 0x0d, 0x0a, 0x1a};

// Largest values of the dimensions. d_inner and d_model bound the int32 sums: 127 * 127 * 2^17 < 2^31.
constexpr uint32_t max_d_model = 1u << 16;
constexpr uint32_t max_n_layer = 1024;
constexpr uint32_t max_vocab_size = 1u << 20;
constexpr uint32_t max_d_inner = 1u << 17;
constexpr uint32_t max_d_state = 1024;
constexpr uint32_t max_d_conv = 64;
constexpr uint32_t max_dt_rank = 1u << 16;

enum BlobFlags : uint32_t {
    blob_tied_head = 1,        // the head is the embedding
    blob_projection_bias = 2,  // in_proj and out_proj have a bias
    blob_all_flags = 3
};

struct BlobHeader {
    uint8_t magic[8];
    uint32_t format_version;
    uint32_t header_size;  // sizeof(BlobHeader)
    uint64_t blob_size;
    uint32_t metadata_crc;  // CRC-32 of bytes [0, payload_offset), this field taken as 0
    uint32_t payload_crc;   // CRC-32 of bytes [payload_offset, blob_size)
    uint32_t architecture;  // 1: Mamba
    uint32_t flags;         // BlobFlags
    uint32_t d_model, n_layer, vocab_size, d_inner, d_state, d_conv, dt_rank;
    float norm_epsilon;
    uint64_t parameters;  // of the checkpoint
    uint32_t tensor_count;
    uint32_t section_count;
    uint64_t tensor_table_offset;   // BlobTensor[tensor_count]
    uint64_t section_table_offset;  // BlobSection[section_count]
    uint64_t payload_offset;        // where sections and tensors begin
    int32_t bos_token;              // -1: none
    int32_t eos_tokens[4];          // -1: none
    float temperature;              // generation defaults, as in adder_sampler
    uint32_t top_k;
    float top_p;
    float min_p;
    float repetition_penalty;
    uint8_t reserved[104];  // zero
};
static_assert(sizeof(BlobHeader) == 256, "the header is 256 bytes");

constexpr uint32_t architecture_mamba = 1;

// The tensors, in this order: embedding; of every layer norm .. out_proj_bias; final_norm; head unless tied.
enum class Role : uint16_t {
    embedding = 1,       // [vocab_size][d_model]
    norm = 2,            // [d_model]
    in_proj = 3,         // [x: d_inner, z: d_inner][d_model]; x and z are padded to a tile each
    in_proj_bias = 4,    // [x: d_inner, z: d_inner]; present with blob_projection_bias
    conv_weight = 5,     // [d_inner][d_conv]
    conv_bias = 6,       // [d_inner]
    x_proj = 7,          // [dt: dt_rank, B and C: 2*d_state][d_inner]; dt padded to a tile, B and C together
    dt_proj = 8,         // [d_inner][dt_rank]
    dt_bias = 9,         // [d_inner]
    A2 = 10,             // [d_inner][d_state], -exp(A_log) * log2(e)
    D = 11,              // [d_inner]
    out_proj = 12,       // [d_model][d_inner]
    out_proj_bias = 13,  // [d_model]; present with blob_projection_bias
    final_norm = 14,     // [d_model]
    head = 15            // [vocab_size][d_model]
};
constexpr uint16_t no_layer = 0xffff;

// Types of weights. int8 and int4 only for embedding, in_proj, x_proj, dt_proj, out_proj and head.
enum class Dtype : uint8_t {
    f32 = 0,
    int8 = 1,  // codes -127..127, float scales of a tensor or of a row
    int4 = 2   // codes -8..7, bfloat16 scales of a group of columns of a row
};
enum class Granularity : uint8_t { none = 0, tensor = 1, row = 2, group = 3 };  // of the scales

// What a linear layer makes of its float input v. q8(v, m) is v * m rounded half to even, within [-L, L]: L is 127 for
// codes of 8 bits, 7 for 4.
enum class Input : uint8_t {
    none = 0,      // no linear layer
    floats = 1,    // v as it is
    fixed = 2,     // code = q8(v, 1 / input_scale), the scale found by calibration
    channels = 3,  // code[j] = q8(v[j], multiplier[j]), smoothed: the columns hold the rest. x_proj, out_proj
    hadamard = 4,  // t = H (v * multiplier), 64 points at a time; code = q8(t, 0.125 / input_scale). out_proj
    token = 5      // code = q8(v, L / max|v|), one scale a token
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
    uint16_t layer;       // no_layer outside of the layers
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
    uint32_t group;              // columns a scale of int4 weights, a multiple of 8; else 0
    uint32_t reserved1[2];       // zero
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
