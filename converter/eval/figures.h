// The figures of an evaluation, each with its standard error: perplexities, distances from the base, accuracies.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/eval/math.h"
#include "converter/eval/result.h"

namespace adder {

// docs/evaluation.md defines each. Standard errors of texts take blocks of block_tokens scored tokens as independent.
struct TextFigures {
    uint64_t tokens = 0, scored = 0;
    uint64_t windows = 0, windows_done = 0;
    Estimate token, word, bits_per_byte;  // perplexity of a token and of a word
    bool compared = false;                // the rest is against the base
    Estimate change_percent;              // of perplexity
    Estimate kl_mean, same_top1;
    double kl_99 = 0, kl_max = 0;
};
TextFigures text_figures(const Evaluation &evaluation, size_t model, size_t text);

// The same of the tokens that follow positions [begin, end) of their windows, multiples of block_tokens: perplexity, and
// what is against the base. NaN where no window is as long.
TextFigures position_figures(const Evaluation &evaluation, size_t model, size_t text, uint32_t begin,
                             uint32_t end);

struct TaskFigures {
    uint64_t n = 0;
    Estimate acc;
    std::optional<Estimate> acc_norm;    // where there are choices
    std::optional<Estimate> perplexity;  // of the text to complete
    bool compared = false;
    Estimate acc_change;  // against the base, paired
    std::optional<Estimate> acc_norm_change;
};
TaskFigures task_figures(const Evaluation &evaluation, size_t model, size_t task);

// The figure of a task that the literature prints: acc_norm for hellaswag and arc_challenge, else acc.
bool prints_acc_norm(const std::string &task);
// The mean of those over the six tasks; empty unless all six are there.
std::optional<Estimate> literature_average(const Evaluation &evaluation, size_t model);

}  // namespace adder
