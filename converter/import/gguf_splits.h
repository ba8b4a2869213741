// The names by which GGUF files say how a text is split into words.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "converter/text/json.h"

namespace adder {

struct GgufSplit {
    const char *before[3];  // patterns that split in front of GPT-2's, or all there are
    bool gpt2;              // GPT-2's pattern splits
    const char *after[2];   // patterns that split what ByteLevel wrote
    bool ignores_merges;    // a word that is a token is that token
    bool begins;            // texts begin with bos, unless the file says otherwise
};

// The split of a tokenizer.ggml.pre, or null if it is not supported.
const GgufSplit *find_gguf_split(std::string_view name);

// Another name of a split that files name after the family whose models have it, or nothing. Families say so themselves
// (Family::gguf_split), and converter/families/gguf.cpp answers for them.
std::string_view gguf_split_of_family(std::string_view family);

// What a tokenizer.json has as its pre_tokenizer.
void write_pre_tokenizer(const GgufSplit &split, bool prefix_space, JsonWriter *json);

// "gpt-2", "llama-bpe", ...: a name of each split, for a message.
std::string gguf_split_names();

}  // namespace adder
