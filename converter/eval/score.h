// Runs models over texts and tasks: batches of items, all models in turn, the base first.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "converter/eval/result.h"
#include "converter/eval/tasks.h"

namespace adder {

struct EvalOptions {
    std::vector<std::string> texts;
    std::vector<Task> tasks;
    uint32_t window = 1024, stride = 1024;
    uint64_t limit = 0;              // of examples a task, as read_task had it
    uint64_t windows = 0;            // of each text, evenly spread; 0: all
    uint32_t shard = 1, shards = 1;  // this process does items shard-1, shard-1+shards, ...
    // What all the models make of the texts, where that is known; null: each is asked.
    const std::map<std::string, Tokens> *tokens = nullptr;
};

// Scores with each of `models`; base is an index into them, or -1. All must tokenize the texts alike if there is a
// base. After an interrupt the result holds what all models have done. Throws Error(bad_input) for texts that cannot be
// scored.
Evaluation evaluate(const std::vector<Scorer *> &models, int base, const EvalOptions &options,
                    ThreadPool &pool);

uint64_t count_words(std::string_view text);

}  // namespace adder
