// Zero-shot tasks and texts: reading their files, and cutting them into sequences of tokens to score.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/eval/rows.h"
#include "converter/eval/scorer.h"
#include "converter/model/float_model.h"

namespace adder {

struct Task {
    std::string name, file;
    uint32_t crc = 0;  // CRC-32 of the file
    std::vector<Example> examples;
    std::vector<uint32_t> lines;       // of the examples, in the file
    std::vector<std::string> skipped;  // why, a row that was left out
};

// Reads "NAME=FILE", one JSON object a line, at most `limit` good ones (0: all). Rows that cannot be read are listed in
// `skipped` if `skip_bad`; else Error(bad_input) names each. Blank lines are no rows. PIQA's published rows have their
// labels in FILE-labels.lst, a line each, which is read where it lies beside FILE.jsonl.
Task read_task(const std::string &specification, uint64_t limit, bool skip_bad);

// The tokens of an example. Context and continuation are tokenized together; tokens past the number of tokens of the
// context alone are the continuation.
struct ExampleTokens {
    Sequence sequence;  // what the choices have in front in common is the stem
    // For each request the tokens to be predicted, and for each the row whose logits predict it.
    struct Target {
        int32_t token;
        uint32_t row;  // position in the sequence
    };
    std::vector<std::vector<Target>> targets;
};
ExampleTokens tokenize_example(const Scorer &scorer, const Example &example, const std::string &where);

// Windows of `window` tokens that begin every `stride` tokens, each from an empty state. A window scores what the one
// before it has not: the first from its second token on. A last window of one token is left out.
struct Window {
    Sequence sequence;   // all tokens of the window but the last, and one range of rows
    int32_t last_token;  // what the last row predicts
};
std::vector<Window> cut_text(const Tokens &tokens, uint32_t window, uint32_t stride);

}  // namespace adder
