// Scoring texts with checkpoints and blobs.
// SPDX-License-Identifier: MIT
#include "converter/evaluate.h"

#include <algorithm>
#include <cmath>

#include "converter/blob_file.h"
#include "converter/error.h"
#include "converter/progress.h"
#include "converter/tokens.h"

namespace adder {
namespace {

class CheckpointScorer : public Scorer {
  public:
    CheckpointScorer(const std::string &path, ThreadPool &pool)
        : path_(path), checkpoint_(path), tokenizer_(checkpoint_), model_(checkpoint_, pool) {}

    const std::string &path() const override { return path_; }
    uint32_t vocab_size() const override { return checkpoint_.config().vocab_size; }
    Tokens tokenize(std::string_view text, const std::string &name) const override {
        if (tokenizer_.empty()) bad_input("%s: the checkpoint has no tokenizer.json", path_.c_str());
        return tokenize_text(tokenizer_.tokenizer(), text, true, name);
    }
    void score(const std::vector<Tokens> &windows, const Callback &callback) override {
        FloatModel::Visitor visitor;
        visitor.logits = [&](size_t window, uint32_t position, const float *logits, uint32_t) {
            callback(window, position, logits);
        };
        model_.run(windows, visitor);
    }

  private:
    std::string path_;
    Checkpoint checkpoint_;
    CheckpointTokenizer tokenizer_;
    FloatModel model_;
};

class BlobScorer : public Scorer {
  public:
    BlobScorer(const std::string &path, ThreadPool &pool) : blob_(path), pool_(pool) {
        adder_options options{};
        options.chunk = 32;
        options.logit_rows = 8;
        for (uint32_t member = 0; member < pool.size(); ++member)
            sessions_.push_back(std::make_unique<Session>(blob_, options));
    }

    const std::string &path() const override { return blob_.path(); }
    uint32_t vocab_size() const override { return blob_.info().vocab_size; }
    Tokens tokenize(std::string_view text, const std::string &) const override {
        return adder::tokenize(blob_, text, true);
    }
    void score(const std::vector<Tokens> &windows, const Callback &callback) override {
        struct Call {
            const Callback &callback;
            size_t window;
        };
        pool_.run(static_cast<uint32_t>(windows.size()), [&](uint32_t i, uint32_t member) {
            throw_if_interrupted();
            adder_session *session = sessions_[member]->get();
            adder_state_reset(session);
            Call call{callback, i};
            const auto forward = [](void *context, size_t index, const float *logits) {
                const Call &c = *static_cast<const Call *>(context);
                c.callback(c.window, static_cast<uint32_t>(index), logits);
            };
            check(adder_score(session, windows[i].data(), windows[i].size(), forward, &call), blob_.path());
        });
    }

  private:
    BlobFile blob_;
    ThreadPool &pool_;
    std::vector<std::unique_ptr<Session>> sessions_;
};

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

uint32_t top1(const float *logits, uint32_t n) {
    return static_cast<uint32_t>(std::max_element(logits, logits + n) - logits);
}

// KL(base || model) of two rows of logits, with their log-sum-exps.
double divergence(const float *base, double base_lse, const float *model, double model_lse, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; ++i) {
        const double log_p = static_cast<double>(base[i]) - base_lse;
        sum += std::exp(log_p) * (log_p - (static_cast<double>(model[i]) - model_lse));
    }
    return sum;
}

// Sums over one window; added up in window order, so that the total does not depend on the threads.
struct WindowSums {
    double nll = 0, kl = 0;
    uint64_t same_top1 = 0;
};

// The base's logits of one window: [positions that are scored][vocab].
struct BaseRows {
    std::vector<float> logits;
    std::vector<double> lse;
};

}  // namespace

std::unique_ptr<Scorer> open_scorer(const std::string &path, ThreadPool &pool) {
    if (is_directory(path)) return std::make_unique<CheckpointScorer>(path, pool);
    return std::make_unique<BlobScorer>(path, pool);
}

double TextScore::token_perplexity() const { return std::exp(nll / static_cast<double>(scored)); }
double TextScore::word_perplexity() const { return std::exp(nll / static_cast<double>(words)); }
double TextScore::bits_per_byte() const { return nll / std::log(2.0) / static_cast<double>(bytes); }

double log_sum_exp(const float *logits, uint32_t n) {
    const float highest = *std::max_element(logits, logits + n);
    double sum = 0;
    for (uint32_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(logits[i] - highest));
    return static_cast<double>(highest) + std::log(sum);
}

double kl_divergence(const float *base, const float *model, uint32_t n) {
    return divergence(base, log_sum_exp(base, n), model, log_sum_exp(model, n), n);
}

std::vector<TextScore> score_text(const std::vector<Scorer *> &models, Scorer *base, const std::string &file,
                                  uint32_t window, TextScore *base_score) {
    const MappedFile mapped(file);
    TextScore blank;
    blank.file = file;
    blank.bytes = mapped.size();
    blank.words = count_words(mapped.text());
    std::vector<TextScore> results(models.size(), blank);
    std::vector<std::vector<Tokens>> windows(models.size());  // of each model
    const auto cut = [&](const Scorer &scorer) {
        const Tokens tokens = scorer.tokenize(mapped.text(), file);
        if (tokens.size() < 2)
            bad_input("%s: %zu tokens; at least 2 are needed to score a text", file.c_str(), tokens.size());
        return cut_windows(tokens, window, 0);
    };
    uint64_t work = 0;
    for (size_t i = 0; i < models.size(); ++i) {
        windows[i] = cut(*models[i]);
        for (const Tokens &w : windows[i]) {
            results[i].tokens += w.size();
            results[i].scored += w.size() - 1;
        }
        work += results[i].tokens;
    }
    if (base) {
        const std::vector<Tokens> base_windows = cut(*base);
        for (size_t i = 0; i < models.size(); ++i)
            if (windows[i] != base_windows || models[i]->vocab_size() != base->vocab_size())
                bad_input("%s: its tokenizer differs from that of the base, %s, on %s",
                          models[i]->path().c_str(), base->path().c_str(), file.c_str());
        work += work / models.size();
        *base_score = results[0];  // the same tokens; its own sums follow
    }

    // A batch of windows at a time: enough for all threads, and with a base no more than its logits may take.
    size_t batch = 64;
    if (base) {
        const size_t row_bytes = size_t{base->vocab_size()} * sizeof(float);
        batch = std::clamp<size_t>((size_t{512} << 20) / (row_bytes * window), 1, 64);
    }
    Progress progress("scoring " + file, work);
    size_t most = 0;
    for (const auto &w : windows) most = std::max(most, w.size());
    for (size_t first = 0; first < most; first += batch) {
        const auto slice = [&](const std::vector<Tokens> &all) {
            const size_t begin = std::min(first, all.size()), end = std::min(first + batch, all.size());
            return std::vector<Tokens>(all.begin() + static_cast<ptrdiff_t>(begin),
                                       all.begin() + static_cast<ptrdiff_t>(end));
        };
        std::vector<BaseRows> rows;
        if (base) {
            const std::vector<Tokens> part = slice(windows[0]);
            const uint32_t vocab = base->vocab_size();
            rows.resize(part.size());
            for (size_t w = 0; w < part.size(); ++w) {
                rows[w].logits.resize((part[w].size() - 1) * vocab);
                rows[w].lse.resize(part[w].size() - 1);
            }
            std::vector<double> nll(part.size(), 0.0);
            base->score(part, [&](size_t w, uint32_t position, const float *logits) {
                progress.advance();
                if (position + 1 >= part[w].size()) return;
                std::copy_n(logits, vocab, &rows[w].logits[size_t{position} * vocab]);
                rows[w].lse[position] = log_sum_exp(logits, vocab);
                nll[w] += rows[w].lse[position] - static_cast<double>(logits[part[w][position + 1]]);
            });
            for (double sum : nll) base_score->nll += sum;
        }
        for (size_t m = 0; m < models.size(); ++m) {
            const std::vector<Tokens> part = slice(windows[m]);
            const uint32_t vocab = models[m]->vocab_size();
            std::vector<WindowSums> sums(part.size());
            models[m]->score(part, [&](size_t w, uint32_t position, const float *logits) {
                progress.advance();
                if (position + 1 >= part[w].size()) return;
                const double lse = log_sum_exp(logits, vocab);
                sums[w].nll += lse - static_cast<double>(logits[part[w][position + 1]]);
                if (!base) return;
                const float *base_logits = &rows[w].logits[size_t{position} * vocab];
                sums[w].kl += divergence(base_logits, rows[w].lse[position], logits, lse, vocab);
                sums[w].same_top1 += top1(base_logits, vocab) == top1(logits, vocab);
            });
            for (const WindowSums &s : sums) {
                results[m].nll += s.nll;
                results[m].kl += s.kl;
                results[m].same_top1 += s.same_top1;
            }
        }
    }
    return results;
}

}  // namespace adder
