// adder eval: perplexity of models on text, and their distance from a base.
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <optional>

#include "converter/cli.h"
#include "converter/error.h"
#include "converter/evaluate.h"
#include "converter/json.h"
#include "converter/progress.h"

namespace adder {
namespace {

void print_json(const std::vector<std::unique_ptr<Scorer>> &models, const Scorer *base, uint32_t window,
                const std::vector<std::vector<TextScore>> &scores) {
    JsonWriter json;
    json.begin_object().key("window").value(window);
    if (base) json.key("base").value(base->path());
    json.key("models").begin_array();
    for (size_t m = 0; m < models.size(); ++m) {
        json.begin_object().key("path").value(models[m]->path());
        json.key("perplexity").begin_array();
        for (const std::vector<TextScore> &text : scores) {
            const TextScore &s = text[m];
            json.begin_object();
            json.key("file").value(s.file).key("tokens").value(s.tokens).key("scored").value(s.scored);
            json.key("token").value(s.token_perplexity()).key("word").value(s.word_perplexity());
            json.key("bits_per_byte").value(s.bits_per_byte());
            if (base) {
                json.key("kl_mean").value(s.kl / static_cast<double>(s.scored));
                json.key("same_top1").value(static_cast<double>(s.same_top1) / static_cast<double>(s.scored));
            }
            json.end_object();
        }
        json.end_array().key("tasks").begin_array().end_array().end_object();
    }
    json.end_array().end_object();
    std::printf("%s\n", json.text().c_str());
}

std::string base_name(const std::string &path) {
    std::string trimmed = path;
    while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
    const size_t slash = trimmed.rfind('/');
    return slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
}

void print_table(const std::vector<std::unique_ptr<Scorer>> &models,
                 const std::vector<std::vector<TextScore>> &scores, bool with_base,
                 const std::vector<TextScore> &base_scores) {
    size_t width = 5;
    for (const auto &model : models) width = std::max(width, base_name(model->path()).size());
    for (size_t t = 0; t < scores.size(); ++t) {
        const TextScore &first = scores[t][0];
        std::printf("%s%s: %llu tokens, %llu scored\n", t ? "\n" : "", base_name(first.file).c_str(),
                    static_cast<unsigned long long>(first.tokens),
                    static_cast<unsigned long long>(first.scored));
        std::printf("%-*s  %10s  %10s  %9s", static_cast<int>(width), "model", "token ppl", "word ppl",
                    "bits/byte");
        if (with_base) std::printf("  %9s  %9s  %10s", "ppl +%", "mean KL", "same top-1");
        std::printf("\n");
        const auto row = [&](const std::string &name, const TextScore &s, bool is_base) {
            std::printf("%-*s  %10.4f  %10.3f  %9.4f", static_cast<int>(width), name.c_str(),
                        s.token_perplexity(), s.word_perplexity(), s.bits_per_byte());
            if (with_base && !is_base)
                std::printf("  %+8.2f%%  %9.5f  %9.2f%%",
                            100.0 * (s.token_perplexity() / base_scores[t].token_perplexity() - 1.0),
                            s.kl / static_cast<double>(s.scored),
                            100.0 * static_cast<double>(s.same_top1) / static_cast<double>(s.scored));
            std::printf("\n");
        };
        if (with_base) row("(base)", base_scores[t], true);
        for (size_t m = 0; m < models.size(); ++m) row(base_name(models[m]->path()), scores[t][m], false);
    }
}

int run_eval(const Arguments &arguments) {
    const std::vector<std::string> files = arguments.all("ppl");
    if (files.empty()) fail(ExitCode::usage, "nothing to evaluate: give at least one --ppl FILE");
    const uint32_t window = static_cast<uint32_t>(arguments.integer("window", 1024, 2, 1 << 20));
    Progress::quiet(arguments.has("quiet"));
    ThreadPool pool(static_cast<uint32_t>(arguments.integer("threads", 0, 0, 256)));
    std::vector<std::unique_ptr<Scorer>> models;
    for (const std::string &path : arguments.positional()) models.push_back(open_scorer(path, pool));
    std::unique_ptr<Scorer> base;
    if (arguments.has("base")) base = open_scorer(arguments.text("base"), pool);

    // The base stands in the table as well; its own scores come with those of the models.
    std::vector<Scorer *> all;
    for (const auto &model : models) all.push_back(model.get());
    std::vector<std::vector<TextScore>> scores;
    std::vector<TextScore> base_scores;
    for (const std::string &file : files) {
        TextScore of_base;
        scores.push_back(score_text(all, base.get(), file, window, base ? &of_base : nullptr));
        base_scores.push_back(of_base);
    }
    if (arguments.has("json"))
        print_json(models, base.get(), window, scores);
    else
        print_table(models, scores, base != nullptr, base_scores);
    return 0;
}

}  // namespace

Command eval_command() {
    return {"eval",
            "MODEL... --ppl FILE [--base MODEL]",
            "Measure perplexity, and the distance from another model",
            "A MODEL is a blob, run by the kernels that ship, or a checkpoint directory, run in float. The "
            "text is cut into\n"
            "windows of tokens; each starts from an empty state and is scored from its second token on. "
            "Special tokens in\n"
            "the text are recognised.",
            {"adder eval model.adder --ppl books.txt",
             "adder eval a.adder b.adder --base CHECKPOINT_DIR --ppl books.txt"},
            {
                {"ppl", 0, "FILE", true, "Text to score (repeatable)."},
                {"window", 0, "N", false, "Tokens a window (default 1024)."},
                {"base", 0, "MODEL", false,
                 "Compare with this one: mean KL divergence and share of equal top-1 tokens."},
                {"threads", 't', "N", false, "Threads (default: all CPUs); does not change a digit."},
                {"json", 0, nullptr, false, "One JSON document on standard output."},
                {"quiet", 'q', nullptr, false, "No progress."},
            },
            1,
            1000,
            run_eval};
}

}  // namespace adder
