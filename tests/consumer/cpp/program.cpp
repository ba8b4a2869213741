// A C++ program on adder.hpp, without exceptions: what the classes give is what the C functions give.
// SPDX-License-Identifier: MIT
#include <adder/adder.hpp>

#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#include "tiny.h"
#include "tiny_constraint.h"

static int failures = 0;
static void expect(bool ok, const char *what) {
    if (ok) return;
    std::printf("failed: %s\n", what);
    ++failures;
}

alignas(ADDER_ALIGNMENT) static unsigned char arena[TINY_ARENA_BYTES];

static_assert(!std::is_copy_constructible_v<adder::Model> && !std::is_move_constructible_v<adder::Model>);
static_assert(!std::is_copy_constructible_v<adder::Session> &&
              std::is_nothrow_move_assignable_v<adder::Session>);

static void errors() {
    adder::Model model;
    alignas(ADDER_ALIGNMENT) static const char none[ADDER_ALIGNMENT] = "no blob";
    const adder::Error error = model.open(none, sizeof none);
    expect(error && error.status() == ADDER_ERROR_NOT_A_BLOB, "Error of open");
    expect(error.text() == "this is not an Adder blob: bytes: found 64, needed 256", error.text().c_str());
    expect(model.open(tiny_blob, TINY_BLOB_BYTES - 1).status() == ADDER_ERROR_TRUNCATED, "a blob cut short");

    expect(!model.open(tiny_blob, TINY_BLOB_BYTES), "open");
    adder::Session session;
    adder_options options{};
    options.chunk = 5000;
    expect(session.open(model, options).status() == ADDER_ERROR_ARGUMENT && !session, "a chunk out of range");
    options = {};
    options.isa = "none";
    expect(session.open(model, options).status() == ADDER_ERROR_ISA && !session, "an unknown instruction set");
    options = {};
    options.chunk = TINY_CHUNK;
    options.logit_rows = TINY_LOGIT_ROWS;
    expect(session.open(model, options, arena, sizeof arena - 1).details().needed == sizeof arena,
           "arena too small");
    expect(!session.open(model, options, arena, sizeof arena) && session, "in memory of the caller's");
    expect(session.step(-1) == nullptr, "a token outside of the vocabulary");
    std::vector<int32_t> ids(3);
    expect(model.tokenize("\xff", ids).status() == ADDER_OK && ids.size() == 1, "a byte");
}

int main() {
    errors();
    adder::Model model;
    expect(!model.open(tiny_blob, TINY_BLOB_BYTES) && !model.verify(), "open and verify");
    expect(model.vocab_size() == TINY_VOCAB_SIZE && model.info().vocab_size == TINY_VOCAB_SIZE, "vocab_size");
    expect(model.text(ADDER_TEXT_NAME) == std::string_view(TINY_MODEL_NAME, sizeof TINY_MODEL_NAME - 1),
           "name");
    expect(model.text(ADDER_TEXT_CHAT_BEGIN).empty(), "a text that is not there");
    expect(model.token_bytes('a') == "a" && model.token_bytes(-1).empty(), "token_bytes");
    const int32_t end = model.token_find("<|end|>");
    expect(end >= 0 && model.token_is_special(end) && !model.token_is_special('a'), "special tokens");

    adder::Session first;
    expect(!first.open(model) && !first.selftest(), "open and selftest");
    std::vector<int32_t> ids;
    expect(!model.tokenize("abc, a tiny text", ids) && ids.size() > 4, "tokenize");
    expect(!first.feed(ids.data(), ids.size() - 1) && first.position() == ids.size() - 1, "feed");
    std::vector<unsigned char> state(model.state_size());
    expect(!first.save(state.data(), state.size()), "save");
    expect(first.save(state.data(), 3).status() == ADDER_ERROR_BUFFER, "save into too little");

    adder::Session second = std::move(first);
    expect(!first && second && second.position() == ids.size() - 1, "a session that was moved");
    const std::vector<float> logits(second.step(ids.back()), second.step(ids.back()) + model.vocab_size());
    adder::Session third;
    expect(!third.open(model) && !third.load(state.data(), state.size()), "load");
    third.step(ids.back());
    expect(std::memcmp(third.step(ids.back()), logits.data(), logits.size() * sizeof(float)) == 0,
           "the same logits");
    state[100] ^= 1;
    expect(third.load(state.data(), state.size()).status() == ADDER_ERROR_STATE, "a damaged state");
    third.reset();
    size_t scored = 0;
    expect(!third.score(ids.data(), ids.size(),
                        [&](size_t index, const float *) { scored += index == scored; }) &&
               scored == ids.size(),
           "score");
    third = std::move(second);
    expect(third.isa()[0] != '\0' && !second, "a session that took another's place");

    // In slices, of a blob behind a callback.
    adder_source source{};
    source.read = [](void *, uint64_t offset, void *buffer, size_t size) {
        std::memcpy(buffer, reinterpret_cast<const unsigned char *>(tiny_blob) + offset, size);
        return 0;
    };
    source.size = TINY_BLOB_BYTES;
    alignas(ADDER_ALIGNMENT) static unsigned char memory[1 << 14];
    adder::Model streamed;
    expect(streamed.open_stream(source, 0, memory, 64).status() == ADDER_ERROR_BUFFER, "memory too small");
    expect(!streamed.open_stream(source, 0, memory, sizeof memory) && !streamed.verify(), "open_stream");
    adder::Session slices;
    expect(!slices.open(streamed) && slices.slices_left() == 0, "a session of a stream");
    expect(!slices.feed_begin(ids.data(), 2) && slices.feed(ids.data(), 1).status() == ADDER_ERROR_SEQUENCE,
           "feed_begin");
    float *sliced = nullptr;
    while (slices.proceed(nullptr) == ADDER_MORE) {
    }
    expect(!slices.feed(ids.data() + 2, ids.size() - 3) && slices.step(ids.back()) != nullptr &&
               !slices.step_begin(ids.back()),
           "step_begin");
    while (slices.proceed(&sliced) == ADDER_MORE) {
    }
    expect(sliced != nullptr && std::memcmp(sliced, logits.data(), logits.size() * sizeof(float)) == 0,
           "the same logits in slices");

    adder::Sampler sampler(model, 7), fork = sampler;
    std::vector<float> once = logits, again = logits;
    const int32_t token = sampler.sample(once.data(), model.vocab_size());
    expect(token == fork.sample(again.data(), model.vocab_size()), "a copy of the sampler draws the same");
    sampler.accept(token);
    expect(sampler.accepted == 1 && fork.accepted == 0, "accept");

    const int32_t yes[] = {'y', 'e', 's'}, no[] = {'n', 'o'}, wrong[] = {1 << 30};
    adder_choice choices[] = {{yes, 3, 1, 0, 0}, {no, 2, 1, 0, 0}};
    adder::Session asked;
    expect(!asked.open(model) && !asked.choose(model, 'a', choices, 2) && choices[0].log_probability < 0 &&
               choices[1].log_probability < 0 && asked.position() == 1 && choices[0].order == 1,
           "choose");
    choices[1].tokens = wrong;
    choices[1].count = 1;
    expect(asked.choose(model, 'a', choices, 2).status() == ADDER_ERROR_TOKEN, "choose among wrong tokens");

    adder::Constraint constraint;
    expect(constraint.open(tiny_constraint, 8).status() == ADDER_ERROR_CONSTRAINT, "a constraint cut short");
    expect(!constraint.open(tiny_constraint, sizeof tiny_constraint) && constraint.longest() == 3,
           "open a constraint");
    std::vector<float> allowed(model.vocab_size());
    expect(!constraint.mask(model, allowed.data()) && allowed['y'] == 0 && allowed['x'] < 0, "mask");
    expect(constraint.mask(model, allowed.data(), 0).status() == ADDER_ERROR_LENGTH, "no token left");
    expect(!constraint.accept(model, 'n') && constraint.lacks() == 1 && !constraint.is_accepting() &&
               !constraint.accept(model, 'o') && constraint.is_complete() && constraint.is_accepting(),
           "accept a token");
    constraint.begin();
    expect(constraint.lacks() == 2, "begin anew");

    adder::Detokenizer detokenizer(model);
    expect(detokenizer.put(0xc3).empty() && detokenizer.put(0xa9) == "\xC3\xA9", "a sequence in two tokens");
    expect(detokenizer.put(0xc3).empty() && detokenizer.flush() == "\xEF\xBF\xBD", "flush");
    return failures != 0;
}
