// The pre_tokenizer of a tokenizer.json with byte-level BPE: the patterns that split a text into words.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/import/split_automaton.h"
#include "converter/text/json.h"

namespace adder {

struct PreTokenizer {
    bool prefix_space = false;        // a space is put before text that does not begin with one
    std::vector<SplitSource> splits;  // one after the other, at least one
};

// Throws Error(bad_input), naming `path`, on what is none of Split by a regular expression, Digits, Punctuation and ByteLevel.
// Patterns are not parsed yet.
PreTokenizer read_pre_tokenizer(const Json *pre_tokenizer, const std::string &path);

// True if it splits as the runtime does without tables.
bool is_gpt2(const PreTokenizer &pre_tokenizer);

}  // namespace adder
