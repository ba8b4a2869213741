// The importance of outlier channels: what the float model loses without them, and without as many others.
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "converter/eval/figures.h"
#include "converter/eval/score.h"
#include "converter/eval/scorer.h"
#include "converter/model/zeroed_columns.h"
#include "converter/study/outliers.h"

namespace adder {

// One model of the test: the channels of one kind of input, or of all, that are beyond sigma, or as many others of the
// same inputs, drawn at random.
struct ZeroingCase {
    std::optional<Role> role;  // empty: all
    double sigma;
    bool random;
    ZeroedColumns columns;

    std::string name() const;  // "in_proj, outliers beyond 6 sigma"
};

// For each kind of input and for all, each sigma, the outliers and the random ones. The draw depends on `seed` and on
// the input alone: what is drawn for a higher sigma is part of what is drawn for a lower one.
std::vector<ZeroingCase> zeroing_cases(const std::vector<InputStatistics> &inputs,
                                       const std::vector<double> &sigmas, uint64_t seed);

// The model of `base` without these columns. They share its memory: not two at a time.
std::unique_ptr<Scorer> zeroed_scorer(CheckpointScorer &base, const ZeroingCase &zeroed);

struct ZeroingResult {
    ZeroingCase zeroed;
    std::vector<TextFigures> texts;
    std::vector<TaskFigures> tasks;
};
struct ZeroingTest {
    Evaluation evaluation;               // texts and tasks; its model 0 is the float model
    std::vector<ZeroingResult> results;  // cases of no channel have the float model's figures
};

// Evaluates all cases against `base`, whose own logits are those of `recorded` where there is one. Throws Error(failure)
// when interrupted.
ZeroingTest run_zeroing(CheckpointScorer &base, std::vector<ZeroingCase> cases, const EvalOptions &options,
                        ThreadPool &pool, Scorer *recorded = nullptr);

}  // namespace adder
