// Builds a blob's tokenizer section from a tokenizer.json of SentencePiece's kind: BPE over characters with byte fallback.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/text/json.h"

namespace adder {

// Characters that no token has become bytes, and the text is not written in GPT-2's alphabet.
bool is_sentencepiece(const Json &tokenizer_json);

// As import_tokenizer, of which it is a part.
std::vector<uint8_t> import_sentencepiece_json(const Json &tokenizer_json, const std::string &path,
                                               uint32_t model_vocab_size);

}  // namespace adder
