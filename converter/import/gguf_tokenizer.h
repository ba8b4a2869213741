// The tokenizer and the chat template inside of a GGUF file.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/import/gguf_metadata.h"

namespace adder {

// False where the file says that it has none, or says nothing.
bool has_gguf_tokenizer(const GgufMetadata &metadata);

// The section, as docs/format.md describes it, of tokenizer.ggml.model "gpt2" (byte-level BPE), "rwkv" (a World vocabulary) and
// "llama" (SentencePiece's BPE): the bytes that tokenizer.json, rwkv_vocab_v20230424.txt and tokenizer.model give for what the file
// has of them. Throws Error(bad_input) on other models, on texts that are split otherwise than the library does, and on what those
// files are refused for.
std::vector<uint8_t> import_gguf_tokenizer(const GgufMetadata &metadata, uint32_t model_vocab_size);

// tokenizer.chat_template with the texts that it takes of bos and eos; `source` is empty where there is none.
struct GgufChatTemplate {
    std::string source, bos_token, eos_token;
    bool is_world =
        false;  // the one that RWKV's World models were trained on, by its name or for want of another
};
GgufChatTemplate gguf_chat_template(const GgufMetadata &metadata);

}  // namespace adder
