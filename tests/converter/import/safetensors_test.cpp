// Tests of the safetensors reader, above all with files that lie.
// SPDX-License-Identifier: MIT
#include "converter/import/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "converter/quantize/halves.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/error_of.h"

namespace adder::test {

namespace {

TensorTable parse(const std::string &bytes) {
    return parse_safetensors(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "m.safetensors");
}

std::string parse_error(const std::string &bytes) {
    return error_of([&] { parse(bytes); });
}

std::string header_error(const std::string &header, size_t data_size = 0) {
    return parse_error(safetensors_bytes(header, std::string(data_size, '\0')));
}

// The header of one tensor "a".
std::string one(const std::string &dtype, const std::string &shape, const std::string &offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

std::string two(const std::string &first, const std::string &second) {
    return R"({"a":{"dtype":"I8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"I8","shape":[4],"data_offsets":)" + second + "}}";
}

uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

}  // namespace

TEST(Safetensors, ReadsTensorsInPlace) {
    const std::string bytes = safetensors_file({make_tensor("z", DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6}),
                                                make_tensor("a", DType::bf16, {2}, {1.5f, -2}),
                                                make_tensor("scalar", DType::f16, {}, {0.25f}),
                                                make_tensor("empty", DType::f32, {0, 7}, {})});
    const TensorTable header = parse(bytes);
    ASSERT_EQ(header.tensors.size(), 4u);
    EXPECT_EQ(header.tensors[0].name, "a");
    const TensorView *const z = header.find("z");
    ASSERT_NE(z, nullptr);
    EXPECT_EQ(z->shape, (std::vector<uint64_t>{2, 3}));
    EXPECT_EQ(z->elements, 6u);
    EXPECT_EQ(z->size, 24u);
    EXPECT_EQ(*z->file, "m.safetensors");
    EXPECT_GE(reinterpret_cast<const char *>(z->data), bytes.data());
    EXPECT_LT(reinterpret_cast<const char *>(z->data), bytes.data() + bytes.size());
    float values[6];
    convert_to_float(*z, 2, 3, values);
    EXPECT_EQ(values[0], 3);
    EXPECT_EQ(values[2], 5);
    convert_to_float(*header.find("a"), 0, 2, values);
    EXPECT_EQ(values[0], 1.5f);
    EXPECT_EQ(values[1], -2);
    convert_to_float(*header.find("scalar"), 0, 1, values);
    EXPECT_EQ(values[0], 0.25f);
    EXPECT_EQ(header.find("empty")->elements, 0u);
    convert_to_float(*header.find("empty"), 0, 0, nullptr);
    EXPECT_EQ(header.find("nope"), nullptr);
}

TEST(Safetensors, ReadsAnEmptyFile) {
    EXPECT_TRUE(parse(safetensors_bytes("{}", "")).tensors.empty());
    EXPECT_TRUE(parse(safetensors_bytes("{\"__metadata__\":{\"format\":\"pt\"}}   ", "")).tensors.empty());
}

TEST(Safetensors, EveryTruncationIsAnError) {
    const std::string bytes = safetensors_file(
        {make_tensor("a", DType::f32, {2, 2}, {1, 2, 3, 4}), make_tensor("b", DType::f16, {3}, {1, 2, 3})});
    parse(bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
        // A copy of just this size, so that reading past it is seen by the address sanitizer.
        const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_HAS(error_of([&] { parse_safetensors(cut.data(), size, "m.safetensors"); }), "m.safetensors");
    }
    // With the length made to fit, so that the JSON text itself is cut.
    for (size_t size = 8; size < bytes.size(); ++size) {
        parse_error(safetensors_bytes(bytes.substr(8, size - 8), ""));
    }
}

TEST(Safetensors, ChecksTheHeadersLength) {
    EXPECT_HAS(parse_error(""), "m.safetensors has 0 bytes");
    EXPECT_HAS(parse_error(std::string(8, '\0')), "does not start with '{'");
    EXPECT_HAS(parse_error(std::string(8, '\xFF')),
               "a header of 18446744073709551615 bytes; at most 100000000");
    std::string bytes = safetensors_bytes("{}", "");
    bytes[0] = 3;
    EXPECT_HAS(parse_error(bytes), "a header of 3 bytes, but has only 2");
    bytes = safetensors_bytes("{}", "");
    bytes[7] = 1;
    EXPECT_HAS(parse_error(bytes), "a header of 72057594037927938 bytes");
}

TEST(Safetensors, ChecksTheHeadersForm) {
    EXPECT_HAS(header_error(" {}"), "does not start with '{'");
    EXPECT_HAS(header_error("[]"), "does not start with '{'");
    EXPECT_HAS(header_error("{} {}"), "m.safetensors (header):1:4");
    EXPECT_HAS(header_error("{\"a\":1}"), "tensor \"a\" is 1; an object is needed");
    EXPECT_HAS(header_error("{\"a\":{}}"), "tensor \"a\" has no dtype");
    EXPECT_HAS(header_error(R"({"a":{"dtype":"F32"}})"), "tensor \"a\" has no shape");
    EXPECT_HAS(header_error(R"({"a":{"dtype":"F32","shape":[]}})"), "tensor \"a\" has no data_offsets");
    EXPECT_HAS(header_error(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}})", 4),
               "unknown member \"x\"");
    EXPECT_HAS(header_error(one("F31", "[1]", "[0,4]"), 4), "tensor \"a\" has the unknown type \"F31\"");
    EXPECT_HAS(header_error(one("F32", "[1]", "[0,4,4]"), 4), "3 data_offsets");
    EXPECT_HAS(header_error(one("F32", "[1]", "[4]"), 4), "1 data_offsets");
    EXPECT_HAS(header_error(one("F32", "1", "[0,4]"), 4), "tensor \"a\": shape is 1; an array is needed");
    EXPECT_HAS(header_error(one("F32", "[-1]", "[0,4]"), 4), "shape is -1; an integer from 0");
    EXPECT_HAS(header_error(one("F32", "[1.5]", "[0,4]"), 4), "shape is 1.5; an integer from 0");
    EXPECT_HAS(header_error(one("F32", "[1]", "[\"0\",4]"), 4), "data_offsets is \"0\"");
    EXPECT_HAS(header_error("{\"__metadata__\":1}"), "__metadata__ is 1; an object");
    EXPECT_HAS(header_error("{\"__metadata__\":{\"a\":1}}"), "__metadata__: \"a\" is 1; a string");
    EXPECT_HAS(header_error(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},)"
                            R"("a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})",
                            1),
               "stands twice");
}

TEST(Safetensors, ChecksOffsets) {
    EXPECT_HAS(header_error(one("F32", "[2]", "[0,8]"), 7), "lies at bytes 0 to 8 of the data, which has 7");
    EXPECT_HAS(header_error(one("F32", "[2]", "[8,0]"), 8), "lies at bytes 8 to 0");
    EXPECT_HAS(header_error(one("F32", "[2]", "[9223372036854775800,9223372036854775807]"), 8),
               "lies at bytes");
    EXPECT_HAS(header_error(one("F32", "[2]", "[0,18446744073709551615]"), 8), "data_offsets is");
    EXPECT_HAS(header_error(one("F32", "[0]", "[9,9]"), 8), "lies at bytes 9 to 9");
}

TEST(Safetensors, ChecksSizeAgainstShape) {
    EXPECT_HAS(header_error(one("F32", "[2]", "[0,4]"), 4), "has 4 bytes; shape [2] of F32 needs 8");
    EXPECT_HAS(header_error(one("F16", "[2]", "[0,8]"), 8), "has 8 bytes; shape [2] of F16 needs 4");
    EXPECT_HAS(header_error(one("F32", "[]", "[0,0]"), 0), "has 0 bytes; shape [] of F32 needs 4");
    EXPECT_HAS(header_error(one("F4", "[3]", "[0,1]"), 1), "needs 1.5");
    // Products that wrap around to what is there.
    EXPECT_HAS(header_error(one("F32", "[4294967296,4294967296]", "[0,0]")), "which no file can hold");
    EXPECT_HAS(header_error(one("F32", "[4611686018427387904]", "[0,0]")), "has 0 bytes");
    EXPECT_HAS(header_error(one("F32", "[4611686018427387905]", "[0,4]"), 4), "has 4 bytes");
    EXPECT_HAS(header_error(one("F64", "[9223372036854775807,9223372036854775807,3]", "[0,8]"), 8),
               "no file can hold");
    EXPECT_HAS(
        header_error(
            one("I8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]"), 1),
        "has 33 dimensions");
    EXPECT_EQ(parse(safetensors_bytes(one("F32", "[9223372036854775807,9223372036854775807,0]", "[0,0]"), ""))
                  .tensors[0]
                  .elements,
              0u);
}

TEST(Safetensors, TensorsCoverTheDataOnce) {
    const auto error = [](const char *first, const char *second, size_t size) {
        return header_error(two(first, second), size);
    };
    parse(safetensors_bytes(two("[4,8]", "[0,4]"), std::string(8, 'x')));
    EXPECT_HAS(error("[0,4]", "[0,4]", 4), "\"a\" and \"b\" overlap");
    EXPECT_HAS(error("[0,4]", "[3,7]", 7), "\"a\" and \"b\" overlap");
    EXPECT_HAS(error("[1,5]", "[0,4]", 5), "\"b\" and \"a\" overlap");
    EXPECT_HAS(error("[0,4]", "[5,9]", 9), "no tensor covers the data from byte 4 on, of 9");
    EXPECT_HAS(error("[1,5]", "[5,9]", 9), "no tensor covers the data from byte 0 on, of 9");
    EXPECT_HAS(error("[0,4]", "[4,8]", 9), "no tensor covers the data from byte 8 on, of 9");
    EXPECT_HAS(header_error("{}", 1), "no tensor covers the data from byte 0 on, of 1");
    // An empty tensor inside another overlaps it; one at its edge does not.
    EXPECT_HAS(header_error(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},)"
                            R"("e":{"dtype":"I8","shape":[0],"data_offsets":[2,2]}})",
                            4),
               "overlap");
    parse(safetensors_bytes(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},)"
                            R"("e":{"dtype":"I8","shape":[0],"data_offsets":[0,0]},)"
                            R"("f":{"dtype":"I8","shape":[0],"data_offsets":[4,4]}})",
                            "xxxx"));
}

TEST(Safetensors, OtherTypesAreNamedWhenRead) {
    const std::pair<const char *, size_t> types[] = {{"I64", 8}, {"F64", 8}, {"BOOL", 1}, {"U8", 1},
                                                     {"I8", 1},  {"I16", 2}, {"I32", 4},  {"F8_E4M3", 1}};
    for (const auto &[type, size] : types) {
        const std::string bytes =
            safetensors_bytes(one(type, "[1]", "[0," + std::to_string(size) + "]"), std::string(size, 'x'));
        const TensorTable header = parse(bytes);
        EXPECT_STREQ(dtype_name(header.tensors[0].dtype), type);
        float value;
        EXPECT_EQ(error_of([&] { convert_to_float(header.tensors[0], 0, 1, &value); }),
                  std::string("m.safetensors: tensor \"a\" has type ") + type + "; F32, F16 or BF16 is needed");
    }
}

TEST(Safetensors, ConversionStaysInside) {
    const std::string bytes = safetensors_file({make_tensor("a", DType::f32, {2}, {1, 2})});
    const TensorTable header = parse(bytes);
    float values[4];
    for (const auto &[first, count] :
         {std::pair<uint64_t, uint64_t>{0, 3}, {2, 1}, {3, 0}, {UINT64_MAX, 2}, {1, UINT64_MAX}}) {
        error_of([&, f = first, c = count] { convert_to_float(header.tensors[0], f, c, values); },
                 ExitCode::failure);
    }
}

TEST(Safetensors, ManyTensorsTakeBoundedTime) {
    std::string header = "{";
    for (int i = 0; i < 100'000; ++i) {
        header += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) +
                  R"(":{"dtype":"I8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
                  std::to_string(i + 1) + "]}";
    }
    const std::string bytes = safetensors_bytes(header + "}", std::string(100'000, 'x'));
    EXPECT_EQ(parse(bytes).tensors.size(), 100'000u);
}

TEST(Safetensors, EveryHalfIsConvertedExactly) {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
        const auto half = static_cast<uint16_t>(bits);
        const uint32_t exponent = bits >> 10 & 31, mantissa = bits & 1023;
        const float value = float_of_f16(half);
        ASSERT_EQ(std::signbit(value), bits >> 15 != 0) << bits;
        if (exponent == 31) {
            ASSERT_EQ(std::isinf(value), mantissa == 0) << bits;
            ASSERT_EQ(std::isnan(value), mantissa != 0) << bits;
            ASSERT_EQ(bits_of(value) & 0x7FFFFF, mantissa << 13) << bits;
        } else {
            const double magnitude = exponent == 0
                                         ? std::ldexp(mantissa, -24)
                                         : std::ldexp(1024 + mantissa, static_cast<int>(exponent) - 25);
            ASSERT_EQ(std::fabs(static_cast<double>(value)), magnitude) << bits;
            ASSERT_EQ(float_to_f16(value), half);  // the builder's rounding, while at it
        }
        ASSERT_EQ(bits_of(float_of_bf16(half)), bits << 16);
    }
}

TEST(Safetensors, ConversionOfUnalignedData) {
    for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
        const std::string pad(3, '\0');
        const std::vector<float> values{1, -0.5f, 0, 65504, 0x1p-20f};
        const Tensor tensor = make_tensor("b", type, {5}, values);
        const std::string bytes = safetensors_file({{"a", DType::i8, {3}, pad}, tensor});
        const TensorTable header = parse(bytes);
        std::vector<float> read(5);
        convert_to_float(*header.find("b"), 0, 5, read.data());
        for (size_t i = 0; i < 5; ++i) {
            EXPECT_NEAR(read[i], values[i], std::fabs(values[i]) / 256) << dtype_name(type);
        }
    }
}

TEST(Safetensors, DamagedBytesAreNeverFatal) {
    const std::string sound = safetensors_file(
        {make_tensor("a", DType::f32, {2, 2}, {1, 2, 3, 4}), make_tensor("b", DType::f16, {3}, {1, 2, 3})});
    std::minstd_rand random(7);
    int refused = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = sound;
        for (unsigned change = 0; change <= random() % 3; ++change) {
            bytes[random() % bytes.size()] = static_cast<char>(random() >> 8);
        }
        try {
            for (const TensorView &tensor : parse(bytes).tensors) {
                ASSERT_LE(reinterpret_cast<const char *>(tensor.data) + tensor.size,
                          bytes.data() + bytes.size());
            }
        } catch (const Error &) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 10'000);
}

}  // namespace adder::test
