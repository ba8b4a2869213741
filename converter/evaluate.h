// Perplexity of checkpoints and blobs on text, and how far one model's predictions are from another's.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "converter/float_model.h"
#include "converter/thread_pool.h"

namespace adder {

// A model that gives logits: a checkpoint (float) or a blob (the shipped kernels).
class Scorer {
  public:
    // Logits after token `position` of a window, in order within a window, from several threads.
    using Callback = std::function<void(size_t window, uint32_t position, const float *logits)>;

    virtual ~Scorer() = default;
    virtual const std::string &path() const = 0;
    virtual uint32_t vocab_size() const = 0;
    // Special tokens in the text are recognised. Throws Error(bad_input) if the model has no tokenizer.
    virtual Tokens tokenize(std::string_view text, const std::string &name) const = 0;
    // Each window from an empty state.
    virtual void score(const std::vector<Tokens> &windows, const Callback &callback) = 0;
};

// Opens a checkpoint directory or a blob. Throws Error(bad_input) if the path is neither.
std::unique_ptr<Scorer> open_scorer(const std::string &path, ThreadPool &pool);

// What a model makes of a text.
struct TextScore {
    std::string file;
    uint64_t bytes = 0;  // of the text
    uint64_t words = 0;  // separated by ASCII white space
    uint64_t tokens = 0;
    uint64_t scored = 0;  // tokens but the first of each window
    double nll = 0;       // negative log-likelihood of the scored tokens, nats, summed
    // Against the base, over the same positions; only with one:
    double kl = 0;           // sum over positions of KL(base || model), nats
    uint64_t same_top1 = 0;  // positions where both find the same token most likely

    double token_perplexity() const;
    double word_perplexity() const;
    double bits_per_byte() const;
};

// Scores a text in windows of `window` tokens, each from an empty state and from its second token on, with all models;
// result[i] is of models[i]. All must tokenize the text alike if there is a base. The base's logits are held for a batch
// of windows at a time; *base_score gets its own score. The sums do not depend on the number of threads.
std::vector<TextScore> score_text(const std::vector<Scorer *> &models, Scorer *base, const std::string &file,
                                  uint32_t window, TextScore *base_score);

// log(sum(exp(logits))), in double.
double log_sum_exp(const float *logits, uint32_t n);

// KL(base || model) of two rows of logits, in nats.
double kl_divergence(const float *base, const float *model, uint32_t n);

}  // namespace adder
