// adder choose: how likely each of several answers is, for one prompt or for each row of a file.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <optional>

#include "converter/app/cli.h"
#include "converter/app/constraint_file.h"
#include "converter/app/context.h"
#include "converter/app/pages.h"
#include "converter/app/shard.h"
#include "converter/app/state_cache.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/base/thread_pool.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/blob/text.h"
#include "converter/text/json.h"
#include "converter/text/lines.h"
#include "kernels/scalar/math.h"

namespace adder {
namespace {

using Tokens = std::vector<int32_t>;

constexpr size_t most_texts = 1000;  // of a constraint

struct Question {
    std::string prompt;
    std::vector<std::string> choices;
    std::optional<size_t> label;  // the right choice
    std::string where;            // "rows.jsonl:3", for messages
};

struct Answer {
    uint32_t tokens;
    float log_probability, probability;  // of the text; among the choices
};

size_t best_of(const std::vector<Answer> &answers) {
    return static_cast<size_t>(std::max_element(answers.begin(), answers.end(),
                                                [](const Answer &a, const Answer &b) {
                                                    return a.log_probability < b.log_probability;
                                                }) -
                               answers.begin());
}

size_t in_common(const Tokens &a, const Tokens &b) {
    return static_cast<size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(std::min(a.size(), b.size())), b.begin())
            .first -
        a.begin());
}

class Chooser {
  public:
    explicit Chooser(const Arguments &arguments)
        : blob_(arguments.positional()[0], BlobFile::Checksum::compare, pages_of(arguments)),
          pool_(static_cast<uint32_t>(arguments.integer("threads", 1, 0, 256))), ends_(arguments.has("end")),
          flags_(ADDER_TOKENIZE_BEGIN |
                 (arguments.has("special") ? uint32_t{ADDER_TOKENIZE_SPECIAL} : uint32_t{0})) {
        if (!blob_.info().has_tokenizer)
            bad_input("%s: choices are texts, and this blob carries no tokenizer", blob_.path().c_str());
        if (ends_ && blob_.info().eos_tokens[0] < 0)
            bad_input("%s: --end needs a model with an end token", blob_.path().c_str());
        isa_ = arguments.text("isa");
        options_.chunk = host_chunk;
        options_.logit_rows = 8;
        options_.context = context_of(arguments);
        options_.threads = pool_.size();
        options_.parallel_for = ThreadPool::parallel_for;
        options_.parallel_context = &pool_;
        options_.isa = arguments.has("isa") ? isa_.c_str() : nullptr;
        session_.emplace(blob_, options_);
        cache_.emplace(arguments, blob_, options_.chunk * 4);
    }

    // The text that prompts begin with is read once. They may begin in another way: then they are read whole.
    void begin(const std::string &text) {
        begin_ = tokenize(blob_, text, flags_);
        // What follows may change the last tokens.
        begin_.resize(begin_.size() - std::min<size_t>(begin_.size(), 4));
        if (begin_.empty()) return;
        cache_->feed(session_->get(), begin_.data(), begin_.size());
        state_.resize(adder_state_size_at(blob_.model(), adder_session_position(session_->get())));
        check(adder_state_save(session_->get(), state_.data(), state_.size()), blob_.path());
    }

    std::vector<Answer> ask(const Question &question) {
        const auto [prompt, answers] = tokens_of(question);
        stand_behind(prompt);
        std::vector<adder_choice> choices;
        for (const Tokens &one : answers)
            choices.push_back({one.data(), static_cast<uint32_t>(one.size()), 0, 0, 0});
        const auto count = static_cast<uint32_t>(choices.size());
        memory_.resize(std::max(memory_.size(), adder_choose_size(blob_.model(), choices.data(), count)));
        adder_error error{};
        const adder_status status = adder_choose(session_->get(), prompt.back(), choices.data(), count,
                                                 memory_.data(), memory_.size(), &error);
        if (status != ADDER_OK)
            bad_input("%s: %s", question.where.c_str(), error_text(status, error).c_str());
        std::vector<Answer> found;
        for (const adder_choice &one : choices) found.push_back({one.count, one.log_probability, 0});
        const float highest = found[best_of(found)].log_probability;
        float sum = 0;
        for (Answer &one : found) sum += one.probability = exp_f32(one.log_probability - highest);
        for (Answer &one : found) one.probability /= sum;
        return found;
    }

    const BlobFile &blob() const { return blob_; }

  private:
    // Prompt and choice are one text to the tokenizer. What all of them and the prompt alone begin with is the prompt.
    std::pair<Tokens, std::vector<Tokens>> tokens_of(const Question &question) const {
        Tokens prompt = tokenize(blob_, question.prompt, flags_);
        std::vector<Tokens> whole;
        size_t shared = prompt.size();
        for (const std::string &choice : question.choices) {
            whole.push_back(tokenize(blob_, question.prompt + choice, flags_));
            shared = std::min(shared, in_common(prompt, whole.back()));
        }
        prompt.resize(shared);
        if (prompt.empty()) prompt = {first_token(blob_.info())};
        if (prompt[0] < 0)
            bad_input("%s: the prompt is empty, and the model has no token to begin from",
                      question.where.c_str());
        for (size_t i = 0; i < whole.size(); ++i) {
            whole[i].erase(whole[i].begin(), whole[i].begin() + static_cast<ptrdiff_t>(shared));
            if (ends_) whole[i].push_back(blob_.info().eos_tokens[0]);
            if (whole[i].empty() || question.choices[i].empty())
                bad_input("%s: choice %zu adds nothing to the prompt", question.where.c_str(), i + 1);
        }
        return {std::move(prompt), std::move(whole)};
    }

    // All but the last token is read.
    void stand_behind(const Tokens &prompt) {
        size_t done = 0;
        if (!begin_.empty() && prompt.size() > begin_.size() && in_common(prompt, begin_) == begin_.size()) {
            check(adder_state_load(session_->get(), state_.data(), state_.size(), nullptr), blob_.path());
            done = begin_.size();
        } else {
            adder_state_reset(session_->get());
        }
        while (done + 1 < prompt.size()) {
            const size_t count = std::min<size_t>(size_t{options_.chunk} * 4, prompt.size() - 1 - done);
            check(adder_feed(session_->get(), prompt.data() + done, count), blob_.path());
            done += count;
            throw_if_interrupted();
        }
    }

    BlobFile blob_;
    ThreadPool pool_;
    const bool ends_;
    const uint32_t flags_;
    std::string isa_;
    adder_options options_{};
    std::optional<Session> session_;
    std::optional<StateCache> cache_;
    Tokens begin_;
    std::vector<uint8_t> state_, memory_;
};

// {"prompt": TEXT, "choices": [TEXT, ...], "label": NUMBER or TEXT}; other members are of no interest.
Question read_question(std::string_view line, const std::string &where, const std::string &begin,
                       const std::vector<std::string> &choices) {
    Json row;
    try {
        row = Json::parse(line, where);
    } catch (const Error &error) {
        bad_input("%s", error.what());
    }
    const auto what = [&](const char *key) { return where + ": " + key; };
    const auto needed = [&](const char *key) -> const Json & {
        const Json *const found = row.is_object() ? row.find(key) : nullptr;
        if (found == nullptr) bad_input("%s is missing", what(key).c_str());
        return *found;
    };
    Question question;
    question.where = where;
    question.prompt = begin + needed("prompt").string(what("prompt"));
    const Json *const own = row.find("choices");
    question.choices = choices;
    if (own != nullptr || choices.empty()) {
        question.choices.clear();
        for (const Json &one : needed("choices").array(what("choices")))
            question.choices.push_back(one.string(what("choices")));
    }
    if (question.choices.size() < 2)
        bad_input("%s: %zu choices; 2 or more are needed", where.c_str(), question.choices.size());
    if (const Json *const label = row.find("label")) {
        if (label->is_string()) {
            const auto found =
                std::find(question.choices.begin(), question.choices.end(), label->string(what("label")));
            if (found == question.choices.end())
                bad_input("%s is %s, which is none of the choices", what("label").c_str(),
                          json_quote(label->string(what("label"))).c_str());
            question.label = static_cast<size_t>(found - question.choices.begin());
        } else {
            question.label = static_cast<size_t>(
                label->integer(what("label"), 0, static_cast<int64_t>(question.choices.size()) - 1));
        }
    }
    return question;
}

void write_answers(const Question &question, const std::vector<Answer> &answers, JsonWriter *json) {
    json->key("best").value(question.choices[best_of(answers)]);
    json->key("choices").begin_array();
    for (size_t i = 0; i < answers.size(); ++i) {
        json->begin_object();
        json->key("text").value(question.choices[i]);
        json->key("probability").value(answers[i].probability);
        json->key("log_probability").value(answers[i].log_probability);
        json->key("tokens").value(answers[i].tokens);
        json->end_object();
    }
    json->end_array();
}

// Those of --choice, or all texts of a constraint.
std::vector<std::string> choices_of(const Arguments &arguments) {
    if (!arguments.has("constraint")) return arguments.all("choice");
    if (arguments.has("choice"))
        fail(ExitCode::usage, "the choices come from one place: --choice or --constraint");
    return ConstraintFile(arguments.text("constraint")).texts(most_texts);
}

int choose_once(const Arguments &arguments, Chooser *chooser) {
    Question question{"", choices_of(arguments), {}, chooser->blob().path()};
    if (question.choices.size() < 2)
        fail(ExitCode::usage, "%zu choices; 2 or more are needed: --choice TEXT --choice TEXT",
             question.choices.size());
    if (!arguments.has("prompt") && !arguments.has("file"))
        fail(ExitCode::usage,
             "a prompt is needed: -p TEXT or -f FILE; or --input FILE.jsonl with one in each row");
    question.prompt = arguments.has("file") ? std::string(MappedFile(arguments.text("file")).text())
                                            : arguments.text("prompt");
    if (arguments.has("cache")) chooser->begin(question.prompt);
    const std::vector<Answer> answers = chooser->ask(question);
    if (arguments.has("json")) {
        JsonWriter json;
        json.begin_object().key("model").value(chooser->blob().path());
        write_answers(question, answers, &json);
        print(json.end_object().text() + "\n");
        return 0;
    }
    std::vector<size_t> order(answers.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return answers[a].log_probability > answers[b].log_probability;
    });
    std::string text;
    for (const size_t i : order)
        text += format("%.4f  ", static_cast<double>(answers[i].probability)) +
                json_quote(question.choices[i]) + "\n";
    print(text);
    return 0;
}

int choose_rows(const Arguments &arguments, Chooser *chooser) {
    const std::string path = arguments.text("input"), begin = arguments.text("prompt");
    const MappedFile file(path);
    const std::vector<std::string_view> lines = split_lines(file.text());
    const Shard shard = arguments.has("shard") ? parse_shard(arguments.text("shard")) : Shard{};
    // All are read first: that one is wrong is better known before the work.
    std::vector<std::pair<size_t, Question>> questions;
    size_t rows = 0;
    const std::vector<std::string> choices = choices_of(arguments);
    for (size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].find_first_not_of(" \t") == std::string_view::npos) continue;
        const std::string where = path + ":" + std::to_string(i + 1);
        Question question = read_question(lines[i], where, begin, choices);
        if (shard.takes(rows++)) questions.emplace_back(i + 1, std::move(question));
    }
    if (!begin.empty()) chooser->begin(begin);
    size_t labelled = 0, right = 0;
    {
        Progress progress("rows", questions.size());
        for (const auto &[line, question] : questions) {
            const std::vector<Answer> answers = chooser->ask(question);
            JsonWriter json(false);
            json.begin_object().key("row").value(uint64_t{line});
            write_answers(question, answers, &json);
            if (question.label) {
                const bool is_right = best_of(answers) == *question.label;
                json.key("right").value(is_right);
                ++labelled;
                right += is_right;
            }
            print(json.end_object().text() + "\n");
            progress.advance();
            throw_if_interrupted();
        }
    }
    if (labelled > 0 && !arguments.has("quiet"))
        std::fprintf(stderr, "adder choose: %zu of %zu right, %.2f %%\n", right, labelled,
                     100.0 * static_cast<double>(right) / static_cast<double>(labelled));
    return 0;
}

int run_choose(const Arguments &arguments) {
    Progress::quiet(arguments.has("quiet"));
    if (arguments.has("prompt") && arguments.has("file"))
        fail(ExitCode::usage, "the prompt comes from one place: --prompt or --file");
    if (arguments.has("shard") && !arguments.has("input")) fail(ExitCode::usage, "--shard needs --input");
    if (arguments.has("input") && arguments.has("file"))
        fail(ExitCode::usage, "--file does not go with --input; -p TEXT stands before each row's prompt");
    install_interrupt_handler();
    Chooser chooser(arguments);
    return arguments.has("input") ? choose_rows(arguments, &chooser) : choose_once(arguments, &chooser);
}

}  // namespace

Command choose_command() {
    return {
        "choose",
        "FILE.adder -p TEXT --choice TEXT --choice TEXT... [OPTIONS]",
        "Tell how likely each of several answers is",
        "Prints the choices with their probabilities among each other, the likeliest first. A choice is what follows the prompt "
        "directly: give it the space that it begins with. Prompt and choice are one text to the tokenizer, and what choices "
        "begin with alike is read once. Where one choice is the beginning of another, or they differ much in length, --end makes "
        "them comparable: each then counts as an answer that ends.\n"
        "\nWith --input each line of a file is a question, {\"prompt\": TEXT, \"choices\": [TEXT, ...]}; without choices of its own it "
        "has those of --choice. -p is then the beginning of all prompts, and is read once. One JSON object a line is printed: row "
        "(the line's number), best, choices, and, where the row has a label (a choice or its number from 0 on), right.\n"
        "\nThe probabilities do not depend on threads or the instruction set.",
        {"adder choose adder-13m.adder -p \"The sun is\" --choice \" hot\" --choice \" cold\"",
         "adder choose adder-13m.adder -p \"Is ice cold? Answer:\" --choice \" yes\" --choice \" no\" --json",
         "adder choose adder-13m.adder --input rows.jsonl --choice \" good\" --choice \" bad\" > answers.jsonl",
         "adder choose adder-13m.adder --input rows.jsonl --shard 1/2 > 1.jsonl"},
        {
            {"prompt", 'p', "TEXT", false,
             "What the choices follow; with --input, what all prompts begin with."},
            {"file", 'f', "FILE", false, "A file with the prompt."},
            {"choice", 'c', "TEXT", true, "One of the answers to choose from."},
            {"constraint", 0, "FILE", false,
             "Choose from all texts that a constraint allows, a file of adder constrain; at most 1,000."},
            {"input", 'i', "FILE", false, "Questions, one JSON object a line."},
            {"shard", 0, "K/N", false, "Answer the K-th of N shares of the rows."},
            {"end", 0, nullptr, false, "Let each choice end in the model's end token."},
            {"special", 0, nullptr, false, "Recognise the names of special tokens in prompt and choices."},
            {"json", 0, nullptr, false, "Print one JSON object."},
            {"threads", 't', "N", false, "Threads; 0: one a CPU (default: 1)."},
            cache_option,
            cache_size_option,
            context_option,
            {"isa", 0, "NAME", false,
             "Instruction set: scalar, avx2, ... (default: ADDER_ISA in the environment, else the best of this CPU)."},
            prefault_option,
            huge_pages_option,
            {"quiet", 'q', nullptr, false, "No progress."},
        },
        1,
        1,
        run_choose,
    };
}

}  // namespace adder
