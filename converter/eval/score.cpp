// Scoring texts and tasks in batches.
// SPDX-License-Identifier: MIT
#include "converter/eval/score.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/base/progress.h"
#include "converter/eval/math.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

constexpr uint64_t batch_tokens = 4096;                   // at least, if there are as many
constexpr uint64_t base_logit_bytes = uint64_t{1} << 29;  // held at a time, at least one window
constexpr uint64_t most_base_bytes = uint64_t{1} << 33;   // that one window may take

// The base's logits of one window: [scored][vocab], and the log-sum-exp of each row.
struct BaseRows {
    std::vector<float> logits;
    std::vector<double> lse;
};

// Everything about one run that its pieces share.
class Run {
  public:
    Run(const std::vector<Scorer *> &models, int base, const EvalOptions &options, ThreadPool &pool)
        : models_(models), base_(base), options_(options), pool_(pool) {
        result_.window = options.window;
        result_.stride = options.stride;
        result_.limit = options.limit;
        result_.shard = options.shard;
        result_.shards = options.shards;
        result_.base = base;
        result_.given = models.size();
        result_.models.resize(models.size());
        for (size_t m = 0; m < models.size(); ++m) result_.models[m].facts = models[m]->facts();
        for (size_t m = 0; m < models.size(); ++m) order_.push_back(m);
        if (base >= 0) std::rotate(order_.begin(), order_.begin() + base, order_.begin() + base + 1);
    }

    Evaluation run() {
        for (const std::string &file : options_.texts) plan_text(file);
        for (const Task &task : options_.tasks) plan_task(task);
        try {
            for (size_t t = 0; t < options_.texts.size(); ++t) score_text(t);
            for (size_t t = 0; t < options_.tasks.size(); ++t) score_task(t);
        } catch (const Error &) {
            if (!interrupted()) throw;
            result_.interrupted = true;
        }
        return std::move(result_);
    }

  private:
    void plan_text(const std::string &file) {
        const MappedFile mapped(file);
        result_.texts.push_back(
            {file, mapped.size(), count_words(mapped.text()), crc32(0, mapped.data(), mapped.size())});
        std::vector<std::vector<Window>> windows(models_.size());
        Tokens of_base;
        for (size_t m : order_) {
            const Tokens tokens = options_.tokens != nullptr ? options_.tokens->at(file)
                                                             : models_[m]->tokenize(mapped.text(), file);
            if (tokens.size() < 2)
                bad_input("%s: %zu tokens; at least 2 are needed to score a text", file.c_str(),
                          tokens.size());
            if (static_cast<int>(m) == base_) of_base = tokens;
            if (base_ >= 0 && (tokens != of_base || models_[m]->vocab_size() != base_scorer().vocab_size()))
                bad_input("%s: its tokenizer differs from that of the base, %s, on %s",
                          models_[m]->path().c_str(), base_scorer().path().c_str(), file.c_str());
            windows[m] = cut_text(tokens, options_.window, options_.stride);
            if (options_.windows > 0 && windows[m].size() > options_.windows) {
                std::vector<Window> some;
                for (uint64_t i = 0; i < options_.windows; ++i)
                    some.push_back(std::move(windows[m][i * windows[m].size() / options_.windows]));
                windows[m] = std::move(some);
            }
            result_.models[m].texts.push_back({tokens.size(), std::vector<WindowResult>(windows[m].size())});
        }
        windows_.push_back(std::move(windows));
    }

    void plan_task(const Task &task) {
        TaskFacts facts{task.name, task.file, task.crc, task.skipped.size(), {}, {}};
        for (const Example &example : task.examples) {
            facts.labels.push_back(example.label);
            facts.lengths.push_back(example.lengths);
        }
        result_.tasks.push_back(std::move(facts));
        for (ModelResult &model : result_.models) model.tasks.emplace_back(task.examples.size());
    }

    Scorer &base_scorer() const { return *models_[static_cast<size_t>(base_)]; }
    size_t batch_items() const { return size_t{2} * pool_.size(); }  // at least, for an even load

    // Calls work(model) for each model in turn and takes the time.
    template <typename Work>
    void each_model(const Work &work) {
        for (size_t m : order_) {
            const auto start = std::chrono::steady_clock::now();
            const uint64_t tokens = work(m);
            result_.models[m].seconds +=
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            result_.models[m].tokens += tokens;
        }
    }

    void score_text(size_t text) {
        const std::vector<std::vector<Window>> &windows = windows_[text];
        size_t most = 0;
        uint64_t work = 0, row_bytes = 0;
        for (size_t m = 0; m < models_.size(); ++m) {
            most = std::max(most, windows[m].size());
            for (size_t w = 0; w < windows[m].size(); ++w)
                if (result_.mine(w)) work += windows[m][w].sequence.tokens.size();
        }
        if (base_ >= 0) row_bytes = uint64_t{base_scorer().vocab_size()} * sizeof(float) * options_.window;
        if (row_bytes > most_base_bytes)
            fail(ExitCode::usage,
                 "--window %u: the base's logits of one window would take %llu bytes; %llu are the most",
                 options_.window, static_cast<unsigned long long>(row_bytes),
                 static_cast<unsigned long long>(most_base_bytes));
        Progress progress("scoring " + result_.texts[text].file, work);
        for (size_t first = 0; first < most;) {
            std::vector<size_t> batch;
            uint64_t tokens = 0;
            for (; first < most && (tokens < batch_tokens || batch.size() < batch_items()); ++first) {
                if (base_ >= 0 && !batch.empty() && row_bytes * (batch.size() + 1) > base_logit_bytes) break;
                if (!result_.mine(first)) continue;
                batch.push_back(first);
                tokens += options_.window;
            }
            score_windows(text, batch, progress);
        }
    }

    void score_windows(size_t text, const std::vector<size_t> &batch, Progress &progress) {
        base_rows_.resize(std::max(base_rows_.size(), batch.size()));
        std::vector<std::vector<WindowResult>> found(models_.size());
        each_model([&](size_t m) {
            const std::vector<Window> &windows = windows_[text][m];
            std::vector<Sequence> sequences;
            for (size_t w : batch)
                if (w < windows.size()) sequences.push_back(windows[w].sequence);
            found[m].resize(sequences.size());
            for (size_t i = 0; i < sequences.size(); ++i)
                prepare(m, sequences[i].rows[0], &found[m][i], &base_rows_[i]);
            models_[m]->score(
                sequences,
                [&](size_t i, uint32_t position, const float *logits) {
                    const uint32_t row = position - sequences[i].rows[0].begin;
                    const int32_t next = position + 1 < sequences[i].tokens.size()
                                             ? sequences[i].tokens[position + 1]
                                             : windows[batch[i]].last_token;
                    take_row(m, row, next, logits, &found[m][i], &base_rows_[i]);
                },
                [&](uint64_t count) { progress.advance(count); });
            uint64_t tokens = 0;
            for (const Sequence &sequence : sequences) tokens += sequence.tokens.size();
            return tokens;
        });
        for (size_t m = 0; m < models_.size(); ++m)
            for (size_t i = 0; i < found[m].size(); ++i)
                result_.models[m].texts[text].windows[batch[i]] = std::move(found[m][i]);
    }

    void prepare(size_t m, const Sequence::Range &rows, WindowResult *window, BaseRows *base_rows) const {
        const uint32_t scored = rows.end - rows.begin;
        window->blocks.resize((scored + block_tokens - 1) / block_tokens);
        if (base_ < 0) return;
        if (static_cast<int>(m) != base_) {
            window->kl.resize(scored);
            return;
        }
        base_rows->logits.resize(size_t{scored} * models_[m]->vocab_size());
        base_rows->lse.resize(scored);
    }

    void take_row(size_t m, uint32_t row, int32_t next, const float *logits, WindowResult *window,
                  BaseRows *base_rows) const {
        const uint32_t vocab = models_[m]->vocab_size();
        TextBlock &block = window->blocks[row / block_tokens];
        const double lse = log_sum_exp(logits, vocab);
        ++block.scored;
        block.nll += lse - static_cast<double>(logits[next]);
        if (base_ < 0) return;
        float *base_logits = &base_rows->logits[size_t{row} * vocab];
        if (static_cast<int>(m) == base_) {
            std::copy_n(logits, vocab, base_logits);
            base_rows->lse[row] = lse;
            return;
        }
        const double kl = kl_divergence(base_logits, base_rows->lse[row], logits, lse, vocab);
        block.kl += kl;
        window->kl[row] = static_cast<float>(kl);
        block.same_top1 += top1(base_logits, vocab) == top1(logits, vocab);
    }

    void score_task(size_t t) {
        const Task &task = options_.tasks[t];
        uint64_t items = 0;
        for (size_t i = 0; i < task.examples.size(); ++i) items += result_.mine(i);
        Progress progress("scoring " + task.name, items * models_.size());
        for (size_t first = 0; first < task.examples.size();) {
            std::vector<size_t> batch;
            uint64_t bytes = 0;
            for (; first < task.examples.size() && (bytes < 4 * batch_tokens || batch.size() < batch_items());
                 ++first) {
                if (!result_.mine(first)) continue;
                batch.push_back(first);
                bytes += task.examples[first].requests[0].context.size();
                for (const Request &request : task.examples[first].requests)
                    bytes += request.continuation.size();
            }
            score_examples(t, batch, progress);
        }
    }

    void score_examples(size_t t, const std::vector<size_t> &batch, Progress &progress) {
        const Task &task = options_.tasks[t];
        std::vector<std::vector<ExampleResult>> found(models_.size());
        each_model([&](size_t m) {
            std::vector<ExampleTokens> examples(batch.size());
            pool_.run(static_cast<uint32_t>(batch.size()), [&](uint32_t i, uint32_t) {
                examples[i] = tokenize_example(*models_[m], task.examples[batch[i]],
                                               task.file + ":" + std::to_string(task.lines[batch[i]]));
            });
            std::vector<Sequence> sequences;
            uint64_t tokens = 0;
            for (ExampleTokens &example : examples) {
                tokens += example.sequence.tokens.size();
                sequences.push_back(std::move(example.sequence));
            }
            found[m].resize(batch.size());
            for (size_t i = 0; i < batch.size(); ++i) {
                found[m][i].log_likelihood.assign(examples[i].targets.size(), 0.0);
                found[m][i].greedy = true;
            }
            const uint32_t vocab = models_[m]->vocab_size();
            std::atomic<uint64_t> done{0};  // tokens
            models_[m]->score(
                sequences,
                [&](size_t i, uint32_t position, const float *logits) {
                    take_targets(examples[i], position, logits, vocab, &found[m][i]);
                },
                [&](uint64_t count) {
                    const uint64_t before = done.fetch_add(count);
                    progress.advance(batch.size() * (before + count) / tokens - batch.size() * before / tokens);
                });
            return tokens;
        });
        for (size_t m = 0; m < models_.size(); ++m)
            for (size_t i = 0; i < batch.size(); ++i)
                result_.models[m].tasks[t][batch[i]] = std::move(found[m][i]);
    }

    static void take_targets(const ExampleTokens &example, uint32_t position, const float *logits,
                             uint32_t vocab, ExampleResult *found) {
        const double lse = log_sum_exp(logits, vocab);
        for (size_t c = 0; c < example.targets.size(); ++c)
            for (const ExampleTokens::Target &target : example.targets[c]) {
                if (target.row != position) continue;
                found->log_likelihood[c] += static_cast<double>(logits[target.token]) - lse;
                if (c == 0 && top1(logits, vocab) != static_cast<uint32_t>(target.token))
                    found->greedy = false;
            }
    }

    const std::vector<Scorer *> &models_;
    const int base_;
    const EvalOptions &options_;
    ThreadPool &pool_;
    std::vector<size_t> order_;                              // of the models, the base first
    std::vector<std::vector<std::vector<Window>>> windows_;  // [text][model]
    std::vector<BaseRows> base_rows_;                        // of a batch's windows, kept for the next batch
    Evaluation result_;
};

}  // namespace

uint64_t count_words(std::string_view text) {
    uint64_t words = 0;
    bool inside = false;
    for (char c : text) {
        const bool space = c == ' ' || (c >= '\t' && c <= '\r');
        words += !space && !inside;
        inside = !space;
    }
    return words;
}

Evaluation evaluate(const std::vector<Scorer *> &models, int base, const EvalOptions &options,
                    ThreadPool &pool) {
    return Run(models, base, options, pool).run();
}

}  // namespace adder
