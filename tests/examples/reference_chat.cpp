// The shortest correct chat loop, for a blob whose control tokens are its end-of-text tokens and role names.
// SPDX-License-Identifier: MIT
#include "reference_chat.h"

#include "process.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace adder_test {

struct ReferenceChat::Memory {
    struct Free {
        void operator()(void *memory) const { std::free(memory); }
    };
    using Block = std::unique_ptr<void, Free>;
    static Block block(size_t size) {
        return Block(std::aligned_alloc(ADDER_ALIGNMENT,
                                        (size + ADDER_ALIGNMENT - 1) / ADDER_ALIGNMENT * ADDER_ALIGNMENT));
    }
    Block blob, arena;
    adder_model model{};
};

static void must(adder_status status) {
    if (status != ADDER_OK)
        throw std::runtime_error(adder_status_text(status));
}

ReferenceChat::ReferenceChat(const std::string &blob, uint32_t limit)
    : memory_(std::make_shared<Memory>()), limit_(limit) {
    const std::string bytes = read_file(blob);
    memory_->blob = Memory::block(bytes.size());
    std::memcpy(memory_->blob.get(), bytes.data(), bytes.size());
    must(adder_model_open(&memory_->model, memory_->blob.get(), bytes.size(), nullptr));
    const size_t size = adder_arena_size(&memory_->model, nullptr);
    memory_->arena = Memory::block(size);
    must(adder_session_init(&session_, &memory_->model, nullptr, memory_->arena.get(), size, nullptr));
    adder_sampler_init(&sampler_, &memory_->model);
    sampler_.temperature = 0;
}

std::vector<int32_t> ReferenceChat::turn(const std::string &text) const {
    const adder_model *model = &memory_->model;
    std::vector<int32_t> tokens;
    const auto add = [&](const std::string &part, uint32_t flags) {
        std::vector<int32_t> ids(adder_tokenize_capacity(part.size()));
        size_t count = 0;
        must(adder_tokenize(model, part.data(), part.size(), flags, ids.data(), ids.size(), &count));
        tokens.insert(tokens.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
    };
    const auto from_blob = [&](adder_text which) {
        size_t size = 0;
        const char *bytes = adder_model_text(model, which, &size);
        return bytes ? std::string(bytes, size) : std::string();
    };
    add(from_blob(ADDER_TEXT_USER_PREFIX), ADDER_TOKENIZE_SPECIAL);
    add(text, 0);
    add(from_blob(ADDER_TEXT_USER_SUFFIX), ADDER_TOKENIZE_SPECIAL);
    add(from_blob(ADDER_TEXT_ASSISTANT_PREFIX), ADDER_TOKENIZE_SPECIAL);
    return tokens;
}

std::string ReferenceChat::answer(const std::string &text) {
    const adder_model *model = &memory_->model;
    adder_model_info info;
    adder_model_get_info(model, &info);
    const std::string end = "<|end|>";
    const int32_t end_token = adder_token_find(model, end.data(), end.size());
    float *logits = nullptr;
    for (const int32_t token : turn(text))
        must(adder_step(session_, token, &logits));

    std::string said;
    adder_detokenizer detokenizer{};
    std::vector<char> piece(adder_detokenize_capacity(model));
    for (uint32_t i = 0; i < limit_; ++i) {
        const int32_t token = adder_sample(&sampler_, logits, info.vocab_size);
        if (adder_token_is_special(model, token))
            break;
        adder_sampler_accept(&sampler_, token);
        said.append(piece.data(), adder_detokenize(model, &detokenizer, token, piece.data(), piece.size()));
        must(adder_step(session_, token, &logits));
    }
    said.append(piece.data(), adder_detokenize(model, &detokenizer, -1, piece.data(), piece.size()));
    must(adder_step(session_, end_token, &logits));
    return said;
}

}  // namespace adder_test
