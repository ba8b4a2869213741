// Fuzz target: rows of zero-shot tasks, and shards of evaluations, which come from anywhere.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "converter/base/error.h"
#include "converter/eval/report.h"
#include "converter/eval/rows.h"
#include "converter/eval/shard.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    try {
        const adder::Example example = adder::read_row(text, "f:1", size % 2 ? "1" : "");
        if (example.requests.empty() || example.lengths.size() != example.requests.size()) std::abort();
        if (example.label >= static_cast<int32_t>(example.requests.size())) std::abort();
        if (example.label < 0 && example.requests.size() != 1) std::abort();
        for (uint32_t length : example.lengths)
            if (length == 0) std::abort();
    } catch (const adder::Error &) {
    }
    adder::clean_hellaswag(text);
    // What reads as a shard can be reported.
    try {
        const adder::Evaluation evaluation = adder::read_shard(text, "s");
        adder::eval_table(evaluation);
        adder::eval_json(evaluation);
        adder::eval_csv(evaluation);
        adder::eval_html(evaluation, "made");
    } catch (const adder::Error &) {
    }
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const char *text : {
             R"({"context": "Q", "choices": ["a", "b"], "label": 1})",
             R"({"context": "It is", "target": " so"})",
             R"({"text": "one two three"})",
             R"({"sentence": "He saw _ , and left.", "choices": ["Al", "Bob"], "label": 0})",
             R"({"sentence": "A _ is", "option1": "x", "option2": "y", "answer": "2"})",
             R"({"goal": "open it", "sol1": "pull", "sol2": "push", "label": 1})",
             R"({"question": {"stem": "Why?", "choices": [{"text": "so", "label": "A"}, {"text": "no", "label": "B"}]}, "answerKey": "B"})",
             R"({"question": "Why?", "choices": {"text": ["so", "no"], "label": ["1", "2"]}, "answerKey": "2"})",
             R"({"activity_label": "C", "ctx": "[h] How [title] x.  he", "endings": ["[step] goes.", "stops."], "label": "1"})",
             R"({"adder_eval_shard":1,"shard":1,"shards":1,"complete":true,"window":4,"stride":4,"limit":0,"base":1,"given":1,)"
             R"("texts":[{"file":"t","bytes":9,"words":2,"crc":1}],"tasks":[{"name":"hellaswag","file":"f","crc":1,"skipped":0,)"
             R"("labels":[1],"lengths":[[1,2]]}],"models":[{"path":"m","kind":"blob","isa":"x","fingerprint":"0","parameters":5,)"
             R"("bytes":9,"bits_per_weight":8,"tokens":5,"seconds":1,"texts":[{"tokens":5,"windows":1,"done":[{"window":0,)"
             R"("blocks":[1,1,2.5,0.5],"kl":"3f000000"}]}],"tasks":[[{"example":0,"greedy":false,"loglikelihood":[-1,-2]}]]},)"
             R"({"path":"b","kind":"blob","isa":"x","fingerprint":"0","parameters":5,"bytes":9,"bits_per_weight":8,"tokens":5,)"
             R"("seconds":1,"texts":[{"tokens":5,"windows":1,"done":[{"window":0,"blocks":[1,0,2,0],"kl":""}]}],)"
             R"("tasks":[[{"example":0,"greedy":true,"loglikelihood":[-1,-3]}]]}]})",
         })
        add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
}

extern "C" const char *const adder_fuzz_words[] = {
    "\"context\"", "\"choices\"",  "\"label\"",   "\"target\"",    "\"text\"", "\"sentence\"",
    "\"option1\"", "\"answer\"",   "\"goal\"",    "\"sol1\"",      "\"ctx\"",  "\"ctx_a\"",
    "\"endings\"", "\"question\"", "\"stem\"",    "\"answerKey\"", " [title]", "[step]",
    "_",           "null",         "-1",          "1e308",         "[]",       "{}",
    "\"done\"",    "\"blocks\"",   "\"windows\"", "\"kl\":\"\"",   "\\u0000",  "\\n",
    "é",           nullptr};
