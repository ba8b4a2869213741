// Fuzz target: vocabulary files of World models, and the section that comes of one.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "converter/base/error.h"
#include "converter/import/tokens.h"
#include "converter/import/world_vocabulary.h"

using namespace adder;

static void import(const std::string &text) {
    std::vector<uint8_t> section;
    try {
        section = import_world_vocabulary(text, "fuzz", 5000);
    } catch (const Error &) {
        return;
    }
    Tokenizer tokenizer;
    if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) abort();
    std::string back;
    for (const int32_t id : tokenize_text(tokenizer, text, true, "fuzz")) {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        if (!token_bytes(&tokenizer, id, &bytes, &size, nullptr)) abort();
        back.append(reinterpret_cast<const char *>(bytes), size);
    }
    if (back != text) abort();
}

// As it is, and behind the lines of all bytes, without which nothing is a vocabulary.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const std::string bytes = [] {
        std::string text;
        for (unsigned byte = 0; byte < 256; ++byte) text += format("%u b'\\x%02x' 1\n", byte + 1, byte);
        return text;
    }();
    const std::string text(reinterpret_cast<const char *>(data), size);
    is_world_vocabulary(text);
    import(text);
    import(bytes + text);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const std::string seed :
         {"257 'ab' 2\n258 b'\\xff\\x80' 2\n259 \"it's\" 4\n", "257 '\\u00e9\\n' 3\n258 '\\'\\\"\\\\' 3\n",
          "257 '\\101\\0' 2\r\n258 '<|rwkv' 6\r\n259 '\xE4\xBD\xA0' 3"})
        add(reinterpret_cast<const uint8_t *>(seed.data()), seed.size());
}

extern "C" const char *const adder_fuzz_words[] = {"257 ", "258 ", "259 ", " 1\n", " 2\n",        "'",
                                                   "\"",   "b'",   "\\x",  "\\u",  "\\U0001F600", "\\n",
                                                   "\\\\", "\\'",  "\n",   "0 ",   nullptr};
