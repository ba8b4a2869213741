// Builds a blob's tokenizer section from a tokenizer.model, SentencePiece's own file.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adder {

// Whether a path names such a file: NAME.model.
bool is_sentencepiece_model(const std::string &path);

// The section, as docs/format.md describes it; `bytes` is the file, `path` stands in errors, `model_vocab_size` as in
// import_tokenizer. Throws Error(bad_input) on what is damaged, and on what the runtime would do differently from the
// sentencepiece library: models other than BPE, normalization other than of spaces, unused pieces, and so on.
std::vector<uint8_t> import_sentencepiece_model(std::string_view bytes, const std::string &path,
                                                uint32_t model_vocab_size);

}  // namespace adder
