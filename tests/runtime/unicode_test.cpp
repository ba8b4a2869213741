// UTF-8, character classes and NFC: chosen cases, properties over all code points, and the tables' origin.
// SPDX-License-Identifier: MIT
#include "runtime/unicode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "runtime/nfc.h"

namespace adder::test {
namespace {

std::string nfc(const std::string &text) {
    CodePointReader reader;
    const uint8_t *at = reinterpret_cast<const uint8_t *>(text.data());
    reader.open(at, at + text.size(), true);
    std::string out;
    uint32_t code_point;
    uint8_t bytes[4];
    while (reader.next(&code_point))
        out.append(reinterpret_cast<char *>(bytes), utf8_write(code_point, bytes));
    return out;
}

TEST(Unicode, Classes) {
    const auto is = [](uint32_t code_point, Category category) { return category_of(code_point) == category; };
    for (const uint32_t c :
         {0x41u, 0x7Au, 0xAAu, 0xB5u, 0xBAu, 0xE9u, 0x416u, 0x5D0u, 0x4E00u, 0x9FFCu, 0xAC00u, 0x20000u})
        EXPECT_TRUE(is(c, Category::letter)) << c;
    for (const uint32_t c : {0x30u, 0x39u, 0xB2u, 0xBDu, 0x663u, 0x2167u, 0x3007u, 0x1D7FFu})
        EXPECT_TRUE(is(c, Category::number)) << c;
    for (const uint32_t c :
         {0x9u, 0xDu, 0x20u, 0x85u, 0xA0u, 0x1680u, 0x2000u, 0x200Au, 0x2028u, 0x202Fu, 0x3000u})
        EXPECT_TRUE(is(c, Category::space)) << c;
    for (const uint32_t c : {0u, 0x8u, 0xEu, 0x1Fu, 0x27u, 0x5Fu, 0x7Fu, 0x301u, 0x200Bu, 0xFEFFu, 0x1F600u,
                             0x10FFFFu, invalid_byte, invalid_byte + 255})
        EXPECT_TRUE(is(c, Category::other)) << c;
}

TEST(Unicode, Utf8ThereAndBack) {
    for (uint32_t c = 0; c < 0x110000; ++c) {
        uint8_t bytes[4];
        const uint32_t size = utf8_write(c, bytes);
        uint32_t back;
        const bool surrogate = c >= 0xD800 && c < 0xE000;
        const uint32_t read = utf8_read(bytes, bytes + size, &back);
        ASSERT_EQ(read, surrogate ? 1 : size);
        ASSERT_EQ(back, surrogate ? invalid_byte + bytes[0] : c);
        for (uint32_t cut = 1; cut < size; ++cut) {
            ASSERT_EQ(utf8_read(bytes, bytes + cut, &back), 1u);
            ASSERT_EQ(back, invalid_byte + bytes[0]);
        }
    }
}

TEST(Unicode, NfcCases) {
    EXPECT_EQ(nfc("plain"), "plain");
    EXPECT_EQ(nfc("e\u0301"), "\u00e9");
    EXPECT_EQ(nfc("\u212b\u2126"), "\u00c5\u03a9");  // singletons
    EXPECT_EQ(nfc("\u0958"), "\u0915\u093c");        // composition exclusion
    EXPECT_EQ(nfc("a\u0323\u0302"), "\u1ead");       // two steps
    EXPECT_EQ(nfc("a\u0302\u0323"), "\u1ead");       // after reordering
    EXPECT_EQ(nfc("a\u0315\u0300\u05ae\u0300b"),
              "\u00e0\u05ae\u0300\u0315b");  // NormalizationTest.txt, part 2
    EXPECT_EQ(nfc("\u1100\u1161\u11a8"), "\uac01");
    EXPECT_EQ(nfc("\uac00\u11a7"), "\uac00\u11a7");  // 11A7 is no final consonant
    EXPECT_EQ(nfc("\u0dd9\u0dcf\u0dca"), "\u0ddd");
    EXPECT_EQ(nfc("\uf900\U0002f800\ufacf"), "\u8c48\u4e3d\U0002284a");
    EXPECT_EQ(nfc("\U00011099\U000110ba"), "\U0001109a");
    EXPECT_EQ(nfc("\U0001D15E"), "\U0001D157\U0001D165");
    EXPECT_EQ(nfc("e\xcc"), "e\xcc");  // invalid bytes stay
    EXPECT_EQ(nfc("e\xff\u0301"), "e\xff\u0301");
}

TEST(Unicode, ARunOfMarksIsBounded) {
    std::string text = "a";
    for (int i = 0; i < 10000; ++i) text += i % 2 ? "\u0315" : "\u0323";
    EXPECT_EQ(nfc(text).size(), text.size() + 3 - 1 - 2);  // only the first mark composes: U+1EA1
}

// A hash of what the tables say about every code point; regenerated tables of another Unicode version change
// it.
TEST(Unicode, TablesAreThoseOfUnicode14) {
    uint32_t hash = 2166136261u;
    const auto add = [&](uint32_t value) { hash = (hash ^ value) * 16777619u; };
    for (uint32_t c = 0; c < 0x30000; ++c) {  // nothing that matters lies above
        uint8_t bytes[4];
        const std::string one(reinterpret_cast<char *>(bytes), utf8_write(c, bytes));
        const std::string composed = nfc(one);
        add(static_cast<uint32_t>(category_of(c)));
        for (const char byte : composed + (c < 0x3200 ? nfc(one + "\u0301") + nfc(one + "\u0323") : ""))
            add(static_cast<uint8_t>(byte));
        if (composed != one) {
            ASSERT_EQ(nfc(composed), composed) << c;
        }
    }
    EXPECT_EQ(hash, 3859307798u);
}

TEST(Unicode, TheScriptWritesTheTables) {
    const std::string root = ADDER_SOURCE_DIR;
    const auto output_of = [](const std::string &command) {
        std::string text;
        if (FILE *pipe = popen(command.c_str(), "r")) {
            char buffer[4096];
            for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
            pclose(pipe);
        }
        return text;
    };
    if (output_of("python3 -c 'import unicodedata; print(unicodedata.unidata_version)' 2>/dev/null") !=
        "14.0.0\n")
        GTEST_SKIP() << "SKIPPED: no python3 with Unicode 14; the hash above has to do";
    std::ifstream file(root + "/runtime/unicode_tables.h", std::ios::binary);
    const std::string tables(std::istreambuf_iterator<char>(file), {});
    ASSERT_FALSE(tables.empty()) << root;
    EXPECT_EQ(output_of("python3 '" + root + "/scripts/unicode_tables.py' 2>/dev/null"), tables);
}

TEST(Utf8Stream, EmitsWholeCharactersOnly) {
    const std::string text = "a\u00e9\u20ac\U0001f600\n";
    for (size_t step = 1; step < 6; ++step) {
        Utf8Stream stream{};
        std::string out;
        for (size_t i = 0; i < text.size(); i += step) {
            char buffer[64];
            const size_t n = std::min(step, text.size() - i);
            const size_t written = utf8_stream(&stream, reinterpret_cast<const uint8_t *>(text.data()) + i, n,
                                               buffer, sizeof buffer);
            const std::string piece(buffer, written);
            EXPECT_TRUE(piece.empty() || (static_cast<uint8_t>(piece[0]) & 0xC0) != 0x80);
            out += piece;
        }
        char buffer[8];
        EXPECT_EQ(utf8_stream_end(&stream, buffer, sizeof buffer), 0u);
        EXPECT_EQ(out, text);
    }
}

TEST(Utf8Stream, ReplacesMaximalSubparts) {
    const struct {
        std::string in, out;
    } cases[] = {
        // Unicode Standard 14, table 3-8, and its neighbours
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA"},
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA"},
        {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "\ufffd\ufffd\ufffd\ufffd\ufffdA\ufffd\ufffdB"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\ufffd\ufffd\ufffd\ufffdA"},
        {"\xE2\x82", "\ufffd"},
        {"\xC3", "\ufffd"},
    };
    for (const auto &item : cases) {
        Utf8Stream stream{};
        char buffer[64];
        size_t n = utf8_stream(&stream, reinterpret_cast<const uint8_t *>(item.in.data()), item.in.size(),
                               buffer, sizeof buffer);
        ASSERT_LE(n, 3 * (item.in.size() + 3));
        n += utf8_stream_end(&stream, buffer + n, sizeof buffer - n);
        EXPECT_EQ(std::string(buffer, n), item.out);
    }
}

TEST(Utf8Stream, WaitsForRoom) {
    Utf8Stream stream{};
    char buffer[8] = {};
    const uint8_t first[] = {0xE2, 0x82}, second[] = {0xAC, 'x'};
    EXPECT_EQ(utf8_stream(&stream, first, 2, buffer, 0), 0u);
    EXPECT_EQ(utf8_stream(&stream, second, 2, buffer, 3), 4u);  // nothing happened
    EXPECT_EQ(utf8_stream(&stream, second, 2, buffer, 4), 4u);
    EXPECT_EQ(std::string(buffer, 4), "\u20acx");
    EXPECT_EQ(utf8_stream(&stream, first, 1, buffer, 8), 0u);
    EXPECT_EQ(utf8_stream_end(&stream, buffer, 2), 3u);
    EXPECT_EQ(utf8_stream_end(&stream, buffer, 3), 3u);
    EXPECT_EQ(utf8_stream_end(&stream, buffer, 3), 0u);
}

}  // namespace
}  // namespace adder::test
