// The public tokenizer functions, over the tokenizer section of a blob.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER

#include <string.h>

#include "runtime/model.h"
#include "runtime/unicode.h"

using namespace adder;

extern "C" size_t adder_tokenize_capacity(size_t size) { return tokenize_capacity(size); }

extern "C" adder_status adder_tokenize(const adder_model *model, const char *text, size_t size,
                                       uint32_t flags, int32_t *ids, size_t capacity, size_t *count) {
    if (!model || (!text && size > 0) || (!ids && capacity > 0) || !count) return ADDER_ERROR_ARGUMENT;
    *count = 0;
    const Model &m = *model_of(model);
    if (!m.has_tokenizer) return ADDER_ERROR_NO_TOKENIZER;
    static_assert(ADDER_TOKENIZE_SPECIAL == tokenize_special && ADDER_TOKENIZE_BEGIN == tokenize_begin,
                  "the flags are passed on");
    switch (tokenize(&m.tokenizer, text, size, flags, ids, capacity, count)) {
    case TokenizeStatus::ok: return ADDER_OK;
    case TokenizeStatus::capacity: return ADDER_ERROR_BUFFER;
    case TokenizeStatus::no_token: return ADDER_ERROR_TEXT;
    case TokenizeStatus::damaged: return ADDER_ERROR_CORRUPT;
    case TokenizeStatus::unsupported: return ADDER_ERROR_UNSUPPORTED;
    }
    return ADDER_ERROR_UNSUPPORTED;
}

extern "C" adder_status adder_token_bytes(const adder_model *model, int32_t token, const char **bytes,
                                          size_t *size) {
    if (!model || !bytes || !size) return ADDER_ERROR_ARGUMENT;
    *bytes = nullptr;
    *size = 0;
    const Model &m = *model_of(model);
    if (!m.has_tokenizer) return ADDER_ERROR_NO_TOKENIZER;
    if (token < 0 || static_cast<uint32_t>(token) >= m.architecture.vocab_size) return ADDER_ERROR_TOKEN;
    const uint8_t *text = nullptr;
    uint32_t length = 0;
    // A model's vocabulary may be larger than its tokenizer's; such tokens have no text.
    if (token_bytes(&m.tokenizer, token, &text, &length, nullptr)) {
        *bytes = reinterpret_cast<const char *>(text);
        *size = length;
    }
    return ADDER_OK;
}

extern "C" int adder_token_is_special(const adder_model *model, int32_t token) {
    const Model &m = *model_of(model);
    const uint8_t *text = nullptr;
    uint32_t length = 0;
    bool special = false;
    return m.has_tokenizer && token_bytes(&m.tokenizer, token, &text, &length, &special) && special;
}

extern "C" int32_t adder_token_find(const adder_model *model, const char *text, size_t size) {
    const Model &m = *model_of(model);
    return m.has_tokenizer && text ? find_token(&m.tokenizer, text, size) : -1;
}

extern "C" size_t adder_detokenize_capacity(const adder_model *model) {
    const Model &m = *model_of(model);
    uint32_t longest = 0;
    for (uint32_t id = 0; m.has_tokenizer && id < m.tokenizer.tokens; ++id) {
        const uint8_t *text = nullptr;
        uint32_t length = 0;
        if (token_bytes(&m.tokenizer, static_cast<int32_t>(id), &text, &length, nullptr) && length > longest)
            longest = length;
    }
    return 3 * (size_t{longest} + 3);  // each byte, pending ones included, may become U+FFFD
}

extern "C" size_t adder_detokenize(const adder_model *model, adder_detokenizer *detokenizer, int32_t token,
                                   char *text, size_t capacity) {
    if (!model || !detokenizer || (!text && capacity > 0)) return 0;
    const Model &m = *model_of(model);
    Utf8Stream stream{};
    memcpy(stream.pending, detokenizer->pending, sizeof stream.pending);
    // What is pending is the beginning of a sequence; anything else, a struct never zeroed, counts as nothing.
    uint8_t low, high;
    const uint32_t count = detokenizer->count & ~ADDER_DETOKENIZE_CONTINUE;
    if (count < utf8_sequence(stream.pending[0], &low, &high)) stream.count = static_cast<uint8_t>(count);
    // Of a tokenizer that takes a text's first space away: whether the text was begun.
    const bool strips = takes_characters(m.tokenizer) && (m.tokenizer.flags & tokenizer_strip_space) != 0;
    uint32_t begun = strips ? detokenizer->count & ADDER_DETOKENIZE_CONTINUE : 0;
    const uint8_t *bytes = nullptr;
    uint32_t size = 0;
    bool special = false;
    size_t written = 0;
    if (token < 0)
        written = utf8_stream_end(&stream, text, capacity);
    else if (m.has_tokenizer && token_bytes(&m.tokenizer, token, &bytes, &size, &special) && !special) {
        if (strips && size > 0) {
            const uint32_t skipped = begun == 0 && *bytes == ' ';
            bytes += skipped;
            size -= skipped;
            begun = ADDER_DETOKENIZE_CONTINUE;
        }
        written = utf8_stream(&stream, bytes, size, text, capacity);
    }
    if (written > capacity) return 0;
    memcpy(detokenizer->pending, stream.pending, sizeof stream.pending);
    detokenizer->count = stream.count | begun;
    return written;
}

#endif  // ADDER_TOKENIZER
