// A conversation: one recurrent state that turns are fed into, with the way back.
// SPDX-License-Identifier: MIT
#pragma once

#include "model_file.h"
#include "prompt_cache.h"
#include "settings.h"

#include <adder/pool.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

// Up to this many states to go back to, as long as they fit into this many bytes together (but always one).
constexpr size_t max_undo_levels = 64;
constexpr size_t max_undo_bytes = size_t{256} << 20;

// How the blob writes a turn. All empty: it has no chat template, and texts are simply continued.
struct Template {
    Template() = default;
    // Failure(usage) where there is a system text and the blob takes none; it begins with `option`, who asked for it.
    Template(const Model &model, const std::optional<std::string> &system, const std::string &option);

    bool present = false;
    std::vector<int32_t> begin;          // before the first turn, with a system text
    std::vector<int32_t> before_user;    // user prefix
    std::vector<int32_t> before_answer;  // user suffix, assistant prefix
    std::vector<int32_t> after_answer;   // assistant suffix
    std::vector<int32_t> control;        // special tokens that end an answer, besides the end-of-text tokens
    // Where it is plain text, what ends an answer: the assistant suffix. Where that is empty lines, which an answer may hold
    // itself, also what a user's turn begins with; closing is then the suffix alone.
    std::string stop_text;
    std::string closing;
    // Such a template has no special token, so that a turn is one text: prefix, text, and then this.
    std::string user_prefix, user_suffix;
    bool empty_lines = false;
};

struct Statistics {
    uint64_t prompt_tokens = 0, answer_tokens = 0;
    double prompt_seconds = 0, answer_seconds = 0;

    Statistics operator-(const Statistics &before) const {
        return {prompt_tokens - before.prompt_tokens, answer_tokens - before.answer_tokens,
                prompt_seconds - before.prompt_seconds, answer_seconds - before.answer_seconds};
    }
};

// What has been read and written, and how fast.
std::string describe(const Statistics &statistics);

enum class End {
    complete,    // the model ended its answer
    limit,       // max_tokens were written
    stopped,     // Ctrl-C; what is on the screen is in the state
    taken_back,  // Ctrl-C before the first token: the state is what it was
    no_room,     // the turn does not fit into the context: the state is what it was
    full,        // the context is: the answer ends where it did
    unformed     // no answer keeps to the constraint within max_tokens: the state is what it was
};

class Conversation {
  public:
    // `isa` empty: the best of this CPU; Failure(usage) if it is not to be had. `threads` 0: one a CPU.
    // `context` is that of adder_options.
    Conversation(const Model &model, const std::string &isa, uint32_t threads, uint32_t context,
                 const std::optional<std::string> &system);

    // Takes a turn of the user and hands the answer to `show` as it comes, in whole UTF-8 sequences. The
    // history is in the state and never read again; afterwards the state ends with a closed answer, however
    // the answer ended.
    End answer(const std::string &text, const std::function<void(std::string_view)> &show);

    // Continues a text as it stands, without the template, in a sequence of its own. The conversation is then where it was.
    End continue_text(const std::string &text, const std::function<void(std::string_view)> &show);

    // Begins anew with this system text. Failure(usage), beginning with `option`, if the template takes none; then nothing has
    // changed.
    void begin_with(const std::string &system, const std::string &option);

    // From here on an answer is what the constraint allows, whole, or there is none. Its file has to stay.
    void constrain(const adder_constraint &constraint) { constraint_ = constraint; }

    // From here on a conversation's beginning is read through the cache, which has to stay.
    void read_through(PromptCache &cache) { cache_ = &cache; }
    // Called when an answer is in the state.
    std::function<void()> after_answer;

    // Back to before the last answer, reset or load. False: there is nothing (any more) to take back.
    // *message gets what the user had said, or nothing if it was a reset or load.
    bool undo(std::string *message);
    // What the last exchange answered; null if the last thing was not an exchange.
    const std::string *last_message() const;

    void reset();
    // The library's saved state, and after it the sampler's memory. Written beside, then renamed.
    void save(const std::string &path);
    // Failure leaves everything as it was. Also takes a bare state of the library.
    void load(const std::string &path);

    std::string report() const;  // of /stats
    const Statistics &statistics() const { return statistics_; }
    bool is_constrained() const { return constraint_.has_value(); }
    const Model &model() const { return model_; }
    bool has_template() const { return template_.present; }
    size_t undo_levels() const;
    const char *isa() const { return adder_session_isa(session_); }
    size_t arena_bytes() const { return arena_.size(); }
    size_t state_bytes() const { return adder_state_size_at(model_.get(), adder_session_position(session_)); }
    uint64_t position() const { return adder_session_position(session_); }  // tokens
    uint32_t context() const { return adder_session_context(session_); }    // 0: as long as you like

    Settings settings;

  private:
    struct Moment {
        std::vector<unsigned char> state;
        adder_sampler sampler;  // for its ring of recent tokens
        std::string message;
        bool is_exchange;
    };

    Moment now(const std::string &message, bool is_exchange) const;
    void remember(Moment &&moment);
    void restore(const Moment &moment);
    bool feed(const std::vector<int32_t> &tokens, size_t count);  // false: interrupted
    End answered(End end) const;                                  // tells after_answer
    std::vector<int32_t> turn_tokens(const std::string &text) const;
    End write_answer(int32_t token, const std::function<void(std::string_view)> &show);
    End write_form(int32_t token, const std::function<void(std::string_view)> &show);
    bool ends_answer(int32_t token) const;
    uint64_t room() const;  // for so many tokens more

    const Model &model_;
    Template template_;
    std::unique_ptr<adder_pool, void (*)(adder_pool *)> pool_;
    Mapping arena_;
    adder_session *session_ = nullptr;
    std::optional<adder_constraint> constraint_;
    PromptCache *cache_ = nullptr;
    std::deque<Moment> history_;
    Statistics statistics_;
};

}  // namespace chat
