// Text to tokens for the tools: the tokenizer of a checkpoint or of a blob, and windows cut from a text.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converter/base/tokens.h"
#include "runtime/tokenizer.h"

namespace adder {

// The tokenizer of a checkpoint, in the form that goes into a blob.
class CheckpointTokenizer {
  public:
    // Empty if the checkpoint has no tokenizer; throws Error(bad_input) if it has one that is not supported.
    // Of a tokenizer.json, a tokenizer.model, the vocabulary of a World model, a GGUF file, or of no path.
    CheckpointTokenizer(const std::string &path, uint32_t vocab_size);
    bool empty() const { return section_.empty(); }
    const std::vector<uint8_t> &section() const { return section_; }
    const Tokenizer &tokenizer() const { return tokenizer_; }

  private:
    std::vector<uint8_t> section_;
    Tokenizer tokenizer_{};
};

// `flags`: tokenize_special, tokenize_begin. `name` stands in the error if the text has a byte without a token.
Tokens tokenize_text(const Tokenizer &tokenizer, std::string_view text, uint32_t flags,
                     const std::string &name);

// Consecutive windows of `window` tokens; the last may be shorter. At most `limit` windows (0: all), evenly spread.
std::vector<Tokens> cut_windows(const Tokens &tokens, uint32_t window, size_t limit);

}  // namespace adder
