// Builds a blob's tokenizer section from a Hugging Face tokenizer.json (byte-level BPE only).
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/text/json.h"

namespace adder {

// The section, as docs/format.md describes it: the same bytes for the same file. `path` stands in
// errors. `model_vocab_size` is the number of rows of the model's embedding: every id must lie below it; that
// the tokenizer has fewer is normal (published Mamba models pad their vocabularies). Throws Error(bad_input)
// on what is damaged, and on what the runtime would do differently from Hugging Face tokenizers: another
// model, pre-tokenizer, normalizer, post-processor or decoder, single_word tokens, and so on.
std::vector<uint8_t> import_tokenizer(const Json &tokenizer_json, const std::string &path,
                                      uint32_t model_vocab_size);

}  // namespace adder
