// What an evaluation found, item by item: sums over blocks of a text, log-likelihoods of examples.
// SPDX-License-Identifier: MIT
//
// All figures are made from these, in item order, so that they depend neither on threads nor on how the items were
// spread over processes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/eval/scorer.h"

namespace adder {

// Consecutive scored tokens of a window, block_tokens of them, the last block of a window fewer.
constexpr uint32_t block_tokens = 128;
struct TextBlock {
    uint32_t scored = 0;
    uint32_t same_top1 = 0;  // positions where base and model find the same token most likely
    double nll = 0;          // negative log-likelihood, nats, summed
    double kl = 0;           // KL(base || model), nats, summed
};

struct WindowResult {
    std::vector<TextBlock> blocks;  // empty: not done
    std::vector<float> kl;          // of each scored token; empty without a base
};

struct TextResult {
    uint64_t tokens = 0;                // of the text
    std::vector<WindowResult> windows;  // of the text
};

struct ExampleResult {
    std::vector<double> log_likelihood;  // of each choice, nats; empty: not done
    bool greedy = false;                 // each token of the first choice is the model's most likely one
};

struct ModelResult {
    ModelFacts facts;
    std::vector<TextResult> texts;
    std::vector<std::vector<ExampleResult>> tasks;
    uint64_t tokens = 0;  // that went through the model
    double seconds = 0;
    double tokens_per_second() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }
};

struct TextFacts {
    std::string file;
    uint64_t bytes = 0;
    uint64_t words = 0;  // separated by ASCII white space
    uint32_t crc = 0;
};

struct TaskFacts {
    std::string name, file;
    uint32_t crc = 0;
    uint64_t skipped = 0;                        // bad rows
    std::vector<int32_t> labels;                 // of the examples; -1: a text to complete
    std::vector<std::vector<uint32_t>> lengths;  // of the choices, characters
    bool completion() const { return !labels.empty() && labels[0] < 0; }
};

struct Evaluation {
    uint32_t window = 1024, stride = 1024;
    uint64_t limit = 0;
    uint32_t shard = 1, shards = 1;
    bool interrupted = false;
    std::vector<TextFacts> texts;
    std::vector<TaskFacts> tasks;
    std::vector<ModelResult> models;  // as they were given; then the base, if it was not among them
    size_t given = 0;                 // models but for such a base
    int base = -1;                    // index of the base in `models`

    bool mine(size_t item) const { return item % shards == shard - 1; }
};

}  // namespace adder
