// The reader of GGUF files, above all with files that lie.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf.h"

#include <gtest/gtest.h>

#include "converter/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/pytorch_builder.h"

namespace adder::test {
namespace {

GgufFile parse(const std::string &bytes) {
    return parse_gguf(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "m.gguf");
}
std::string parse_error(const std::string &bytes) {
    return error_of([&] { parse(bytes); });
}
std::string parse_error(const GgufBuilder &file) { return parse_error(file.bytes()); }

std::string floats(const std::vector<float> &values) {
    return make_tensor("", DType::f32, {values.size()}, values).data;
}
std::vector<float> floats(const TensorView &tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.elements));
    convert_to_float(tensor, 0, tensor.elements, values.data());
    return values;
}

GgufBuilder one_key(uint32_t type, const std::string &value) {
    GgufBuilder file;
    return file.raw("k", type, value);
}
GgufBuilder one_tensor(uint32_t type, std::vector<uint64_t> shape, size_t bytes) {
    GgufBuilder file;
    return file.tensor("t", type, std::move(shape), std::string(bytes, '\0'));
}

// Keys of all types, two tensors.
GgufBuilder sound() {
    GgufBuilder file;
    file.raw("u8", 0, "\xFF").raw("i8", 1, "\xFF").raw("u16", 2, "\xFF\xFF").raw("i16", 3, "\xFF\xFF");
    file.u32("u32", 4000000000u).raw("i32", 5, "\xFE\xFF\xFF\xFF").number("f32", 0.5f).boolean("yes", true);
    file.string("text", "caf\xC3\xA9").strings("words", {"a", "", "bc"}).integers("numbers", {1, -2, 3});
    file.raw("u64", 10, little_endian(5, 8)).raw("i64", 11, little_endian(static_cast<uint64_t>(-6), 8));
    file.raw("f64", 12, std::string("\0\0\0\0\0\0\xD0\x3F", 8)).numbers("floats", {1.5f, -2});
    file.raw("huge", 10, little_endian(UINT64_MAX, 8));
    file.tensor("z", 0, {2, 3}, floats({1, 2, 3, 4, 5, 6}));
    file.tensor("a", 8, {2, 32}, q8_0_blocks(std::vector<float>(64, 1)));
    return file;
}

}  // namespace

TEST(Gguf, ReadsKeysOfAllTypes) {
    const std::string bytes = sound().bytes();
    const GgufMetadata metadata = parse(bytes).metadata;
    const auto integer = [&](const char *key) { return metadata.integer(key, INT64_MIN, INT64_MAX); };
    EXPECT_EQ(integer("u8"), 255);
    EXPECT_EQ(integer("i8"), -1);
    EXPECT_EQ(integer("u16"), 65535);
    EXPECT_EQ(integer("i16"), -1);
    EXPECT_EQ(integer("u32"), 4000000000);
    EXPECT_EQ(integer("i32"), -2);
    EXPECT_EQ(integer("u64"), 5);
    EXPECT_EQ(integer("i64"), -6);
    EXPECT_EQ(integer("none"), std::nullopt);
    EXPECT_EQ(metadata.number("f32"), 0.5);
    EXPECT_EQ(metadata.number("f64"), 0.25);
    EXPECT_EQ(metadata.number("i32"), -2);
    EXPECT_EQ(metadata.boolean("yes"), true);
    EXPECT_EQ(metadata.string("text"), "caf\xC3\xA9");
    EXPECT_EQ(metadata.strings("words"), (std::vector<std::string_view>{"a", "", "bc"}));
    EXPECT_EQ(metadata.integers("numbers"), (std::vector<int64_t>{1, -2, 3}));
    EXPECT_EQ(metadata.numbers("floats"), (std::vector<float>{1.5f, -2}));
    EXPECT_EQ(metadata.numbers("numbers"), (std::vector<float>{1, -2, 3}));
    EXPECT_TRUE(metadata.strings("none").empty());
    const auto error = [](auto &&code) { return error_of(code); };
    EXPECT_HAS(error([&] { metadata.integer("huge", 0, 100); }),
               "m.gguf: huge is 9223372036854775807; an integer from 0 to 100");
    EXPECT_HAS(error([&] { metadata.integer("u8", 0, 254); }), "m.gguf: u8 is 255");
    EXPECT_HAS(error([&] { metadata.integer("f32", 0, 1); }), "m.gguf: f32 is float32; an integer is needed");
    EXPECT_HAS(error([&] { metadata.integer("yes", 0, 1); }), "yes is boolean; an integer is needed");
    EXPECT_HAS(error([&] { metadata.integer("numbers", 0, 1); }), "numbers is an array of int32; an integer");
    EXPECT_HAS(error([&] { metadata.number("text"); }), "text is a string; a number is needed");
    EXPECT_HAS(error([&] { metadata.boolean("u8"); }), "u8 is uint8; a boolean is needed");
    EXPECT_HAS(error([&] { metadata.string("words"); }), "words is an array of strings; a string is needed");
    EXPECT_HAS(error([&] { metadata.strings("numbers"); }), "an array of strings is needed");
    EXPECT_HAS(error([&] { metadata.strings("text"); }), "an array of strings is needed");
    EXPECT_HAS(error([&] { metadata.integers("words"); }), "an array of integers is needed");
    EXPECT_HAS(error([&] { metadata.numbers("words"); }), "an array of numbers is needed");
}

TEST(Gguf, ReadsTensorsInPlace) {
    for (const uint32_t version : {2u, 3u}) {
        GgufBuilder file = sound();
        file.version = version;
        const std::string bytes = file.bytes();
        const TensorTable table = parse(bytes).table;
        ASSERT_EQ(table.tensors.size(), 2u);
        EXPECT_EQ(table.tensors[0].name, "a");
        const TensorView &z = *table.find("z"), &a = *table.find("a");
        EXPECT_EQ(z.shape, (std::vector<uint64_t>{2, 3}));
        EXPECT_EQ(floats(z), (std::vector<float>{1, 2, 3, 4, 5, 6}));
        EXPECT_EQ(*z.file, "m.gguf");
        EXPECT_EQ(a.dtype, DType::q8_0);
        EXPECT_EQ(a.size, 68u);
        EXPECT_EQ(span_bytes(a), 68u);
        EXPECT_EQ(floats(a), floats_of_q8_0(q8_0_blocks(std::vector<float>(64, 1))));
        EXPECT_EQ((z.data - reinterpret_cast<const uint8_t *>(bytes.data())) % 32, 0);
    }
    GgufBuilder file;
    file.alignment = 256;
    file.u32("general.alignment", 256)
        .tensor("x", 1, {}, std::string("\x00\x3C", 2))
        .tensor("y", 30, {1, 1, 2, 1}, "ab\x80\x3F");
    file.tensor("none", 0, {0, 7}, "");
    const std::string bytes = file.bytes();
    const TensorTable table = parse(bytes).table;
    EXPECT_EQ(floats(*table.find("x")), std::vector<float>{1});
    EXPECT_EQ(floats(*table.find("y"))[1], 1);
    EXPECT_EQ(table.find("none")->elements, 0u);
    EXPECT_TRUE(parse(GgufBuilder{}.bytes()).table.tensors.empty());
}

TEST(Gguf, OtherFilesAndVersionsAreNamed) {
    GgufBuilder file;
    file.magic = "GGML";
    EXPECT_HAS(parse_error(file), "m.gguf is no GGUF file: it does not begin with \"GGUF\"");
    EXPECT_HAS(parse_error(std::string("GGU")), "is no GGUF file");
    file.magic = "GGUF";
    file.version = 1;
    EXPECT_HAS(parse_error(file), "m.gguf is of version 1 of the format, which is no longer written; 2 and 3");
    file.version = 4;
    EXPECT_HAS(parse_error(file), "m.gguf is of version 4 of the format; 2 and 3 are supported");
    file.version = 0x03000000;
    EXPECT_HAS(parse_error(file), "is big-endian");
    file.version = 0;
    EXPECT_HAS(parse_error(file), "is of version 0");
    GgufBuilder part = sound();
    part.raw("split.no", 2, little_endian(1, 2)).raw("split.count", 2, little_endian(3, 2));
    part.raw("split.tensors.count", 5, little_endian(7, 4));
    const std::string second = part.bytes();
    const GgufParts parts = parse(second).parts;
    EXPECT_EQ(parts.number, 2u);
    EXPECT_EQ(parts.count, 3u);
    EXPECT_EQ(parts.tensors, 7);
    part.drop("split.count");
    EXPECT_HAS(parse_error(part), "m.gguf: split.no is 1, counted from 0, and split.count 1");
    GgufBuilder whole = sound();
    whole.raw("split.count", 2, little_endian(1, 2));
    const std::string one = whole.bytes();
    EXPECT_EQ(parse(one).table.tensors.size(), 2u);
    EXPECT_EQ(parse(one).parts.count, 1u);
}

TEST(Gguf, LyingCountsAndLengthsAreNamed) {
    for (const uint64_t count : {uint64_t{3}, uint64_t{1} << 40, UINT64_MAX}) {
        GgufBuilder file = one_key(4, "1234");
        file.counts = {count};
        EXPECT_HAS(parse_error(file), "keys, and has 17 bytes left for them");
        file.counts = {1, count};
        EXPECT_HAS(parse_error(file), "tensors, and has 17 bytes left for them");
        EXPECT_HAS(parse_error(one_key(8, little_endian(count, 8) + "ab")),
                   "m.gguf: key \"k\" is cut: its value takes");
        EXPECT_HAS(parse_error(one_key(9, little_endian(4, 4) + little_endian(count, 8) + "abcd")),
                   "m.gguf: key \"k\" announces");
        EXPECT_HAS(parse_error(one_key(9, little_endian(8, 4) + little_endian(1, 8) + little_endian(count, 8))),
                   "is cut: an element takes");
    }
    GgufBuilder file;
    file.keys.push_back(little_endian(70000, 8) + std::string(80000, 'x'));
    EXPECT_HAS(parse_error(file), "m.gguf: key 0 has a name of 70000 bytes; at most 65535 are legal");
    file.keys = {little_endian(100, 8) + "x" + little_endian(4, 4) + "1234"};
    EXPECT_HAS(parse_error(file), "m.gguf: key 0 is cut: a name takes 100 bytes from byte 32 on");
    EXPECT_HAS(parse_error(one_key(13, "1234")), "key \"k\" has the type 13, which is not known");
    EXPECT_HAS(parse_error(one_key(9, little_endian(13, 4) + little_endian(0, 8))), "has the type 13");
    EXPECT_HAS(parse_error(one_key(9, little_endian(9, 4) + little_endian(0, 8))),
               "key \"k\" is an array of arrays, which is not supported");
    EXPECT_HAS(parse_error(one_key(7, "\2")), "key \"k\" has a boolean of 2; 0 or 1 is needed");
    EXPECT_HAS(parse_error(one_key(9, little_endian(7, 4) + little_endian(2, 8) + "\1\xFF")),
               "has a boolean of 255");
    EXPECT_HAS(parse_error(sound().u32("text", 1)), "m.gguf: key \"text\" is there twice");
    EXPECT_HAS(parse_error(sound().u32("", 1)), "has no name");
}

TEST(Gguf, AlignmentsThatAreNoneAreNamed) {
    for (const uint32_t bad : {0u, 24u, 1u << 21}) {
        GgufBuilder file = sound();
        EXPECT_HAS(parse_error(file.u32("general.alignment", bad)),
                   "m.gguf: general.alignment is " + std::to_string(bad));
    }
    EXPECT_HAS(parse_error(sound().string("general.alignment", "32")), "general.alignment is a string");
    GgufBuilder file = sound();
    file.places = {0, 48};
    EXPECT_HAS(parse_error(file),
               "tensor \"a\" lies at byte 48 of the data, which is no multiple of the alignment, 32");
}

TEST(Gguf, TensorsThatCannotBeAreNamed) {
    EXPECT_HAS(parse_error(one_tensor(0, {1, 1, 1, 1, 1}, 4)),
               "tensor \"t\" has 5 dimensions; at most 4 are legal");
    EXPECT_HAS(parse_error(one_tensor(0, {uint64_t{1} << 40, uint64_t{1} << 40}, 4)),
               "tensor \"t\" has shape [1099511627776, 1099511627776], which no file can hold");
    EXPECT_HAS(parse_error(one_tensor(0, {UINT64_MAX}, 4)), "which no file can hold");
    EXPECT_HAS(parse_error(one_tensor(0, {uint64_t{1} << 62}, 4)), "which no file can hold");
    EXPECT_HAS(parse_error(one_tensor(0, {uint64_t{1} << 60}, 4)),
               "and type F32 takes 4611686018427387904 bytes");
    EXPECT_HAS(
        parse_error(one_tensor(0, {2, 9}, 32)),
        "tensor \"t\" of shape [2, 9] and type F32 takes 72 bytes from byte 0 of the data on, which has 32: the file is cut");
    EXPECT_HAS(parse_error(one_tensor(8, {2, 33}, 68)),
               "has rows of 33 elements of type Q8_0, whose blocks have 32");
    EXPECT_HAS(parse_error(one_tensor(14, {32}, 210)),
               "has rows of 32 elements of type Q6_K, whose blocks have 256");
    EXPECT_HAS(parse_error(one_tensor(2, {}, 18)), "has rows of 1 elements of type Q4_0");
    EXPECT_HAS(parse_error(one_tensor(16, {256}, 66)),
               "tensor \"t\" has the type IQ2_XXS, which is not supported; F32, F16, Q4_0");
    EXPECT_HAS(parse_error(one_tensor(39, {32}, 17)), "has the type MXFP4, which is not supported");
    EXPECT_HAS(parse_error(one_tensor(4, {32}, 17)), "has the type 4, which is not known");
    EXPECT_HAS(parse_error(one_tensor(99, {32}, 17)), "has the type 99, which is not known");
    GgufBuilder file = sound();
    file.places = {0, 0};
    EXPECT_HAS(parse_error(file), "m.gguf: tensors \"z\" and \"a\" overlap");
    file.places = {0, UINT64_MAX - 31};
    EXPECT_HAS(parse_error(file), "the file is cut");
    EXPECT_HAS(parse_error(sound().tensor("z", 0, {1}, "1234")), "m.gguf: tensor \"z\" is there twice");
    // Integers may lie there; they are no weights.
    const std::string bytes = one_tensor(26, {2}, 8).bytes();
    const TensorTable table = parse(bytes).table;
    EXPECT_EQ(table.tensors[0].dtype, DType::i32);
    EXPECT_HAS(error_of([&] { floats(table.tensors[0]); }), "tensor \"t\" has type I32");
}

TEST(Gguf, EveryCutIsAnError) {
    const std::string bytes = sound().bytes();
    for (size_t size = 0; size < bytes.size() - 28; ++size) {  // of which the last tensor's padding
        const std::string cut = bytes.substr(0, size);
        EXPECT_HAS(parse_error(cut), "m.gguf");
    }
}

TEST(Gguf, EveryChangedByteIsReadOrAnError) {
    const std::string bytes = sound().bytes();
    for (size_t at = 0; at < bytes.size(); ++at)
        for (const char value : {'\0', '\1', '\x7F', '\xFF'}) {
            std::string changed = bytes;
            changed[at] = value;
            try {
                for (const TensorView &tensor : parse(changed).table.tensors)
                    if (is_readable(tensor.dtype)) floats(tensor);
            } catch (const Error &error) {
                EXPECT_HAS(std::string(error.what()), "m.gguf");
            }
        }
}

}  // namespace adder::test
