// Builds a blob's tokenizer section from the vocabulary file of RWKV's World models (rwkv_vocab_v20230424.txt).
// SPDX-License-Identifier: MIT
//
// The file: a line for each token, "ID LITERAL LENGTH": a Python literal of str (whose UTF-8 counts) or of bytes, and how
// many bytes it stands for (BlinkDL/RWKV-LM, RWKV_TOKENIZER).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adder {

// The token with id 0, which ends a document and has no line: its name as in the tokenizers that Hugging Face has of it.
constexpr char world_end_of_document[] = "<|rwkv_tokenizer_end_of_text|>";

// Is this such a file, and no tokenizer.json? A line begins with a number.
bool is_world_vocabulary(std::string_view text);

// The section, as docs/format.md describes it: the same bytes for the same file. `path` stands in errors. Every id must lie
// below model_vocab_size, and none from 1 to the highest may be missing. Throws Error(bad_input) naming the line.
std::vector<uint8_t> import_world_vocabulary(std::string_view text, const std::string &path,
                                             uint32_t model_vocab_size);

}  // namespace adder
