// Feeds turns, samples answers, and keeps the states to go back to.
// SPDX-License-Identifier: MIT
#include "conversation.h"

#include "failure.h"
#include "state_file.h"
#include "stop_text.h"
#include "terminal.h"
#include "turn_text.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

namespace chat {
namespace {

// Tokens between two looks at Ctrl-C while a long text is read.
constexpr size_t feed_slice = 128;

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The memory of a sampler without its settings: those stay the user's.
void copy_recent(adder_sampler &to, const adder_sampler &from) {
    std::copy_n(from.recent, ADDER_SAMPLER_WINDOW, to.recent);
    to.accepted = from.accepted;
}

std::string with_separators(uint64_t number) {
    std::string digits = std::to_string(number);
    for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
    return digits;
}

std::string rate(uint64_t tokens, double seconds) {
    char text[64] = "";
    if (seconds > 0)
        std::snprintf(text, sizeof text, " at %.1f tokens/s", static_cast<double>(tokens) / seconds);
    return with_separators(tokens) + " tokens" + text;
}

}  // namespace

std::string describe(const Statistics &statistics) {
    return rate(statistics.prompt_tokens, statistics.prompt_seconds) + " read, " +
           rate(statistics.answer_tokens, statistics.answer_seconds) + " written";
}

Template::Template(const Model &model, const std::optional<std::string> &system, const std::string &option) {
    present = model.info().has_chat_template != 0;
    const std::string system_prefix = model.text(ADDER_TEXT_SYSTEM_PREFIX),
                      system_suffix = model.text(ADDER_TEXT_SYSTEM_SUFFIX);
    if (system && system_prefix.empty() && system_suffix.empty())
        throw Failure(Exit::usage, option + (present ? ": this model's chat template takes no system text"
                                                     : ": this model has no chat template"));
    if (!present) return;
    const std::string prefix = model.text(ADDER_TEXT_ASSISTANT_PREFIX);
    const std::string suffix = model.text(ADDER_TEXT_ASSISTANT_SUFFIX);
    before_user = model.tokenize(model.text(ADDER_TEXT_USER_PREFIX), ADDER_TOKENIZE_SPECIAL);
    before_answer = model.tokenize(model.text(ADDER_TEXT_USER_SUFFIX) + prefix, ADDER_TOKENIZE_SPECIAL);
    after_answer = model.tokenize(suffix, ADDER_TOKENIZE_SPECIAL);
    if (!after_answer.empty() && !model.is_special(after_answer.front())) stop_text = suffix;
    user_prefix = model.text(ADDER_TEXT_USER_PREFIX);
    user_suffix = model.text(ADDER_TEXT_USER_SUFFIX) + prefix;
    const std::string begins = user_prefix.substr(0, user_prefix.find_last_not_of(" \n") + 1);
    const auto is_plain = [&](const std::vector<int32_t> &tokens) {
        return std::none_of(tokens.begin(), tokens.end(),
                            [&](int32_t token) { return model.is_special(token); });
    };
    empty_lines = ends_with_empty_lines(suffix) && ends_with_empty_lines(model.text(ADDER_TEXT_USER_SUFFIX)) &&
                  !begins.empty() && is_plain(before_user) && is_plain(before_answer);
    const std::string before = model.text(ADDER_TEXT_CHAT_BEGIN);
    const auto add = [&](const std::string &text, uint32_t flags) {
        const std::vector<int32_t> tokens = model.tokenize(text, flags);
        begin.insert(begin.end(), tokens.begin(), tokens.end());
    };
    if (!system) {
        add(before + model.text(ADDER_TEXT_OWN_SYSTEM), ADDER_TOKENIZE_SPECIAL);
    } else if (empty_lines) {  // one text, as a turn is
        add(before, ADDER_TOKENIZE_SPECIAL);
        add(system_prefix + without_empty_lines(*system) + system_suffix, 0);
    } else {
        add(before + system_prefix, ADDER_TOKENIZE_SPECIAL);
        add(*system, 0);
        add(system_suffix, ADDER_TOKENIZE_SPECIAL);
    }
    if (empty_lines) {
        closing = suffix;
        stop_text = suffix + begins;
    }
    // A model that opens another role's turn without closing its own has ended its answer all the same.
    for (const std::vector<int32_t> *opening : {&before_user, &before_answer, &after_answer}) {
        std::copy_if(opening->begin(), opening->end(), std::back_inserter(control),
                     [&](int32_t token) { return model.is_special(token); });
    }
}

Conversation::Conversation(const Model &model, const std::string &isa, uint32_t threads, uint32_t context,
                           const std::optional<std::string> &system)
    : model_(model), template_(model, system, "--system"), pool_(nullptr, adder_pool_destroy) {
    adder_pool_options pool_options{};
    pool_options.threads = threads;
    // Its threads leave to this one the signals that wake it while it waits for input.
    sigset_t waking, before;
    sigemptyset(&waking);
    for (const int signal : {SIGINT, SIGWINCH, SIGCONT, SIGTSTP}) sigaddset(&waking, signal);
    pthread_sigmask(SIG_BLOCK, &waking, &before);
    pool_.reset(adder_pool_create(&pool_options));
    const int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!pool_)
        throw Failure(Exit::failure,
                      "cannot start " + std::to_string(threads) + " threads: " + std::strerror(reason));
    adder_options options{};
    options.context = context;
    options.threads = adder_pool_size(pool_.get());
    options.parallel_for = adder_pool_parallel_for;
    options.parallel_context = pool_.get();
    options.isa = isa.empty() ? nullptr : isa.c_str();
    const size_t size = adder_arena_size(model.get(), &options);
    if (size == 0) throw Failure(Exit::bad_input, "the model is too large for the memory of this machine");
    arena_ = Mapping::anonymous(size);
    adder_error error{};
    const adder_status status =
        adder_session_init(&session_, model.get(), &options, arena_.data(), arena_.size(), &error);
    if (status == ADDER_ERROR_ISA) throw Failure(Exit::usage, sentence(error));
    if (status != ADDER_OK) throw Failure(Exit::failure, sentence(error));
    adder_sampler_init(&settings.sampler, model.get());
}

std::vector<int32_t> Conversation::turn_tokens(const std::string &text) const {
    const bool at_start = adder_session_position(session_) == 0;
    std::vector<int32_t> turn;
    const auto add = [&](const std::vector<int32_t> &tokens) {
        turn.insert(turn.end(), tokens.begin(), tokens.end());
    };
    if (at_start) add(template_.begin);
    if (template_.empty_lines) {
        // One text, as it was in training: the space of "User: " is a part of the first word's token.
        add(model_.tokenize(template_.user_prefix + without_empty_lines(text) + template_.user_suffix, 0));
        return turn;
    }
    add(template_.before_user);
    // What a user types never becomes a control token. A template says itself how a conversation begins.
    add(model_.tokenize(text, at_start && !template_.present ? uint32_t{ADDER_TOKENIZE_BEGIN} : 0));
    add(template_.before_answer);
    return turn;
}

End Conversation::answer(const std::string &text, const std::function<void(std::string_view)> &show) {
    const std::vector<int32_t> turn = turn_tokens(text);
    if (turn.empty()) return End::complete;
    // And a token of an answer, and its closing.
    if (turn.size() + 1 + template_.after_answer.size() > room()) return End::no_room;

    Moment before = now(text, true);
    if (!feed(turn, turn.size() - 1)) {
        restore(before);
        return End::taken_back;
    }
    remember(std::move(before));
    if (!constraint_) return answered(write_answer(turn.back(), show));
    const End end = write_form(turn.back(), show);
    if (end == End::complete) return answered(end);
    restore(history_.back());
    history_.pop_back();
    return end;
}

End Conversation::answered(End end) const {
    if (after_answer) after_answer();
    return end;
}

End Conversation::write_answer(int32_t token, const std::function<void(std::string_view)> &show) {
    StopText stop(template_.stop_text);
    adder_detokenizer detokenizer{};
    if (!template_.present) detokenizer.count = ADDER_DETOKENIZE_CONTINUE;
    std::vector<char> text(adder_detokenize_capacity(model_.get()));
    const auto shown = [&](int32_t id) {
        const size_t size = adder_detokenize(model_.get(), &detokenizer, id, text.data(), text.size());
        const std::string piece = stop.take({text.data(), size});
        if (!piece.empty()) show(piece);
    };

    // The state after the closing, which the user's next turn follows, until it is known whether that was the end.
    std::optional<Moment> closed;
    bool may_be_closed = false;
    End end = End::limit;
    for (uint32_t count = 0; count <= settings.max_tokens; ++count) {
        // The first token is the prompt's last one, all others are the answer's.
        const bool full = room() <= 1 + std::max<size_t>(1, template_.after_answer.size());
        const bool last = count == settings.max_tokens || stop.found() || (count > 0 && interrupted()) || full;
        const auto start = std::chrono::steady_clock::now();
        float *logits = nullptr;
        if (last && stop.found() && closed) {
            restore(*closed);
            end = End::complete;
            break;
        }
        check(last ? adder_feed(session_, &token, 1) : adder_step(session_, token, &logits), "answering");
        if (may_be_closed) closed = now("", false);
        if (!last) token = adder_sample(&settings.sampler, logits, model_.info().vocab_size);
        (count == 0 ? statistics_.prompt_tokens : statistics_.answer_tokens) += 1;
        (count == 0 ? statistics_.prompt_seconds : statistics_.answer_seconds) += seconds_since(start);
        if (last) {
            if (stop.found())
                end = End::complete;
            else if (full)
                end = End::full;
            else if (count < settings.max_tokens)
                end = End::stopped;
            break;
        }
        if (ends_answer(token)) {
            end = End::complete;
            // Without a template the end of a text is part of what the next text follows.
            if (!template_.present) check(adder_feed(session_, &token, 1), "answering");
            break;
        }
        // Only the model's own words count for the repetition penalty: were control tokens in the window, it
        // would grow ever less willing to end an answer.
        if (!model_.is_special(token)) adder_sampler_accept(&settings.sampler, token);
        shown(token);
        may_be_closed = template_.empty_lines && stop.held() == template_.closing;
        if (stop.held().size() <= template_.closing.size()) closed.reset();
    }
    shown(-1);
    // It ended right after the closing, which the state holds then.
    const bool is_closed = template_.empty_lines && stop.held() == template_.closing;
    const std::string rest = stop.rest();
    if (!rest.empty() && !is_closed) show(rest);
    if (!stop.found() && !is_closed && !template_.after_answer.empty()) {
        const std::vector<int32_t> &suffix = template_.after_answer;
        check(adder_feed(session_, suffix.data(), suffix.size()), "closing the answer");
    }
    return end;
}

// Nothing is shown before it is known that all of it is what the constraint allows.
End Conversation::write_form(int32_t token, const std::function<void(std::string_view)> &show) {
    adder_constraint constraint = *constraint_;
    std::string answer;
    for (uint32_t count = 0;; ++count) {
        const auto start = std::chrono::steady_clock::now();
        float *logits = nullptr;
        check(adder_step(session_, token, &logits), "answering");
        (count == 0 ? statistics_.prompt_tokens : statistics_.answer_tokens) += 1;
        (count == 0 ? statistics_.prompt_seconds : statistics_.answer_seconds) += seconds_since(start);
        if (adder_constraint_is_complete(&constraint)) break;
        if (interrupted()) return End::taken_back;

        // An answer may also end by a special token of the template, which the constraint knows nothing of.
        const std::vector<int32_t> &control = template_.control;
        std::vector<float> ends;
        for (const int32_t id : control) ends.push_back(logits[id]);
        const uint64_t closing = template_.after_answer.size(), rest = room() > closing ? room() - closing : 0;
        const auto left = static_cast<uint32_t>(std::min<uint64_t>(settings.max_tokens - count, rest));
        const adder_status status = adder_constraint_mask(&constraint, model_.get(), logits, left);
        const bool may_end = adder_constraint_is_accepting(&constraint) != 0;
        if (status != ADDER_OK && !may_end) return End::unformed;
        if (status != ADDER_OK && control.empty()) break;
        for (size_t i = 0; may_end && i < control.size(); ++i) logits[control[i]] = ends[i];
        token = adder_sample(&settings.sampler, logits, model_.info().vocab_size);
        if (may_end && ends_answer(token)) {
            if (!template_.present) check(adder_feed(session_, &token, 1), "answering");
            break;
        }
        if (adder_constraint_accept(&constraint, model_.get(), token) != ADDER_OK) return End::unformed;
        adder_sampler_accept(&settings.sampler, token);
        const char *bytes = nullptr;
        size_t size = 0;
        check(adder_token_bytes(model_.get(), token, &bytes, &size), "answering");
        answer.append(bytes, size);
    }
    show(answer);
    const std::vector<int32_t> &suffix = template_.after_answer;
    if (!suffix.empty()) check(adder_feed(session_, suffix.data(), suffix.size()), "closing the answer");
    return End::complete;
}

End Conversation::continue_text(const std::string &text, const std::function<void(std::string_view)> &show) {
    const std::vector<int32_t> tokens = model_.tokenize(text, ADDER_TOKENIZE_BEGIN);
    if (tokens.empty()) return End::complete;
    const Moment conversation = now("", false);
    const float temperature = settings.sampler.temperature;
    Template none;
    std::swap(template_, none);
    PromptCache *const cache = std::exchange(cache_, nullptr);  // it has beginnings of conversations
    adder_state_reset(session_);
    settings.sampler.accepted = 0;
    settings.sampler.temperature = settings.text_temperature.value_or(temperature);

    End end = End::no_room;
    if (tokens.size() + 1 <= room())
        end = feed(tokens, tokens.size() - 1) ? write_answer(tokens.back(), show) : End::taken_back;

    std::swap(template_, none);
    cache_ = cache;
    restore(conversation);
    settings.sampler.temperature = temperature;
    return end;
}

void Conversation::begin_with(const std::string &system, const std::string &option) {
    template_ = Template(model_, system, option);
    reset();
}

uint64_t Conversation::room() const {
    return context() == 0 ? UINT64_MAX : context() - adder_session_position(session_);
}

bool Conversation::ends_answer(int32_t token) const {
    const std::vector<int32_t> &control = template_.control;
    return adder_model_is_eos(model_.get(), token) ||
           std::find(control.begin(), control.end(), token) != control.end();
}

bool Conversation::feed(const std::vector<int32_t> &tokens, size_t count) {
    if (cache_ && position() == 0) {
        const auto start = std::chrono::steady_clock::now();
        size_t resumed = 0;
        const bool finished = cache_->feed(session_, tokens, count, template_.begin.size(), &resumed);
        statistics_.prompt_seconds += seconds_since(start);
        statistics_.prompt_tokens += position() - resumed;
        return finished && !interrupted();
    }
    for (size_t done = 0; done < count;) {
        if (interrupted()) return false;
        const size_t slice = std::min(feed_slice, count - done);
        const auto start = std::chrono::steady_clock::now();
        check(adder_feed(session_, tokens.data() + done, slice), "reading");
        statistics_.prompt_seconds += seconds_since(start);
        statistics_.prompt_tokens += slice;
        done += slice;
    }
    return !interrupted();
}

size_t Conversation::undo_levels() const {
    return std::clamp<size_t>(max_undo_bytes / std::max<size_t>(1, adder_mark_size(model_.get())), 1,
                              max_undo_levels);
}

// Within a sequence a mark is enough; what another sequence follows is kept whole.
Conversation::Moment Conversation::now(const std::string &message, bool is_exchange) const {
    Moment moment{{}, settings.sampler, message, is_exchange};
    moment.state.resize(is_exchange ? adder_mark_size(model_.get()) : state_bytes());
    const auto save = is_exchange ? adder_mark_save : adder_state_save;
    check(save(session_, moment.state.data(), moment.state.size()), "keeping the state");
    return moment;
}

void Conversation::remember(Moment &&moment) {
    if (history_.size() == undo_levels()) history_.pop_front();
    history_.push_back(std::move(moment));
}

void Conversation::restore(const Moment &moment) {
    adder_error error{};
    if (adder_state_load(session_, moment.state.data(), moment.state.size(), &error) != ADDER_OK) {
        throw Failure(Exit::failure, sentence(error));
    }
    copy_recent(settings.sampler, moment.sampler);
}

bool Conversation::undo(std::string *message) {
    if (history_.empty()) return false;
    restore(history_.back());
    *message = std::move(history_.back().message);
    history_.pop_back();
    return true;
}

const std::string *Conversation::last_message() const {
    return history_.empty() || !history_.back().is_exchange ? nullptr : &history_.back().message;
}

void Conversation::reset() {
    remember(now("", false));
    adder_state_reset(session_);
    settings.sampler.accepted = 0;
    adder_sampler_seed(&settings.sampler, settings.seed);
}

void Conversation::save(const std::string &path) {
    std::error_code ignored;
    if (std::filesystem::equivalent(path, model_.path(), ignored))
        throw Failure(Exit::failure, path + ": is the model itself, and was not replaced");
    write_state_file(path, now("", false).state, settings.sampler);
}

void Conversation::load(const std::string &path) {
    adder_sampler sampler = settings.sampler;
    const std::vector<unsigned char> state =
        read_state_file(path, *model_.get(), model_.info().vocab_size, &sampler);
    Moment before = now("", false);
    adder_error error{};
    if (adder_state_load(session_, state.data(), state.size(), &error) != ADDER_OK) {
        throw Failure(Exit::bad_input, path + ": " + sentence(error));
    }
    remember(std::move(before));
    settings.sampler = sampler;
}

std::string Conversation::report() const {
    const uint32_t threads = adder_pool_size(pool_.get());
    const std::string most = context() == 0 ? "" : " of " + with_separators(context());
    return "context    " + with_separators(adder_session_position(session_)) + most +
           " tokens, in a state of " + with_separators(state_bytes()) + " bytes\n" + "read       " +
           rate(statistics_.prompt_tokens, statistics_.prompt_seconds) + "\n" + "written    " +
           rate(statistics_.answer_tokens, statistics_.answer_seconds) + "\n" + "memory     arena of " +
           with_separators(arena_bytes()) + " bytes, weights of " +
           with_separators(model_.info().blob_bytes) + " bytes read in place\n" + "undo       " +
           std::to_string(history_.size()) + " of " + std::to_string(undo_levels()) + " levels\n" +
           "runs on    " + isa() + ", " + std::to_string(threads) +
           (threads == 1 ? " thread\n" : " threads\n") + "sampling   " + describe(settings);
}

}  // namespace chat
