// A SentencePiece model of a few dozen pieces, and tokenizers made of such files.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "converter/import/sentencepiece_model.h"
#include "runtime/tokenizer.h"
#include "tests/support/sentencepiece_model.h"

namespace adder::test {

#define SPACE "\xE2\x96\x81"

// Pieces of one and several characters, of one and of several bytes each; scores fall with the place, and tie twice.
inline ModelFile toy_file(bool bytes) {
    ModelFile file(bytes);
    float score = -1;
    for (const char *text : {SPACE "t",
                             "he",
                             "in",
                             "er",
                             SPACE "a",
                             SPACE "the",
                             "on",
                             "re",
                             SPACE SPACE,
                             "nd",
                             SPACE "th",
                             "at",
                             "en",
                             SPACE SPACE SPACE SPACE,
                             "ou",
                             "ing",
                             SPACE "in",
                             "aa",
                             "aaaa",
                             "aaa",
                             "ab",
                             "ba",
                             "abab",
                             "\xC3\xA9t",
                             "\xC3\xA9t\xC3\xA9",
                             "\xE4\xBD\xA0\xE5\xA5\xBD",
                             "t" SPACE,
                             "n't",
                             "'t",
                             "==",
                             "====",
                             "\xF0\x9F\x98\x80\xF0\x9F\x98\x80"})
        file.piece(text, score -= 1);
    for (const char *text : {"xy", "yz", "zx"}) file.piece(text, -40);  // ties
    for (const char *text : {"<u>", "\n\n", SPACE "+"}) file.piece(text, 0, piece_user);
    for (const char *text : {SPACE,
                             "a",
                             "b",
                             "c",
                             "d",
                             "e",
                             "f",
                             "g",
                             "h",
                             "i",
                             "n",
                             "o",
                             "r",
                             "t",
                             "u",
                             "x",
                             "y",
                             "z",
                             "'",
                             "=",
                             ".",
                             "\n",
                             "\xC3\xA9",
                             "\xE4\xBD\xA0",
                             "\xE5\xA5\xBD",
                             "\xF0\x9F\x98\x80"})
        file.piece(text, score -= 1);
    return file;
}

struct Pieces {
    std::vector<uint8_t> section;
    Tokenizer tokenizer{};
    TokenizeStatus opened;

    explicit Pieces(const std::string &bytes) : section(import_sentencepiece_model(bytes, "toy", 5000)) {
        opened = tokenizer_open(&tokenizer, section.data(), section.size());
        EXPECT_EQ(opened, TokenizeStatus::ok);
    }
    TokenizeStatus encode(const std::string &text, std::vector<int32_t> *ids, size_t capacity,
                          uint32_t flags = 0) const {
        ids->assign(capacity, -7);
        size_t count = 0;
        const TokenizeStatus status =
            tokenize(&tokenizer, text.data(), text.size(), flags, ids->data(), capacity, &count);
        ids->resize(count);
        return status;
    }
    std::vector<int32_t> ids(const std::string &text, uint32_t flags = 0) const {
        std::vector<int32_t> result;
        EXPECT_EQ(encode(text, &result, tokenize_capacity(text.size()), flags), TokenizeStatus::ok);
        return result;
    }
    std::string text_of(int32_t id) const {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        EXPECT_TRUE(token_bytes(&tokenizer, id, &bytes, &size, nullptr));
        return {reinterpret_cast<const char *>(bytes), size};
    }
    std::string decode(const std::vector<int32_t> &ids) const {
        std::string text;
        for (const int32_t id : ids) text += text_of(id);
        return text;
    }
};

}  // namespace adder::test
