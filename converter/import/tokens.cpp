// Tokenizing whole texts, and cutting them into windows.
// SPDX-License-Identifier: MIT
#include "converter/import/tokens.h"

#include "converter/base/file.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/import/gguf.h"
#include "converter/import/gguf_tokenizer.h"
#include "converter/import/sentencepiece_model.h"
#include "converter/import/tokenizer.h"
#include "converter/import/world_vocabulary.h"
#include "converter/text/json.h"

namespace adder {

CheckpointTokenizer::CheckpointTokenizer(const std::string &path, uint32_t vocab_size) {
    if (path.empty()) return;
    const MappedFile file(path);
    if (is_gguf(file.text()))
        section_ = import_gguf_tokenizer(parse_gguf(file.data(), file.size(), path).metadata, vocab_size);
    else if (is_sentencepiece_model(path))
        section_ = import_sentencepiece_model(file.text(), path, vocab_size);
    else if (is_world_vocabulary(file.text()))
        section_ = import_world_vocabulary(file.text(), path, vocab_size);
    else
        section_ = import_tokenizer(Json::parse(file.text(), path), path, vocab_size);
    if (tokenizer_open(&tokenizer_, section_.data(), section_.size()) != TokenizeStatus::ok)
        bad_input("%s: the tokenizer cannot be represented", path.c_str());
}

Tokens tokenize_text(const Tokenizer &tokenizer, std::string_view text, uint32_t flags,
                     const std::string &name) {
    // Words are short in natural text: a buffer of one id a byte nearly always does, the full capacity always.
    Tokens ids(text.size() + 64);
    size_t count = 0;
    const auto attempt = [&] {
        return tokenize(&tokenizer, text.data(), text.size(), flags, ids.data(), ids.size(), &count);
    };
    TokenizeStatus status = attempt();
    if (status == TokenizeStatus::capacity) {
        ids.resize(tokenize_capacity(text.size()));
        status = attempt();
    }
    if (status == TokenizeStatus::no_token)
        bad_input("%s: the text has a byte that the vocabulary has no token for, after token %zu",
                  name.c_str(), count);
    if (status != TokenizeStatus::ok)
        fail(ExitCode::failure, "%s: the text cannot be tokenized", name.c_str());
    ids.resize(count);
    ids.shrink_to_fit();
    return ids;
}

std::vector<Tokens> cut_windows(const Tokens &tokens, uint32_t window, size_t limit) {
    const size_t count = (tokens.size() + window - 1) / window;
    const size_t taken = limit == 0 ? count : std::min(count, limit);
    std::vector<Tokens> windows;
    for (size_t i = 0; i < taken; ++i) {
        const size_t begin = i * count / taken * window;
        const size_t end = std::min(begin + window, tokens.size());
        windows.emplace_back(tokens.begin() + static_cast<ptrdiff_t>(begin),
                             tokens.begin() + static_cast<ptrdiff_t>(end));
    }
    return windows;
}

}  // namespace adder
