// Layouts of GGUF's blocks.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_types.h"

#include <algorithm>
#include <cstring>

#include "converter/quantize/halves.h"

namespace adder {
namespace {

constexpr uint32_t most = 256;  // elements of a block

float half_at(const uint8_t *bytes) { return float_of_f16(static_cast<uint16_t>(bytes[0] | bytes[1] << 8)); }

// Of 32 elements with codes of 4 bits: the low halves of 16 bytes, then the high ones.
uint32_t nibble(const uint8_t *codes, uint32_t i) {
    const uint32_t byte = codes[i % 16];
    return i < 16 ? byte & 15 : byte >> 4;
}

void q4_0(const uint8_t *block, float *out) {  // f16 d; codes[16]
    const float d = half_at(block);
    for (uint32_t i = 0; i < 32; ++i)
        out[i] = static_cast<float>(static_cast<int32_t>(nibble(block + 2, i)) - 8) * d;
}

void q4_1(const uint8_t *block, float *out) {  // f16 d, m; codes[16]
    const float d = half_at(block), m = half_at(block + 2);
    for (uint32_t i = 0; i < 32; ++i) out[i] = static_cast<float>(nibble(block + 4, i)) * d + m;
}

// The fifth bits of 32 codes in 4 bytes.
uint32_t fifth_bit(const uint8_t *bits, uint32_t i) {
    const uint32_t byte = bits[i / 8];
    return (byte >> i % 8 & 1) << 4;
}

void q5_0(const uint8_t *block, float *out) {  // f16 d; bits[4]; codes[16]
    const float d = half_at(block);
    for (uint32_t i = 0; i < 32; ++i)
        out[i] =
            static_cast<float>(static_cast<int32_t>(nibble(block + 6, i) | fifth_bit(block + 2, i)) - 16) * d;
}

void q5_1(const uint8_t *block, float *out) {  // f16 d, m; bits[4]; codes[16]
    const float d = half_at(block), m = half_at(block + 2);
    for (uint32_t i = 0; i < 32; ++i)
        out[i] = static_cast<float>(nibble(block + 8, i) | fifth_bit(block + 4, i)) * d + m;
}

void q8_0(const uint8_t *block, float *out) {  // f16 d; int8 codes[32]
    const float d = half_at(block);
    for (uint32_t i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
}

// Eight scales and eight minima of 6 bits in 12 bytes.
struct Scale {
    float scale, minimum;
};
Scale scale_of(const uint8_t *packed, uint32_t j) {
    const uint32_t own = packed[j], next = packed[j + 4];
    if (j < 4) return {static_cast<float>(own & 63), static_cast<float>(next & 63)};
    const uint32_t before = packed[j - 4];
    return {static_cast<float>((next & 15) | before >> 6 << 4), static_cast<float>(next >> 4 | own >> 6 << 4)};
}

// Of 256 elements in groups of 32: two groups share 32 bytes, the first has their low halves.
uint32_t nibble_of_k(const uint8_t *codes, uint32_t group, uint32_t i) {
    const uint32_t byte = codes[group / 2 * 32 + i];
    return group % 2 == 0 ? byte & 15 : byte >> 4;
}

void q4_k(const uint8_t *block, float *out) {  // f16 d, dmin; scales[12]; codes[128]
    const float d = half_at(block), dmin = half_at(block + 2);
    for (uint32_t group = 0; group < 8; ++group) {
        const Scale scale = scale_of(block + 4, group);
        for (uint32_t i = 0; i < 32; ++i)
            out[group * 32 + i] = d * scale.scale * static_cast<float>(nibble_of_k(block + 16, group, i)) -
                                  dmin * scale.minimum;
    }
}

void q5_k(const uint8_t *block, float *out) {  // f16 d, dmin; scales[12]; bits[32]; codes[128]
    const float d = half_at(block), dmin = half_at(block + 2);
    for (uint32_t group = 0; group < 8; ++group) {
        const Scale scale = scale_of(block + 4, group);
        for (uint32_t i = 0; i < 32; ++i) {
            const uint32_t bits = block[16 + i], fifth = (bits >> group & 1) << 4;
            out[group * 32 + i] =
                d * scale.scale * static_cast<float>(nibble_of_k(block + 48, group, i) | fifth) -
                dmin * scale.minimum;
        }
    }
}

// Two halves of 128 elements, each in four groups of 32: of groups 0 and 2 the low and the high halves of the bytes of 0 to 31,
// of 1 and 3 those of 32 to 63; a byte of `bits` has two bits of each group.
void q6_k(const uint8_t *block, float *out) {  // codes[128]; bits[64]; int8 scales[16]; f16 d
    const float d = half_at(block + 208);
    for (uint32_t i = 0; i < 256; ++i) {
        const uint32_t half = i / 128, group = i % 128 / 32, l = i % 32;
        const uint32_t byte = block[half * 64 + group % 2 * 32 + l], bits = block[128 + half * 32 + l];
        const uint32_t low = group < 2 ? byte & 15 : byte >> 4, high = bits >> 2 * group & 3;
        const auto scale = static_cast<int8_t>(block[192 + half * 8 + group * 2 + l / 16]);
        out[i] =
            d * static_cast<float>(scale) * static_cast<float>(static_cast<int32_t>(low | high << 4) - 32);
    }
}

// Those without a size are known by name only. Numbers that are missing were never published, or taken back.
constexpr GgufTensorType types[] = {
    {0, "F32", DType::f32, 1, 4},        {1, "F16", DType::f16, 1, 2},
    {2, "Q4_0", DType::q4_0, 32, 18},    {3, "Q4_1", DType::q4_1, 32, 20},
    {6, "Q5_0", DType::q5_0, 32, 22},    {7, "Q5_1", DType::q5_1, 32, 24},
    {8, "Q8_0", DType::q8_0, 32, 34},    {9, "Q8_1", DType::f32, 0, 0},
    {10, "Q2_K", DType::f32, 0, 0},      {11, "Q3_K", DType::f32, 0, 0},
    {12, "Q4_K", DType::q4_k, 256, 144}, {13, "Q5_K", DType::q5_k, 256, 176},
    {14, "Q6_K", DType::q6_k, 256, 210}, {15, "Q8_K", DType::f32, 0, 0},
    {16, "IQ2_XXS", DType::f32, 0, 0},   {17, "IQ2_XS", DType::f32, 0, 0},
    {18, "IQ3_XXS", DType::f32, 0, 0},   {19, "IQ1_S", DType::f32, 0, 0},
    {20, "IQ4_NL", DType::f32, 0, 0},    {21, "IQ3_S", DType::f32, 0, 0},
    {22, "IQ2_S", DType::f32, 0, 0},     {23, "IQ4_XS", DType::f32, 0, 0},
    {24, "I8", DType::i8, 1, 1},         {25, "I16", DType::i16, 1, 2},
    {26, "I32", DType::i32, 1, 4},       {27, "I64", DType::i64, 1, 8},
    {28, "F64", DType::f64, 1, 8},       {29, "IQ1_M", DType::f32, 0, 0},
    {30, "BF16", DType::bf16, 1, 2},     {34, "TQ1_0", DType::f32, 0, 0},
    {35, "TQ2_0", DType::f32, 0, 0},     {39, "MXFP4", DType::f32, 0, 0},
    {40, "NVFP4", DType::f32, 0, 0},     {41, "Q1_0", DType::f32, 0, 0},
    {42, "Q2_0", DType::f32, 0, 0},
};

struct Blocks {
    DType dtype;
    void (*values)(const uint8_t *block, float *out);
};
constexpr Blocks all_blocks[] = {{DType::q4_0, q4_0}, {DType::q4_1, q4_1}, {DType::q5_0, q5_0},
                                 {DType::q5_1, q5_1}, {DType::q8_0, q8_0}, {DType::q4_k, q4_k},
                                 {DType::q5_k, q5_k}, {DType::q6_k, q6_k}};

const GgufTensorType &type_of(DType dtype) {
    return *std::find_if(std::begin(types), std::end(types),
                         [&](const GgufTensorType &type) { return type.dtype == dtype && type.block > 0; });
}

}  // namespace

const GgufTensorType *gguf_tensor_type(uint32_t id) {
    for (const GgufTensorType &type : types)
        if (type.id == id) return &type;
    return nullptr;
}

std::string readable_gguf_types() {
    std::string list;
    for (const GgufTensorType &type : types)
        if (type.block > 0 && is_readable(type.dtype))
            list += (list.empty() ? "" : ", ") + std::string(type.name);
    return list;
}

void floats_of_blocks(DType dtype, const uint8_t *data, uint64_t first, uint64_t count, float *out) {
    const GgufTensorType &type = type_of(dtype);
    const auto values = std::find_if(std::begin(all_blocks), std::end(all_blocks), [&](const Blocks &one) {
                            return one.dtype == dtype;
                        })->values;
    float part[most];
    for (uint64_t at = first; at < first + count;) {
        const uint64_t skipped = at % type.block;
        const uint64_t taken = std::min<uint64_t>(type.block - skipped, first + count - at);
        const uint8_t *const block = data + at / type.block * type.bytes;
        if (taken == type.block) {
            values(block, out);
        } else {
            values(block, part);
            std::copy_n(part + skipped, taken, out);
        }
        out += taken;
        at += taken;
    }
}

double bits_per_element(DType dtype) {
    if (!is_blocks(dtype)) return dtype_bits(dtype);
    const GgufTensorType &type = type_of(dtype);
    return 8.0 * type.bytes / type.block;
}

}  // namespace adder
