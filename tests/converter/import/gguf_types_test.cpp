// Values of GGUF's blocks, by hand for every type, and any part of them.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_types.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/gguf_builder.h"
#include "tests/support/pytorch_builder.h"

namespace adder::test {
namespace {

std::vector<float> values(DType dtype, const std::string &bytes, uint64_t first, uint64_t count) {
    std::vector<float> out(static_cast<size_t>(count), -999);
    floats_of_blocks(dtype, reinterpret_cast<const uint8_t *>(bytes.data()), first, count, out.data());
    return out;
}

std::string half(float value) { return little_endian(float_to_f16(value), 2); }
std::string repeated(size_t count, unsigned byte) { return std::string(count, static_cast<char>(byte)); }

// A block whose elements are all `fill` but for those that are named.
using Named = std::vector<std::pair<size_t, float>>;
void expect_block(DType dtype, const std::string &block, uint64_t count, float fill, const Named &named) {
    std::vector<float> expected(static_cast<size_t>(count), fill);
    for (const auto &[at, value] : named) expected[at] = value;
    EXPECT_EQ(values(dtype, block, 0, count), expected) << dtype_name(dtype);
}

}  // namespace

TEST(GgufTypes, FourBitsWithAScale) {
    std::string codes = repeated(16, 0x88);  // 8 is zero
    codes[0] = '\x0F';                       // element 0 is 15, element 16 is 0
    codes[15] = '\x91';                      // element 15 is 1, element 31 is 9
    expect_block(DType::q4_0, half(0.5f) + codes, 32, 0, {{0, 3.5f}, {16, -4}, {15, -3.5f}, {31, 0.5f}});
    expect_block(DType::q4_1, half(0.5f) + half(-2) + codes, 32, 2,
                 {{0, 5.5f}, {16, -2}, {15, -1.5f}, {31, 2.5f}});
}

TEST(GgufTypes, FiveBitsWithAScale) {
    std::string codes = repeated(16, 0x00);
    codes[2] = '\x7F';                              // elements 2 and 18: 15 and 7
    const std::string high("\x05\x00\x04\x80", 4);  // bits of elements 0, 2, 18 and 31
    expect_block(DType::q5_0, half(0.25f) + high + codes, 32, -4,
                 {{0, 0}, {2, 15 * 0.25f}, {18, 7 * 0.25f}, {31, 0}});
    expect_block(DType::q5_1, half(0.25f) + half(1) + high + codes, 32, 1,
                 {{0, 5}, {2, 31 * 0.25f + 1}, {18, 23 * 0.25f + 1}, {31, 5}});
}

TEST(GgufTypes, EightBitsWithAScale) {
    std::string codes = repeated(32, 1);
    codes[0] = '\x80';
    codes[31] = '\x7F';
    expect_block(DType::q8_0, half(-0.125f) + codes, 32, -0.125f, {{0, 16}, {31, -127 * 0.125f}});
}

// Scales 1 to 8 and minima 11 to 18, but for those of the last group, 63 and 62: six bits each.
std::string packed_scales() {
    unsigned scales[8], minima[8];
    for (unsigned j = 0; j < 8; ++j) {
        scales[j] = j == 7 ? 63 : j + 1;
        minima[j] = j == 7 ? 62 : j + 11;
    }
    std::string packed(12, '\0');
    for (unsigned j = 0; j < 4; ++j) {
        packed[j] = static_cast<char>(scales[j] | (scales[j + 4] >> 4) << 6);
        packed[j + 4] = static_cast<char>(minima[j] | (minima[j + 4] >> 4) << 6);
        packed[j + 8] = static_cast<char>((scales[j + 4] & 15) | (minima[j + 4] & 15) << 4);
    }
    return packed;
}

TEST(GgufTypes, GroupsOfFourBits) {
    // Group j has scale 2 * (j + 1) and minimum 0.5 * (j + 11); codes are 3 in even groups, 5 in odd ones.
    const std::string block = half(2) + half(0.5f) + packed_scales() + repeated(128, 0x53);
    std::vector<float> expected;
    for (unsigned group = 0; group < 8; ++group) {
        const float scale = group == 7 ? 126 : 2.0f * static_cast<float>(group + 1);
        const float minimum = group == 7 ? 31 : 0.5f * static_cast<float>(group + 11);
        for (unsigned i = 0; i < 32; ++i)
            expected.push_back(scale * (group % 2 == 0 ? 3.0f : 5.0f) - minimum);
    }
    EXPECT_EQ(values(DType::q4_k, block, 0, 256), expected);
    // The same with the fifth bit of groups 1 and 6.
    const std::string wide = half(2) + half(0.5f) + packed_scales() + repeated(32, 0x42) + repeated(128, 0x53);
    for (unsigned i = 0; i < 32; ++i) {
        expected[32 + i] += 4.0f * 16;
        expected[192 + i] += 14.0f * 16;
    }
    EXPECT_EQ(values(DType::q5_k, wide, 0, 256), expected);
    // Which byte and bit is whose.
    std::string codes = repeated(128, 0), bits = repeated(32, 0);
    codes[32 + 7] = '\x90';  // group 3, element 7: 9
    bits[7] = '\x08';        // ... and 16
    const std::string one = half(1) + half(0) + packed_scales() + bits + codes;
    expect_block(DType::q5_k, one, 256, 0, {{3 * 32 + 7, 4 * 25}});
}

TEST(GgufTypes, GroupsOfSixBits) {
    std::string scales;
    for (int i = 0; i < 16; ++i) scales += static_cast<char>(i == 5 ? -128 : i + 1);
    // All codes 0: the values are -32 times scales of 16 elements each.
    const std::string zeros = repeated(128, 0) + repeated(64, 0) + scales + half(0.5f);
    std::vector<float> expected;
    for (size_t i = 0; i < 256; ++i)
        expected.push_back(i / 16 == 5 ? 2048 : -16.0f * static_cast<float>(i / 16 + 1));
    EXPECT_EQ(values(DType::q6_k, zeros, 0, 256), expected);
    std::string low = repeated(128, 0), high = repeated(64, 0);
    low[64 + 32 + 3] = '\xA6';  // second half, byte 35: element 3 of its second group and of its fourth
    high[32 + 3] = '\xD8';      // bits of element 3 in its groups: 0, 2, 1, 3
    low[1] = '\x05';            // first half: element 1 of the first group
    std::vector<float> changed = expected;
    changed[1] = 0.5f * 1 * (5 - 32);
    changed[128 + 32 + 3] = 0.5f * 11 * (6 + 2 * 16 - 32);
    changed[128 + 64 + 3] = 0.5f * 13 * (0 + 1 * 16 - 32);
    changed[128 + 96 + 3] = 0.5f * 15 * (10 + 3 * 16 - 32);
    EXPECT_EQ(values(DType::q6_k, low + high + scales + half(0.5f), 0, 256), changed);
}

TEST(GgufTypes, AnyPartIsThePartOfTheWhole) {
    for (const DType dtype : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0, DType::q4_k,
                              DType::q5_k, DType::q6_k}) {
        const auto *type = gguf_tensor_type(0);
        for (uint32_t id = 0; id < 15; ++id)
            if (const auto *one = gguf_tensor_type(id); one != nullptr && one->dtype == dtype) type = one;
        std::string bytes;
        for (unsigned i = 0; i < 3 * type->bytes; ++i) bytes += static_cast<char>(i * 7 % 61);
        const std::vector<float> whole = values(dtype, bytes, 0, 3 * type->block);
        for (const uint64_t first :
             {uint64_t{0}, uint64_t{1}, uint64_t{type->block - 1}, uint64_t{type->block}})
            for (const uint64_t count :
                 {uint64_t{0}, uint64_t{1}, uint64_t{type->block}, uint64_t{type->block + 1}})
                EXPECT_EQ(values(dtype, bytes, first, count),
                          std::vector<float>(whole.begin() + static_cast<ptrdiff_t>(first),
                                             whole.begin() + static_cast<ptrdiff_t>(first + count)))
                    << type->name << " " << first << " " << count;
    }
}

TEST(GgufTypes, EveryTypeHasANameAndASize) {
    const std::set<uint32_t> unknown = {4, 5, 31, 32, 33, 36, 37, 38, 43};
    for (uint32_t id = 0; id < 44; ++id)
        EXPECT_EQ(gguf_tensor_type(id) == nullptr, unknown.count(id) > 0) << id;
    EXPECT_EQ(readable_gguf_types(), "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16");
    EXPECT_EQ(bits_per_element(DType::f32), 32);
    EXPECT_EQ(bits_per_element(DType::bf16), 16);
    EXPECT_EQ(bits_per_element(DType::q4_0), 4.5);
    EXPECT_EQ(bits_per_element(DType::q8_0), 8.5);
    EXPECT_EQ(bits_per_element(DType::q4_k), 4.5);
    EXPECT_EQ(bits_per_element(DType::q5_k), 5.5);
    EXPECT_EQ(bits_per_element(DType::q6_k), 6.5625);
    DType dtype;
    EXPECT_FALSE(dtype_of_name("Q4_0", &dtype));  // safetensors files have none
}

}  // namespace adder::test
