// Scoring: shared contexts, windows and batches change no bit; distances and accuracies are those of their definitions.
// SPDX-License-Identifier: MIT
#include "converter/eval/score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "converter/eval/figures.h"
#include "converter/eval/math.h"
#include "converter/eval/report.h"
#include "converter/text/json.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/error_of.h"
#include "tests/support/json_text.h"

namespace adder::test {
namespace {

class EvalScore : public testing::Test {
  protected:
    // Everything that an evaluation finds, as text, without the time it took.
    static std::string found(Evaluation e) {
        for (ModelResult &model : e.models) model.seconds = 0;
        for (ModelResult &model : e.models) model.facts.isa = "";
        return eval_json(e);
    }
    EvalOptions everything() const {
        EvalOptions options;
        options.texts = {toy_.file("text.txt")};
        options.tasks = {read_task("t=" + toy_.file("task.jsonl"), 0, false),
                         read_task("lambada_openai=" + toy_.file("lambada.jsonl"), 0, false)};
        options.window = options.stride = 150;
        return options;
    }
    Evaluation run(const std::vector<std::string> &paths, int base, const EvalOptions &options,
                   uint32_t threads) const {
        ThreadPool pool(threads);
        std::vector<std::unique_ptr<Scorer>> models;
        std::vector<Scorer *> all;
        for (const std::string &path : paths) models.push_back(open_scorer(path, pool));
        for (const auto &model : models) all.push_back(model.get());
        return evaluate(all, base, options, pool);
    }

    EvalToy toy_;
};

TEST_F(EvalScore, ThreadsAndIsasChangeNothing) {
    const std::vector<std::string> paths = {toy_.checkpoint(), toy_.file("int8.adder")};
    const std::string expected = found(run(paths, 0, everything(), 1));
    for (uint32_t threads : {2u, 3u, 7u})
        EXPECT_EQ(found(run(paths, 0, everything(), threads)), expected) << threads;
    setenv("ADDER_ISA", "scalar", 1);
    EXPECT_EQ(found(run(paths, 0, everything(), 2)), expected);
    unsetenv("ADDER_ISA");
}

TEST_F(EvalScore, ACheckpointScoresAsItsFloatBlob) {
    const Evaluation e = run({toy_.checkpoint(), toy_.file("float.adder")}, 0, everything(), 2);
    for (size_t t = 0; t < e.tasks.size(); ++t)
        for (size_t i = 0; i < e.models[0].tasks[t].size(); ++i)
            EXPECT_EQ(e.models[0].tasks[t][i].log_likelihood, e.models[1].tasks[t][i].log_likelihood)
                << t << " " << i;
    const TextFigures f = text_figures(e, 1, 0);
    EXPECT_EQ(f.token.value, text_figures(e, 0, 0).token.value);
    EXPECT_EQ(f.kl_mean.value, 0);
    EXPECT_EQ(f.kl_max, 0);
    EXPECT_EQ(f.same_top1.value, 1);
    EXPECT_EQ(f.change_percent.value, 0);
}

// Each choice on its own, from an empty state, with plain logits of every token.
TEST_F(EvalScore, SharedContextsAreThoseOfPlainSequences) {
    for (const std::string &path : {toy_.checkpoint(), toy_.file("int8.adder")}) {
        ThreadPool pool(2);
        const std::unique_ptr<Scorer> scorer = open_scorer(path, pool);
        const EvalOptions options = everything();
        const Evaluation e = evaluate({scorer.get()}, -1, options, pool);
        for (size_t t = 0; t < options.tasks.size(); ++t)
            for (size_t i = 0; i < options.tasks[t].examples.size(); ++i) {
                const Example &example = options.tasks[t].examples[i];
                for (size_t c = 0; c < example.requests.size(); ++c) {
                    const Request &request = example.requests[c];
                    const Tokens whole = scorer->tokenize(request.context + request.continuation, "");
                    const size_t context = scorer->tokenize(request.context, "").size();
                    double sum = 0;
                    bool greedy = true;
                    scorer->score({whole}, [&](size_t, uint32_t position, const float *logits) {
                        if (position + 1 < context || position + 1 == whole.size()) return;
                        const int32_t next = whole[position + 1];
                        sum += static_cast<double>(logits[next]) - log_sum_exp(logits, scorer->vocab_size());
                        greedy &= top1(logits, scorer->vocab_size()) == static_cast<uint32_t>(next);
                    });
                    const ExampleResult &result = e.models[0].tasks[t][i];
                    EXPECT_EQ(result.log_likelihood[c], sum) << path << " " << t << " " << i << " " << c;
                    if (c == 0) {
                        EXPECT_EQ(result.greedy, greedy);
                    }
                }
            }
    }
}

TEST_F(EvalScore, APerplexityIsThatOfItsTokens) {
    ThreadPool pool(2);
    const std::unique_ptr<Scorer> scorer = open_scorer(toy_.file("int8.adder"), pool);
    EvalOptions options = everything();
    options.tasks.clear();
    const std::string text = read_text(toy_.file("text.txt"));
    const Tokens tokens = scorer->tokenize(text, "");
    for (const auto &[window, stride] : {std::pair<uint32_t, uint32_t>{150, 150}, {64, 20}, {100000, 100000}}) {
        options.window = window;
        options.stride = stride;
        const Evaluation e = evaluate({scorer.get()}, -1, options, pool);
        double nll = 0;
        uint64_t scored = 0;
        for (size_t begin = 0, next = 1; next < tokens.size(); begin += stride) {
            const size_t end = std::min<size_t>(begin + window, tokens.size());
            const Tokens part(tokens.begin() + static_cast<ptrdiff_t>(begin),
                              tokens.begin() + static_cast<ptrdiff_t>(end));
            scorer->score({part}, [&](size_t, uint32_t position, const float *logits) {
                if (begin + position + 1 < next || position + 1 >= part.size()) return;
                nll += log_sum_exp(logits, scorer->vocab_size()) -
                       static_cast<double>(logits[part[position + 1]]);
                ++scored;
            });
            next = end + (window == stride ? 1 : 0);
        }
        const TextFigures f = text_figures(e, 0, 0);
        EXPECT_EQ(f.tokens, tokens.size());
        EXPECT_EQ(f.scored, scored);
        EXPECT_NEAR(f.token.value, std::exp(nll / static_cast<double>(scored)), 1e-9 * f.token.value);
        EXPECT_NEAR(f.bits_per_byte.value, nll / std::log(2.0) / static_cast<double>(text.size()), 1e-9);
        EXPECT_NEAR(std::log(f.word.value), nll / 400, 1e-9 * nll);
        EXPECT_GT(f.token.error, 0);
    }
}

TEST_F(EvalScore, DistancesAreThoseOfTheLogits) {
    ThreadPool pool(1);
    const std::unique_ptr<Scorer> base = open_scorer(toy_.checkpoint(), pool),
                                  model = open_scorer(toy_.file("int8.adder"), pool);
    EvalOptions options = everything();
    options.tasks.clear();
    options.window = options.stride = 100000;
    const Evaluation e = evaluate({model.get(), base.get()}, 1, options, pool);
    const Tokens tokens = base->tokenize(read_text(toy_.file("text.txt")), "");
    std::vector<std::vector<float>> logits;
    base->score({tokens}, [&](size_t, uint32_t, const float *row) {
        logits.emplace_back(row, row + base->vocab_size());
    });
    std::vector<double> kl;
    double sum = 0, same = 0;
    model->score({tokens}, [&](size_t, uint32_t position, const float *row) {
        if (position + 1 == tokens.size()) return;
        const uint32_t n = base->vocab_size();
        kl.push_back(kl_divergence(logits[position].data(), row, n));
        sum += kl.back();
        same += top1(logits[position].data(), n) == top1(row, n);
    });
    const TextFigures f = text_figures(e, 0, 0);
    const double n = static_cast<double>(kl.size());
    std::sort(kl.begin(), kl.end());
    EXPECT_NEAR(f.kl_mean.value, sum / n, 1e-12);
    EXPECT_NEAR(f.same_top1.value, same / n, 1e-12);
    EXPECT_FLOAT_EQ(static_cast<float>(f.kl_max), static_cast<float>(kl.back()));
    EXPECT_FLOAT_EQ(static_cast<float>(f.kl_99),
                    static_cast<float>(kl[static_cast<size_t>(std::ceil(n * 0.99)) - 1]));
    EXPECT_GT(f.kl_mean.value, 0);
    EXPECT_FALSE(text_figures(e, 1, 0).compared);
    EXPECT_NEAR(f.change_percent.value, 100 * (f.token.value / text_figures(e, 1, 0).token.value - 1), 1e-9);
}

TEST_F(EvalScore, TextsThatCannotBeScoredAreNamed) {
    write_text(toy_.file("one.txt"), "a");
    EvalOptions options;
    options.texts = {toy_.file("one.txt")};
    EXPECT_HAS(error_of([&] { run({toy_.file("int8.adder")}, -1, options, 1); }),
               "one.txt: 1 tokens; at least 2");
    options.texts = {toy_.file("nothing.txt")};
    EXPECT_HAS(error_of([&] { run({toy_.file("int8.adder")}, -1, options, 1); }), "nothing.txt");
}

// Figures of a hand-made result: ties go to the first choice, lengths count for acc_norm, changes are paired.
TEST(EvalFigures, AccuraciesAndTheirErrors) {
    Evaluation e;
    TaskFacts task;
    task.name = "hellaswag";
    task.labels = {0, 1, 1, 0};
    task.lengths.assign(4, {1, 4});
    e.tasks = {task};
    e.models.resize(2);
    e.base = 1;
    // acc: right, right (the second is higher), wrong (a tie), right
    e.models[0].tasks = {{{{-1, -2}, false}, {{-3, -2}, false}, {{-2, -2}, false}, {{-2, -4}, false}}};
    e.models[1].tasks = {{{{-3, -2}, false}, {{-3, -2}, false}, {{-2, -1}, false}, {{-2, -4}, false}}};
    const TaskFigures f = task_figures(e, 0, 0);
    EXPECT_EQ(f.n, 4u);
    EXPECT_DOUBLE_EQ(f.acc.value, 0.75);
    EXPECT_DOUBLE_EQ(f.acc.error, std::sqrt(0.75 * 0.25 / 3));
    EXPECT_DOUBLE_EQ(f.acc_norm->value, 0.5);  // -1/1 < -2/4: the first is wrong; so is the last, -2 < -1
    EXPECT_FALSE(f.perplexity.has_value());
    ASSERT_TRUE(f.compared);
    EXPECT_DOUBLE_EQ(f.acc_change.value, 0.0);  // +1, 0, -1, 0
    EXPECT_DOUBLE_EQ(f.acc_change.error, std::sqrt(2.0 / 3 / 4));
    EXPECT_FALSE(literature_average(e, 0).has_value());
}

TEST(EvalFigures, OfPositionsAreThoseOfTheirBlocks) {
    Evaluation e;
    e.texts.push_back({"text", 1000, 100, 0});
    e.base = 1;
    e.models.resize(2);
    // Two windows of three blocks, the last of them shorter.
    const auto window = [](double nll, double kl, uint32_t last) {
        WindowResult result;
        for (uint32_t b = 0; b < 3; ++b) {
            const uint32_t n = b == 2 ? last : block_tokens;
            result.blocks.push_back({n, n - b, nll * (b + 1) * n, kl * (b + 1) * n});
            result.kl.insert(result.kl.end(), n, static_cast<float>(kl * (b + 1)));
        }
        return result;
    };
    e.models[0].texts = {{700, {window(1.0, 0.1, 50), window(2.0, 0.3, 70)}}};
    e.models[1].texts = {{700, {window(0.5, 0, 50), window(1.5, 0, 70)}}};
    const TextFigures whole = text_figures(e, 0, 0), all = position_figures(e, 0, 0, 0, 384);
    EXPECT_EQ(all.token.value, whole.token.value);
    EXPECT_EQ(all.change_percent.error, whole.change_percent.error);
    EXPECT_EQ(all.kl_99, whole.kl_99);
    const TextFigures second = position_figures(e, 0, 0, 128, 256), last = position_figures(e, 0, 0, 256, 512);
    EXPECT_DOUBLE_EQ(second.token.value, std::exp(2 * 1.5));
    EXPECT_DOUBLE_EQ(second.change_percent.value, 100 * (std::exp(2 * 0.5) - 1));
    EXPECT_DOUBLE_EQ(second.kl_mean.value, 2 * 0.2);
    EXPECT_DOUBLE_EQ(second.same_top1.value, 127.0 / 128);
    EXPECT_EQ(last.scored, 120u);
    EXPECT_DOUBLE_EQ(last.kl_mean.value, 3 * (0.1 * 50 + 0.3 * 70) / 120);
    EXPECT_FLOAT_EQ(static_cast<float>(last.kl_max), 0.9f);
    EXPECT_DOUBLE_EQ(position_figures(e, 1, 0, 256, 512).token.value,
                     std::exp(3 * (0.5 * 50 + 1.5 * 70) / 120));
    EXPECT_EQ(position_figures(e, 0, 0, 384, 512).scored, 0u);
}

TEST(EvalFigures, TheAverageTakesWhatTheLiteraturePrints) {
    Evaluation e;
    e.models.resize(1);
    for (const char *name :
         {"winogrande", "piqa", "arc_easy", "arc_challenge", "hellaswag", "lambada_openai"}) {
        TaskFacts task;
        task.name = name;
        const bool complete = task.name == "lambada_openai";
        task.labels = {complete ? -1 : 0, complete ? -1 : 0};
        task.lengths.assign(2, complete ? std::vector<uint32_t>{1} : std::vector<uint32_t>{1, 4});
        e.tasks.push_back(task);
        // acc 1, acc_norm 0; LAMBADA: one of two
        if (complete)
            e.models[0].tasks.push_back({{{-1.0}, true}, {{-3.0}, false}});
        else
            e.models[0].tasks.push_back({{{-1, -2}, false}, {{-1, -2}, false}});
    }
    EXPECT_DOUBLE_EQ(literature_average(e, 0)->value, (1 + 1 + 1 + 0 + 0 + 0.5) / 6);
    const TaskFigures lambada = task_figures(e, 0, 5);
    EXPECT_DOUBLE_EQ(lambada.perplexity->value, std::exp(2.0));
    EXPECT_DOUBLE_EQ(lambada.perplexity->error,
                     std::exp(2.0));  // deviation 1 from the mean: sqrt(2 / 1 / 2) = 1
    EXPECT_FALSE(lambada.acc_norm.has_value());
}

}  // namespace
}  // namespace adder::test
