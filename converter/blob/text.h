// Text to token ids and back, by the tokenizer that a blob carries.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adder/adder.h"
#include "converter/blob/file.h"

namespace adder {

// Text to ids; throws if the blob has no tokenizer. `flags`: ADDER_TOKENIZE_SPECIAL, ADDER_TOKENIZE_BEGIN.
std::vector<int32_t> tokenize(const BlobFile &blob, std::string_view text, uint32_t flags);

// The token that a text begins with where nothing else does: bos, else the end token. -1: the model has neither.
int32_t first_token(const adder_model_info &info);

// What a model continues a text with: the pieces of a token are held back until they are whole UTF-8 sequences.
class TextStream {
  public:
    // With `special`, the names of special tokens are part of the text.
    TextStream(const BlobFile &blob, bool special);
    std::string put(int32_t token);
    std::string flush() { return detokenize(-1); }

  private:
    std::string detokenize(int32_t token);
    const BlobFile &blob_;
    const bool special_;
    adder_detokenizer detokenizer_ = {{}, ADDER_DETOKENIZE_CONTINUE};
    std::string buffer_;
};

}  // namespace adder
