// Fuzz target: SentencePiece's model files, and the section that comes of one.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "converter/base/error.h"
#include "converter/import/sentencepiece_model.h"
#include "runtime/tokenizer.h"
#include "tests/support/sentencepiece_model.h"

using namespace adder;

static void import(const std::string &bytes) {
    std::vector<uint8_t> section;
    try {
        section = import_sentencepiece_model(bytes, "fuzz", 5000);
    } catch (const Error &) {
        return;
    }
    Tokenizer tokenizer;
    if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) abort();
    std::vector<int32_t> ids(tokenize_capacity(bytes.size()));
    size_t count = 0;
    // There is always an unknown token, so that every text has ids.
    if (tokenize(&tokenizer, bytes.data(), bytes.size(), tokenize_special | tokenize_begin, ids.data(),
                 ids.size(), &count) != TokenizeStatus::ok)
        abort();
    for (size_t i = 0; i < count; ++i) {
        const uint8_t *text = nullptr;
        uint32_t size = 0;
        if (!token_bytes(&tokenizer, ids[i], &text, &size, nullptr) || size == 0) abort();
    }
}

// As it is, and behind the pieces and settings without which nothing is a model.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const std::string with_bytes = test::ModelFile(true).bytes(),
                             without = test::ModelFile(false).bytes();
    const std::string bytes(reinterpret_cast<const char *>(data), size);
    import(bytes);
    import(with_bytes + bytes);
    import(without + bytes);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (int kind = 0; kind < 3; ++kind) {
        test::ModelFile file(kind == 1);
        if (kind == 2) file.pieces.clear();
        float score = -1;
        for (const char *text : {"\xE2\x96\x81", "a", "b", "ab",
                                 "\xE2\x96\x81"
                                 "a",
                                 "aa", "abab", "\xC3\xA9", "a\xC3\xA9"})
            file.piece(text, score -= 1);
        file.piece("<u>", 0, test::piece_user);
        file.piece("<c>", 0, test::piece_control);
        const std::string bytes =
            kind == 2 ? file.pieces : file.spaces(kind == 1, kind == 0).bytes() + "abab  a\xC3\xA9<u><c>";
        add(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    }
}
