// The C API as C++17 classes that clean up after themselves. Header only; needs neither exceptions nor RTTI.
// SPDX-License-Identifier: MIT
//
//     adder::Model model;
//     if (adder::Error error = model.open(blob, blob_size)) return report(error.text());
//     adder::Session session;
//     if (adder::Error error = session.open(model)) return report(error.text());  // takes an arena from the heap
//     std::vector<int32_t> ids;
//     if (adder::Error error = model.tokenize("Once upon a time", ids)) return report(error.text());
//     if (adder::Error error = session.feed(ids.data(), ids.size() - 1)) return report(error.text());
//     adder::Sampler sampler(model);
//     float *logits = session.step(ids.back());
//     int32_t next = sampler.sample(logits, model.vocab_size());
//
// Every call is one of adder.h, which says what it does, and costs no more. Memory is taken where a comment says so, and never
// by a token.
#ifndef ADDER_ADDER_HPP
#define ADDER_ADDER_HPP

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "adder.h"

namespace adder {
// The library has a namespace of this name, with other classes in it.
inline namespace cpp {

// What a call came to; true where it failed.
class [[nodiscard]] Error {
  public:
    Error() = default;
    Error(adder_status status) { value_.status = status; }
    Error(adder_status status, const adder_error &error) : value_(error) { value_.status = status; }
    explicit operator bool() const { return value_.status != ADDER_OK; }
    adder_status status() const { return value_.status; }
    const adder_error &details() const { return value_; }
    // A sentence with item and numbers. Takes memory.
    std::string text() const {
        std::string text(adder_error_text(&value_, nullptr, 0) + 1, '\0');
        text.resize(adder_error_text(&value_, text.data(), text.size()));
        return text;
    }

  private:
    adder_error value_{ADDER_OK, nullptr, -1, 0, 0};
};

// A checked view of a blob, which has to stay as long as the model does. Sessions point to it: it stays where it is.
class Model {
  public:
    Model() = default;
    Model(const Model &) = delete;
    Model &operator=(const Model &) = delete;

    Error open(const void *blob, size_t size) {
        adder_error error{};
        return {adder_model_open(&model_, blob, size, &error), error};
    }
    // A blob behind callbacks: the source and `memory`, of adder_stream_memory_size bytes, have to stay as well.
    Error open_stream(const adder_source &source, uint32_t flags, void *memory, size_t size) {
        adder_error error{};
        return {adder_model_open_stream(&model_, &source, flags, memory, size, &error), error};
    }
    // Everything below needs an open model.
    Error verify() const {
        adder_error error{};
        return {adder_model_verify(&model_, &error), error};
    }
    // The next 512 bytes: ADDER_MORE until all have been read.
    adder_status verify_piece(adder_verification &verification, adder_error *error = nullptr) const {
        return adder_model_verify_piece(&model_, &verification, error);
    }
    const adder_model *get() const { return &model_; }
    adder_model_info info() const {
        adder_model_info info;
        adder_model_get_info(&model_, &info);
        return info;
    }
    uint32_t vocab_size() const { return adder_model_vocab_size(&model_); }
    size_t state_size() const { return adder_state_size(&model_); }
    size_t state_size_at(uint64_t position) const { return adder_state_size_at(&model_, position); }
    size_t mark_size() const { return adder_mark_size(&model_); }
    size_t arena_size(const adder_options &options = adder_options{}) const {
        return adder_arena_size(&model_, &options);
    }
    bool is_eos(int32_t token) const { return adder_model_is_eos(&model_, token) != 0; }
    // Empty if the blob has none.
    std::string_view text(adder_text which) const {
        size_t size = 0;
        const char *const text = adder_model_text(&model_, which, &size);
        return text != nullptr ? std::string_view(text, size) : std::string_view();
    }

#if ADDER_TOKENIZER
    // `ids` is a std::vector<int32_t>, or what has resize, data and size as well; it gets the ids of the text. Takes memory for
    // the longest case in between: 6 ids a byte.
    template <typename Ids>
    Error tokenize(std::string_view text, Ids &ids, uint32_t flags = 0) const {
        size_t count = 0;
        ids.resize(adder_tokenize_capacity(text.size()));
        const adder_status status =
            adder_tokenize(&model_, text.data(), text.size(), flags, ids.data(), ids.size(), &count);
        ids.resize(status == ADDER_OK ? count : 0);
        return status;
    }
    // The bytes of a token; empty outside of the vocabulary.
    std::string_view token_bytes(int32_t token) const {
        const char *bytes = nullptr;
        size_t size = 0;
        const adder_status status = adder_token_bytes(&model_, token, &bytes, &size);
        return status == ADDER_OK && bytes != nullptr ? std::string_view(bytes, size) : std::string_view();
    }
    bool token_is_special(int32_t token) const { return adder_token_is_special(&model_, token) != 0; }
    int32_t token_find(std::string_view text) const {
        return adder_token_find(&model_, text.data(), text.size());
    }
#endif

  private:
    adder_model model_{};
};

// One sequence of tokens, in an arena of its own or of the caller's. Can be moved.
class Session {
  public:
    Session() = default;
    Session(Session &&other) noexcept { swap(other); }
    Session &operator=(Session &&other) noexcept {
        Session(std::move(other)).swap(*this);
        return *this;
    }
    ~Session() { free_arena(); }

    // In an arena from the heap: ADDER_ERROR_ARENA where there is none. An open session is closed first.
    Error open(const Model &model, const adder_options &options = adder_options{}) {
        close();
        const size_t size = model.arena_size(options);
        if (size == 0) return open(model, options, nullptr, 0);  // which says what is wrong with the options
        arena_ = ::operator new(size, alignment, std::nothrow);
        if (arena_ == nullptr) return {ADDER_ERROR_ARENA, {ADDER_ERROR_ARENA, "memory", -1, 0, size}};
        Error error = initialize(model, options, arena_, size);
        if (error) close();
        return error;
    }
    // In memory of the caller's, aligned to ADDER_ALIGNMENT, which has to stay as long as the session does.
    Error open(const Model &model, const adder_options &options, void *arena, size_t size) {
        close();
        return initialize(model, options, arena, size);
    }
    void close() {
        free_arena();
        arena_ = nullptr;
        session_ = nullptr;
    }
    adder_session *get() const { return session_; }
    explicit operator bool() const { return session_ != nullptr; }

    // Everything below needs an open session.
    const char *isa() const { return adder_session_isa(session_); }
    uint64_t position() const { return adder_session_position(session_); }
    Error feed(const int32_t *tokens, size_t n) { return adder_feed(session_, tokens, n); }
    // The logits of the next token, vocab_size of them, until the next call; null if the token is outside of the vocabulary,
    // or another failure that adder_step has.
    float *step(int32_t token) {
        float *logits = nullptr;
        return adder_step(session_, token, &logits) == ADDER_OK ? logits : nullptr;
    }
#if ADDER_SAMPLER
    // Fills in log_probability of each answer after `token`, with adder_choose_size bytes of memory from the heap.
    Error choose(const Model &model, int32_t token, adder_choice *choices, uint32_t n) {
        const size_t size = adder_choose_size(model.get(), choices, n);
        void *const memory = ::operator new(size > 0 ? size : 1, std::nothrow);
        if (memory == nullptr) return {ADDER_ERROR_BUFFER, {ADDER_ERROR_BUFFER, "memory", -1, 0, size}};
        const Error error = choose(token, choices, n, memory, size);
        ::operator delete(memory);
        return error;
    }
    // In memory of the caller's.
    Error choose(int32_t token, adder_choice *choices, uint32_t n, void *memory, size_t size) {
        adder_error error{};
        return {adder_choose(session_, token, choices, n, memory, size, &error), error};
    }
#endif
    // The same in slices. proceed() is ADDER_MORE until the last slice; ADDER_OK comes with the logits of a step.
    Error step_begin(int32_t token) { return adder_step_begin(session_, token); }
    Error feed_begin(const int32_t *tokens, size_t n) { return adder_feed_begin(session_, tokens, n); }
    adder_status proceed(float **logits) { return adder_continue(session_, logits); }
    uint32_t slices_left() const { return adder_slices_left(session_); }
    // Calls back(index, logits) for each token.
    template <typename Callback>
    Error score(const int32_t *tokens, size_t n, Callback &&back) {
        const auto call = [](void *context, size_t index, const float *logits) {
            (*static_cast<std::remove_reference_t<Callback> *>(context))(index, logits);
        };
        return adder_score(session_, tokens, n, call,
                           const_cast<void *>(static_cast<const void *>(std::addressof(back))));
    }
    Error selftest() {
        adder_error error{};
        return {adder_selftest(session_, &error), error};
    }

    // Model::state_size() bytes hold the whole context.
    Error save(void *buffer, size_t size) const { return adder_state_save(session_, buffer, size); }
    Error load(const void *buffer, size_t size) {
        adder_error error{};
        return {adder_state_load(session_, buffer, size, &error), error};
    }
    // Model::mark_size() bytes; load() goes back to it.
    Error mark(void *buffer, size_t size) const { return adder_mark_save(session_, buffer, size); }
    void reset() { adder_state_reset(session_); }

  private:
    static constexpr std::align_val_t alignment{ADDER_ALIGNMENT};
    Error initialize(const Model &model, const adder_options &options, void *arena, size_t size) {
        adder_error error{};
        return {adder_session_init(&session_, model.get(), &options, arena, size, &error), error};
    }
    void free_arena() { ::operator delete(arena_, alignment, std::nothrow); }
    void swap(Session &other) noexcept {
        std::swap(arena_, other.arena_);
        std::swap(session_, other.session_);
    }
    void *arena_ = nullptr;  // null: none, or the caller's
    adder_session *session_ = nullptr;
};

#if ADDER_STEP_MANY
// A token of each of n sessions of one model, Session::get() of each; logits[i] points to the logits after it, until the next call
// with the first session, whose options `chunk` and `logit_rows` are n or more.
inline Error step_many(adder_session *const *sessions, const int32_t *tokens, uint32_t n, float **logits) {
    adder_error error{};
    return {adder_step_many(sessions, tokens, n, logits, &error), error};
}
#endif

#if ADDER_TOKENIZER
// Tokens to text as they come: whole UTF-8 sequences only. Takes memory for one token's text.
class Detokenizer {
  public:
    explicit Detokenizer(const Model &model)
        : model_(model), text_(adder_detokenize_capacity(model.get()), '\0') {}
    // The text that the token completes, until the next call; empty for special tokens.
    std::string_view put(int32_t token) {
        return {text_.data(), adder_detokenize(model_.get(), &pending_, token, text_.data(), text_.size())};
    }
    // What is left of an unfinished sequence.
    std::string_view flush() { return put(-1); }

  private:
    const Model &model_;
    std::string text_;
    adder_detokenizer pending_{};
};
#endif

#if ADDER_TOKENIZER && ADDER_CONSTRAINT
// A form that a text keeps to, and how far it has come in it. A value: copy it to fork. The bytes have to stay.
class Constraint {
  public:
    Error open(const void *bytes, size_t size) {
        adder_error error{};
        return {adder_constraint_open(&constraint_, bytes, size, &error), error};
    }
    // Everything below needs an open constraint.
    void begin() { adder_constraint_init(&constraint_); }
    // `left`: tokens that may still be generated.
    Error mask(const Model &model, float *logits, uint32_t left = ADDER_CONSTRAINT_NO_LIMIT) const {
        return adder_constraint_mask(&constraint_, model.get(), logits, left);
    }
    Error accept(const Model &model, int32_t token) {
        return adder_constraint_accept(&constraint_, model.get(), token);
    }
    bool is_accepting() const { return adder_constraint_is_accepting(&constraint_) != 0; }
    bool is_complete() const { return adder_constraint_is_complete(&constraint_) != 0; }
    uint32_t lacks() const { return adder_constraint_lacks(&constraint_); }
    uint32_t longest() const { return adder_constraint_longest(&constraint_); }

  private:
    adder_constraint constraint_{};
};
#endif

#if ADDER_SAMPLER
// A value, with the fields of adder_sampler: copy it to fork.
struct Sampler : adder_sampler {
    explicit Sampler(const Model &model, uint64_t seed = 0) {
        adder_sampler_init(this, model.get());
        adder_sampler_seed(this, seed);
    }
    void accept(int32_t token) { adder_sampler_accept(this, token); }
    // Overwrites the logits; the token is not accepted yet.
    int32_t sample(float *logits, uint32_t n) { return adder_sample(this, logits, n); }
};
#endif

}  // namespace cpp
}  // namespace adder

#endif
