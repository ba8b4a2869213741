// One row of a zero-shot task, in our form or in that in which its data set is published, as texts to score.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adder {

// What a model is asked: how likely is `continuation` after `context`?
struct Request {
    std::string context, continuation;
};

struct Example {
    std::vector<Request> requests;  // one a choice; one alone where a text has to be completed
    int32_t label =
        -1;  // the right choice; -1: none to choose from, the continuation has to be the greedy one
    std::vector<uint32_t> lengths;  // of the choices, in Unicode characters
};

// Reads one line. What form it has is seen from its keys:
//     context, target                      to complete (ours)
//     text                                 LAMBADA: the last word has to be predicted
//     context, choices, label              multiple choice (ours)
//     sentence with "_", choices, label    WinoGrande (ours)
//     sentence, option1, option2, answer   WinoGrande
//     ctx, endings, label                  HellaSwag (activity_label; ctx_a and ctx_b where there is no ctx)
//     goal, sol1, sol2, label              PIQA
//     question, choices, answerKey         ARC: choices within question, or beside it
// `where` is "FILE:LINE". `label` stands in for one that the row lacks; empty if there is none. Throws
// Error(bad_input).
Example read_row(std::string_view line, const std::string &where, std::string_view label = {});

// HellaSwag's texts as lm-evaluation-harness cleans them: stripped, " [title]" becomes ". ", other [..] go, and each
// pair of spaces becomes one.
std::string clean_hellaswag(std::string_view text);

}  // namespace adder
