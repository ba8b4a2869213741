// adder run: continues a prompt, and streams the text.
// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>

#include "converter/app/cli.h"
#include "converter/app/constraint_file.h"
#include "converter/app/context.h"
#include "converter/app/pages.h"
#include "converter/app/state_cache.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/base/thread_pool.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/blob/text.h"
#include "converter/text/json.h"

namespace adder {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t max_prompt_bytes = size_t{64} << 20;
constexpr int64_t max_tokens = int64_t{1} << 40;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string read_standard_input() {
    std::string text;
    char buffer[65536];
    while (true) {
        const ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
        throw_if_interrupted();
        if (got == 0) return text;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) bad_input("cannot read the standard input: %s", std::strerror(errno));
        text.append(buffer, static_cast<size_t>(got));
        if (text.size() > max_prompt_bytes)
            bad_input("the prompt on the standard input is longer than %zu bytes", max_prompt_bytes);
    }
}

// The text of the prompt, from wherever the arguments say.
std::string prompt_text(const Arguments &arguments) {
    if (arguments.has("prompt")) return arguments.text("prompt");
    const std::string path = arguments.text("file", "-");
    if (path != "-") {
        const MappedFile file(path);
        if (file.size() > max_prompt_bytes)
            bad_input("%s: a prompt of %zu bytes is too long; at most %zu are taken", path.c_str(),
                      file.size(), max_prompt_bytes);
        return std::string(file.text());
    }
    if (!arguments.has("file") && isatty(STDIN_FILENO) == 1)
        fail(ExitCode::usage,
             "a prompt is needed: -p TEXT, -f FILE, --ids LIST, or text on the standard input");
    return read_standard_input();
}

std::vector<int32_t> prompt_ids(const Arguments &arguments, const BlobFile &blob, bool quiet) {
    const int sources = arguments.has("prompt") + arguments.has("ids") + arguments.has("file");
    if (sources > 1) fail(ExitCode::usage, "the prompt comes from one place: --prompt, --file or --ids");
    std::vector<int32_t> ids;
    if (arguments.has("ids")) {
        if (!arguments.text("ids").empty()) ids = parse_ids(arguments.text("ids"), blob.info().vocab_size);
    } else {
        // A saved state has begun its text.
        ids = tokenize(blob, prompt_text(arguments),
                       (arguments.has("special") ? uint32_t{ADDER_TOKENIZE_SPECIAL} : 0) |
                           (arguments.has("state-load") ? 0 : uint32_t{ADDER_TOKENIZE_BEGIN}));
    }
    if (!ids.empty()) return ids;
    const int32_t first = first_token(blob.info());
    if (arguments.has("state-load") || first < 0)
        fail(ExitCode::usage, "the prompt is empty%s",
             first < 0 ? ", and the model has no token to begin from"
                       : "; what follows the saved state is needed");
    if (!quiet) std::fprintf(stderr, "adder run: the prompt is empty: beginning from token %d\n", first);
    return {first};
}

adder_sampler make_sampler(const Arguments &arguments, const adder_model *model) {
    adder_sampler sampler;
    adder_sampler_init(&sampler, model);
    const auto number = [&](const char *name, float fallback, double low, double high) {
        return static_cast<float>(arguments.number(name, static_cast<double>(fallback), low, high));
    };
    sampler.temperature = number("temp", sampler.temperature, 0, 100);
    sampler.top_k = static_cast<uint32_t>(arguments.integer("top-k", sampler.top_k, 0, 1 << 20));
    sampler.top_p = number("top-p", sampler.top_p, 0, 1);
    sampler.min_p = number("min-p", sampler.min_p, 0, 1);
    sampler.repetition_penalty = number("repeat-penalty", sampler.repetition_penalty, 0.01, 100);
    if (arguments.has("temp") && sampler.temperature <= 0 && !arguments.has("repeat-penalty"))
        sampler.repetition_penalty = 1;
    adder_sampler_seed(&sampler, static_cast<uint64_t>(arguments.integer("seed", 0, 0, INT64_MAX)));
    return sampler;
}

void load_state(const std::string &path, adder_session *session) {
    const MappedFile file(path);
    adder_error error{};
    const adder_status status = adder_state_load(session, file.data(), file.size(), &error);
    if (status != ADDER_OK) bad_input("%s: %s", path.c_str(), error_text(status, error).c_str());
}

void save_state(AtomicFile *file, const BlobFile &blob, const adder_session *session) {
    std::vector<uint8_t> bytes(adder_state_size_at(blob.model(), adder_session_position(session)));
    check(adder_state_save(session, bytes.data(), bytes.size()), blob.path() + ": saving the state");
    file->write(bytes.data(), bytes.size());
    file->commit();
}

// What a run has done, for the report at its end.
struct Result {
    std::vector<int32_t> prompt, generated;  // without the end token
    std::string text;
    const char *stop = "length";  // or "eos", "constraint", "prompt"
    size_t resumed = 0;           // tokens of the prompt that were not read, as their state was stored
    double prompt_seconds = 0;
    double generation_seconds = 0;  // from the first token on
    size_t steps = 0;               // in these seconds
};

std::optional<double> rate(size_t tokens, double seconds) {
    return tokens > 0 && seconds > 0 ? std::optional<double>(static_cast<double>(tokens) / seconds)
                                     : std::nullopt;
}

class Run {
  public:
    explicit Run(const Arguments &arguments)
        : arguments_(arguments), quiet_(arguments.has("quiet")), json_(arguments.has("json")),
          blob_(arguments.positional()[0], BlobFile::Checksum::compare, pages_of(arguments)),
          pool_(static_cast<uint32_t>(arguments.integer("threads", 1, 0, 256))),
          sampler_(make_sampler(arguments, blob_.model())) {
        isa_ = arguments.text("isa");
        options_.chunk = static_cast<uint32_t>(arguments.integer("chunk", host_chunk, 1, 4096));
        options_.context = context_of(arguments);
        options_.threads = pool_.size();
        options_.parallel_for = ThreadPool::parallel_for;
        options_.parallel_context = &pool_;
        options_.isa = arguments.has("isa") ? isa_.c_str() : nullptr;
        if (arguments.has("cache") && arguments.has("state-load"))
            fail(ExitCode::usage,
                 "--cache is about prompts from their beginning, and does not go with --state-load");
        cache_.emplace(arguments, blob_, options_.chunk * 4);
        if (!arguments.has("constraint")) return;
        if (arguments.has("ignore-eos") || arguments.has("prompt-only"))
            fail(ExitCode::usage, "--constraint has no meaning with %s",
                 arguments.has("ignore-eos") ? "--ignore-eos" : "--prompt-only");
        if (!blob_.info().has_tokenizer)
            bad_input("%s: a constraint is about text, and this blob carries no tokenizer",
                      blob_.path().c_str());
        constraint_.emplace(arguments.text("constraint"));
    }

    int run() {
        const int64_t limit = arguments_.integer("tokens", 128, 0, max_tokens);
        // Made now: that it cannot be written is better known before the work.
        std::optional<AtomicFile> saved;
        if (arguments_.has("state-save")) {
            const std::string path = arguments_.text("state-save");
            check_not_an_input(path, {blob_.path(), arguments_.text("file", "-")});
            saved.emplace(path);
        }
        result_.prompt = prompt_ids(arguments_, blob_, quiet_);
        const Session session(blob_, options_);
        if (!quiet_ && arguments_.has("hugepages"))
            std::fprintf(stderr, "adder run: %s lies in %s\n", blob_.path().c_str(),
                         blob_.page_kind().c_str());
        if (arguments_.has("state-load")) load_state(arguments_.text("state-load"), session.get());
        float *logits = feed_prompt(session.get());
        if (arguments_.has("prompt-only")) {
            result_.stop = "prompt";
        } else {
            generate(session.get(), logits, limit == 0 ? max_tokens : limit);
        }
        if (!json_ && !arguments_.has("prompt-only")) print("\n");
        if (saved) save_state(&*saved, blob_, session.get());
        if (json_) print(report(session) + "\n");
        if (!quiet_) print_rates();
        return static_cast<int>(ExitCode::ok);
    }

  private:
    // Returns the logits after the last token.
    float *feed_prompt(adder_session *session) {
        const std::vector<int32_t> &ids = result_.prompt;
        const Clock::time_point start = Clock::now();
        result_.resumed = cache_->feed(session, ids.data(), ids.size() - 1);
        float *logits = nullptr;
        check(adder_step(session, ids.back(), &logits), blob_.path() + ": feeding the prompt");
        result_.prompt_seconds = seconds_since(start);
        for (const int32_t id : ids) adder_sampler_accept(&sampler_, id);
        return logits;
    }

    void generate(adder_session *session, float *logits, int64_t limit) {
        const bool ignore_eos = arguments_.has("ignore-eos");
        TextStream stream(blob_, arguments_.has("special"));
        const Clock::time_point start = Clock::now();
        const bool keep_state = arguments_.has("state-save");
        for (int64_t i = 0;; ++i) {
            if (constraint_ && !constrain(logits, limit - i)) {
                result_.generation_seconds = seconds_since(start);
                result_.stop = "constraint";
                break;
            }
            const int32_t token = adder_sample(&sampler_, logits, blob_.info().vocab_size);
            const bool ends = !ignore_eos && adder_model_is_eos(blob_.model(), token);
            if (constraint_)
                check(adder_constraint_accept(constraint_->get(), blob_.model(), token),
                      format("%s: token %d", constraint_->path().c_str(), token));
            if (!ends) {
                adder_sampler_accept(&sampler_, token);
                result_.generated.push_back(token);
                emit(stream, token);
            }
            const bool complete = constraint_ && adder_constraint_is_complete(constraint_->get());
            const bool last = ends || complete || i + 1 == limit;
            if (last) result_.generation_seconds = seconds_since(start);
            if (last) result_.stop = ends ? "eos" : complete ? "constraint" : "length";
            if (last && !keep_state) break;
            // A saved state has seen every token, the end token too.
            check(adder_step(session, token, &logits), blob_.path());
            if (last) break;
            ++result_.steps;
            if (interrupted() && !json_ && !constraint_) print("\n");
            throw_if_interrupted();
        }
        if (blob_.info().has_tokenizer) emit_text(stream.flush());
        if (constraint_ && !json_) print(result_.text);
    }

    // Leaves the logits of tokens that the constraint allows, of which `left` may come. False if the text is complete, and none may;
    // throws Error(failure) if it cannot be completed.
    bool constrain(float *logits, int64_t left) {
        const adder_constraint *constraint = constraint_->get();
        const auto count = static_cast<uint32_t>(std::min<int64_t>(left, ADDER_CONSTRAINT_NO_LIMIT));
        const adder_status status = adder_constraint_mask(constraint, blob_.model(), logits, count);
        if (status == ADDER_ERROR_NO_TOKEN_FITS && adder_constraint_is_accepting(constraint) != 0)
            return false;
        if (status == ADDER_ERROR_LENGTH)
            fail(ExitCode::failure,
                 "%s: %s: %zu tokens were generated, and the text lacks %u bytes; nothing is printed. -n allows more",
                 constraint_->path().c_str(), adder_status_text(status), result_.generated.size(),
                 adder_constraint_lacks(constraint));
        check(status, constraint_->path());
        return true;
    }

    void emit(TextStream &stream, int32_t token) {
        if (blob_.info().has_tokenizer) {
            emit_text(stream.put(token));
        } else if (!json_) {
            print(format(result_.generated.size() > 1 ? ",%d" : "%d", token));
        }
    }

    void emit_text(const std::string &text) {
        if (json_ || constraint_) {  // what may turn out not to be valid is not printed
            result_.text += text;
        } else if (!text.empty()) {
            print(text);
        }
    }

    std::string report(const Session &session) const {
        JsonWriter w;
        const auto ids = [&w](const char *key, const std::vector<int32_t> &list) {
            w.key(key).begin_array();
            for (const int32_t id : list) w.value(id);
            w.end_array();
        };
        const auto optional_rate = [&w](const char *key, std::optional<double> value) {
            w.key(key);
            value ? w.value(*value) : w.null();
        };
        w.begin_object();
        w.key("model").value(blob_.path());
        w.key("text");
        blob_.info().has_tokenizer ? w.value(result_.text) : w.null();
        w.key("stop").value(result_.stop);
        w.key("prompt_tokens").value(uint64_t{result_.prompt.size()});
        w.key("resumed_tokens").value(uint64_t{result_.resumed});
        w.key("generated_tokens").value(uint64_t{result_.generated.size()});
        optional_rate("prompt_tokens_per_second", prompt_rate());
        optional_rate("generation_tokens_per_second", rate(result_.steps, result_.generation_seconds));
        w.key("arena_bytes").value(uint64_t{session.arena_bytes()});
        w.key("state_bytes")
            .value(uint64_t{adder_state_size_at(blob_.model(), adder_session_position(session.get()))});
        w.key("isa").value(adder_session_isa(session.get()));
        w.key("threads").value(options_.threads);
        w.key("chunk").value(options_.chunk);
        w.key("seed").value(arguments_.integer("seed", 0, 0, INT64_MAX));
        w.key("temperature").value(sampler_.temperature);
        w.key("top_k").value(sampler_.top_k);
        w.key("top_p").value(sampler_.top_p);
        w.key("min_p").value(sampler_.min_p);
        w.key("repetition_penalty").value(sampler_.repetition_penalty);
        ids("prompt_ids", result_.prompt);
        ids("generated_ids", result_.generated);
        w.end_object();
        return w.text();
    }

    // Of the tokens that were read.
    std::optional<double> prompt_rate() const {
        return rate(result_.prompt.size() - result_.resumed, result_.prompt_seconds);
    }

    void print_rates() const {
        const std::optional<double> prompt = prompt_rate();
        const std::optional<double> generation = rate(result_.steps, result_.generation_seconds);
        std::fprintf(stderr, "adder run: prompt %zu tokens", result_.prompt.size());
        if (cache_->is_open())
            std::fprintf(stderr, ", %zu of them resumed, in %.1f ms", result_.resumed,
                         result_.prompt_seconds * 1e3);
        if (prompt) std::fprintf(stderr, ", %.1f tokens/s", *prompt);
        std::fprintf(stderr, "; generated %zu", result_.generated.size());
        if (generation) std::fprintf(stderr, ", %.1f tokens/s", *generation);
        std::fprintf(stderr, "; stopped at %s\n",
                     std::strcmp(result_.stop, "eos") == 0          ? "the end token"
                     : std::strcmp(result_.stop, "prompt") == 0     ? "the prompt's end"
                     : std::strcmp(result_.stop, "constraint") == 0 ? "the end of what the constraint allows"
                                                                    : "the length asked for");
    }

    const Arguments &arguments_;
    const bool quiet_, json_;
    BlobFile blob_;
    ThreadPool pool_;
    adder_sampler sampler_;
    std::string isa_;
    adder_options options_{};
    std::optional<StateCache> cache_;
    std::optional<ConstraintFile> constraint_;
    Result result_;
};

int run_run(const Arguments &arguments) { return Run(arguments).run(); }

}  // namespace

Command run_command() {
    return {
        "run",
        "FILE.adder [-p TEXT | -f FILE | --ids LIST] [OPTIONS]",
        "Continue a text with a model",
        "Prints what the model continues the prompt with, up to an end token, or as many tokens as asked "
        "for. The prompt "
        "comes from -p, -f or --ids, else from the standard input. Sampling is as the model's own defaults "
        "say, unless "
        "an option says otherwise. The same options give the same text on every machine and with any number "
        "of threads.\n"
        "\nAn empty prompt begins from the model's bos token, or its end token if it has no bos; without "
        "either it is an "
        "error. A model without a tokenizer takes --ids and prints ids.\n"
        "\n--json prints one object instead of the text: text, stop (\"eos\", \"length\", \"constraint\" or \"prompt\"), "
        "prompt_ids, "
        "generated_ids (without the end token), resumed_tokens (of the prompt, with --cache), tokens per second, "
        "arena_bytes, state_bytes, isa and what "
        "was sampled "
        "with.\n"
        "\nWith --constraint the text is printed once it is complete. If it cannot be completed, for lack of tokens (-n) or "
        "because the vocabulary has none that fits, nothing is printed and the exit code is 1.",
        {"adder run adder-13m.adder -p \"Once upon a time\"",
         "adder run adder-13m.adder -p \"The old man\" --temp 0 -n 40",
         "adder run adder-13m.adder -f story.txt -n 0 --seed 7",
         "adder run adder-13m.adder -f rules.txt --prompt-only --state-save rules.state",
         "adder run adder-13m.adder --state-load rules.state -p \"So\"",
         "adder run adder-13m.adder --cache states -f story.txt -n 40",
         "adder run adder-13m.adder -p \"Is it late?\" --constraint answer.adderc"},
        {
            {"prompt", 'p', "TEXT", false, "The text to continue."},
            {"file", 'f', "FILE", false, "A file with the text to continue; - is the standard input."},
            {"ids", 0, "LIST", false, "The prompt as token ids: 5,17,3."},
            {"tokens", 'n', "N", false, "Generate at most N tokens; 0: up to the end token (default: 128)."},
            {"temp", 0, "T", false,
             "Temperature; 0 takes the most likely token each time, and then the repetition penalty is off "
             "unless "
             "--repeat-penalty is given (default: the model's)."},
            {"top-k", 0, "K", false, "Draw from the K most likely tokens; 0: from all (default: the model's)."},
            {"top-p", 0, "P", false,
             "Draw from the most likely tokens that have P together (default: the model's)."},
            {"min-p", 0, "M", false,
             "Draw from tokens at least M times as likely as the likeliest (default: the model's)."},
            {"repeat-penalty", 0, "R", false,
             "Penalty on the last 64 tokens, the prompt's included; 1: off (default: the model's)."},
            {"seed", 's', "S", false, "Seed of the random numbers (default: 0)."},
            constraint_option,
            {"ignore-eos", 0, nullptr, false, "Go on past end tokens."},
            {"special", 0, nullptr, false,
             "Recognise the names of special tokens in the prompt, and print those that are generated."},
            {"json", 0, nullptr, false, "Print one JSON object with text, ids and rates."},
            {"threads", 't', "N", false, "Threads; 0: one a CPU (default: 1)."},
            {"chunk", 0, "N", false,
             "Tokens of the prompt that go through a layer together, 1 to 4096 (default: 64)."},
            context_option,
            {"isa", 0, "NAME", false,
             "Instruction set: scalar, avx2, ... (default: ADDER_ISA in the environment, else the best of "
             "this CPU)."},
            prefault_option,
            huge_pages_option,
            cache_option,
            cache_size_option,
            {"state-load", 0, "FILE", false, "Continue from a saved state; the prompt is what follows it."},
            {"state-save", 0, "FILE", false,
             "Save the state at the end; it has seen every token, the end token included."},
            {"prompt-only", 0, nullptr, false, "Take in the prompt and generate nothing."},
        },
        1,
        1,
        run_run,
    };
}

}  // namespace adder
