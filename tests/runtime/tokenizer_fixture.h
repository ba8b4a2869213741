// Tokenizers for the tests: read from files, and toys made on the spot.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "converter/import/tokenizer.h"
#include "converter/text/json.h"
#include "runtime/tokenizer.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {

struct Encoded {
    TokenizeStatus status;
    std::vector<int32_t> ids;
    bool operator==(const Encoded &other) const { return status == other.status && ids == other.ids; }
};

struct Loaded {
    std::vector<uint8_t> section;
    Tokenizer tokenizer;
    TokenizeStatus status;

    explicit Loaded(const std::string &json)
        : section(import_tokenizer(Json::parse(json, "toy"), "toy", 1u << 20)) {
        status = tokenizer_open(&tokenizer, section.data(), section.size());
    }
    Encoded encode(const std::string &text, uint32_t flags = 0) const {
        Encoded result;
        result.ids.resize(tokenize_capacity(text.size()));
        size_t count = 0;
        result.status = tokenize(&tokenizer, text.data(), text.size(), flags, result.ids.data(),
                                 result.ids.size(), &count);
        result.ids.resize(count);
        return result;
    }
    std::string text_of(int32_t id) const {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        EXPECT_TRUE(token_bytes(&tokenizer, id, &bytes, &size, nullptr));
        return std::string(reinterpret_cast<const char *>(bytes), size);
    }
    std::vector<std::string> words(const std::string &text, uint32_t flags = 0) const {
        std::vector<std::string> result;
        for (const int32_t id : encode(text, flags).ids) result.push_back(text_of(id));
        return result;
    }
    std::string decode(const std::vector<int32_t> &ids) const {
        std::string text;
        for (const int32_t id : ids) text += text_of(id);
        return text;
    }
};

// One character of GPT-2's alphabet for each byte, as UTF-8.
inline std::string byte_letters(const std::string &bytes) {
    std::string out;
    for (const char c : bytes) {
        const uint32_t byte = static_cast<uint8_t>(c);
        uint32_t code_point = byte;
        if (byte <= 0x20)
            code_point = 0x100 + byte;
        else if (byte >= 0x7F && byte <= 0xA0)
            code_point = 0x121 + (byte - 0x7F);
        else if (byte == 0xAD)
            code_point = 0x143;
        uint8_t utf8[4];
        out.append(reinterpret_cast<char *>(utf8), utf8_write(code_point, utf8));
    }
    return out;
}

inline std::string quote(const std::string &text) {
    JsonWriter writer(false);
    return writer.value(text).text();
}

// A tokenizer.json: 256 bytes with ids in order, and what is added.
struct Toy {
    std::vector<std::string> tokens;                          // bytes
    std::vector<std::pair<std::string, std::string>> merges;  // bytes
    std::set<std::string> known;
    std::string normalizer = "null", post_processor = "null", added;
    std::string pre_tokenizer = R"({"type":"ByteLevel","add_prefix_space":false})";
    std::string decoder = R"({"type":"ByteLevel"})", model_extra;
    bool pairs_as_arrays = false;

    Toy() {
        for (int byte = 0; byte < 256; ++byte) token(std::string(1, static_cast<char>(byte)));
    }
    void token(const std::string &bytes) {
        if (known.insert(bytes).second) tokens.push_back(bytes);
    }
    void merge(const std::string &left, const std::string &right) {
        token(left + right);
        merges.emplace_back(left, right);
    }
    void add(size_t id, const std::string &content, const std::string &more = "") {
        added += (added.empty() ? "" : ",") + std::string("{\"id\":") + std::to_string(id) +
                 ",\"content\":" + quote(content) + more + "}";
    }
    std::string json() const {
        std::string vocab, list;
        for (size_t id = 0; id < tokens.size(); ++id)
            vocab += (id ? "," : "") + quote(byte_letters(tokens[id])) + ":" + std::to_string(id);
        for (const auto &[left, right] : merges) {
            const std::string a = byte_letters(left), b = byte_letters(right);
            list += (list.empty() ? "" : ",") +
                    (pairs_as_arrays ? "[" + quote(a) + "," + quote(b) + "]" : quote(a + " " + b));
        }
        return "{\"added_tokens\":[" + added + "],\"normalizer\":" + normalizer +
               ",\"pre_tokenizer\":" + pre_tokenizer + ",\"post_processor\":" + post_processor +
               ",\"decoder\":" + decoder + ",\"model\":{\"type\":\"BPE\"" + model_extra + ",\"vocab\":{" +
               vocab + "},\"merges\":[" + list + "]}}";
    }
};

// Merges over few letters, so that random words merge a lot and ties are frequent.
inline Toy dense_toy(unsigned seed, size_t merges) {
    std::mt19937 random(seed);
    Toy toy;
    std::vector<std::string> parts = {"a", "b", "c"};
    std::set<std::pair<std::string, std::string>> seen;
    while (toy.merges.size() < merges) {
        const std::string left = parts[random() % parts.size()], right = parts[random() % parts.size()];
        if (left.size() + right.size() > 40 || !seen.emplace(left, right).second) continue;
        toy.merge(left, right);
        parts.push_back(left + right);
    }
    return toy;
}

}  // namespace adder::test
