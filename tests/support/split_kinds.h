// The splits that models' tokenizers have, as their files write them, and a toy in which every split shows.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "tests/runtime/tokenizer_fixture.h"

namespace adder::test {

struct SplitKind {
    const char *name;
    std::vector<std::string> patterns;  // of Split, in front of ByteLevel
    bool gpt2;                          // ByteLevel splits as well
    std::vector<std::string> after;     // what splits behind it: JSON
    std::string json() const {
        std::string parts;
        for (const std::string &pattern : patterns)
            parts += (pattern[0] == '{'
                          ? pattern
                          : R"({"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":)" +
                                quote(pattern) + "}}") +
                     ",";
        parts += R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":)";
        parts += gpt2 ? "true}" : "false}";
        for (const std::string &part : after) parts += "," + part;
        return R"({"type":"Sequence","pretokenizers":[)" + parts + "]}";
    }
};

inline std::vector<SplitKind> split_kinds() {
    const std::string contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)", spaces = R"(|\s*[\r\n]+|\s+(?!\S)|\s+)",
                      letters = R"(|[^\r\n\p{L}\p{N}]?\p{L}+)", others = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*)",
                      upper = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])", lower = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])",
                      before = R"([^\r\n\p{L}\p{N}]?)", slashes = R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*)";
    return {
        {"llama-3", {contractions + letters + R"(|\p{N}{1,3})" + others + spaces}, false, {}},
        {"cl100k",
         {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])" + letters + R"(|\p{N}{1,3})" + others +
          spaces},
         false,
         {}},
        {"qwen2", {contractions + letters + R"(|\p{N})" + others + spaces}, false, {}},
        {"qwen3.5",
         {contractions + R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" + spaces},
         false,
         {}},
        {"tekken",
         {before + upper + "*" + lower + "+|" + before + upper + "+" + lower + R"(*|\p{N})" + slashes + spaces},
         false,
         {}},
        {"o200k",
         {before + upper + "*" + lower + "+" + contractions + "?|" + before + upper + "+" + lower + "*" +
          contractions + R"(?|\p{N}{1,3})" + slashes + spaces},
         false,
         {}},
        {"deepseek-3",
         {R"(\p{N}{1,3})", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
          R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)" +
              spaces},
         false,
         {}},
        {"falcon",
         {R"({"type":"Punctuation","behavior":"Contiguous"})"},
         true,
         {R"({"type":"Digits","individual_digits":false})",
          R"({"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":"[0-9][0-9][0-9]"}})"}},
        {"starcoder", {R"({"type":"Digits","individual_digits":true})"}, true, {}},
        {"punctuation", {R"({"type":"Punctuation"})"}, true, {}},
    };
}

// Any two of these symbols in a row are merged, so that a split anywhere else gives other tokens.
inline Toy split_toy(const SplitKind &kind) {
    Toy toy;
    const std::vector<std::string> symbols = {
        " ",      "\n",     "\r",     "'",      "s",      "S",      "t",      "r",      "e",
        "l",      "Z",      "1",      "2",      ".",      "/",      "\u017f", "\u00a0", "\u0301",
        "\u00e9", "\u00c9", "\u01c5", "\u02b0", "\u65e5", "\u00b2", "\u3002", "\u20ac", "\U0001f600"};
    for (const std::string &symbol : symbols)
        for (size_t i = 1; i < symbol.size(); ++i) toy.merge(symbol.substr(0, i), symbol.substr(i, 1));
    for (const std::string &left : symbols)
        for (const std::string &right : symbols) toy.merge(left, right);
    toy.pre_tokenizer = kind.json();
    return toy;
}

// Texts in which the kinds differ.
inline std::vector<std::string> split_texts() {
    return {
        "it's IT'S'Re'll 'tis t'\u017ft let's\n",
        "  les  e\n\n  1\r\n \r\n  .\n/\n",
        "12121 2 \u00b2122 1.2/ 1\u00b2",
        "ZeSt ZZe\u00c9\u00e9\u01c5e\u02b0Z \u65e5Z\u65e5e e\u0301Z\u0301 \u0301e .\u0301.",
        "\u65e51\u65e5\u3002\u3002 \u20ac2\U0001f600\U0001f600\u00a0\u00a0\u65e5 .Ze ./Z '.s",
        " \u00a0 ",
    };
}

}  // namespace adder::test
