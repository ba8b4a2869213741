// Making the small model of the evaluator's tests.
// SPDX-License-Identifier: MIT
#include "tests/converter/eval/toy.h"

#include <gtest/gtest.h>

#include "converter/app/cli.h"
#include "converter/convert/convert.h"
#include "tests/support/checkpoint_builder.h"

namespace adder::test {

std::string toy_tokenizer();  // eval_toy_tokenizer.cpp

EvalToy::EvalToy(uint32_t seed, const char *model_type) {
    CheckpointSpec spec;
    spec.seed = seed;
    spec.scale = 0.4f;
    spec.config.model_type = model_type;
    spec.config.vocab_size = 300;
    spec.files["tokenizer.json"] = toy_tokenizer();
    std::filesystem::create_directory(checkpoint());
    write_checkpoint(checkpoint(), spec);
    ThreadPool pool(1);
    for (bool int8 : {false, true}) {
        ConvertOptions options;
        options.checkpoint = checkpoint();
        options.output = file(int8 ? "int8.adder" : "float.adder");
        options.calibration_tokens = 1024;
        options.recipe = recipe_named(int8 ? "naive" : "float");
        convert(options, pool);
    }
    std::string text, task, lambada;
    uint32_t random = 7;
    const auto word = [&] {
        random = random * 1664525u + 1013904223u;
        return std::string(1 + (random >> 28) % 7, static_cast<char>('a' + (random >> 20) % 26));
    };
    for (int i = 0; i < 400; ++i) text += word() + (i % 9 == 8 ? ".\n" : " ");
    write_text(file("text.txt"), text);
    for (int i = 0; i < 23; ++i) {
        const std::string context = word() + " " + word() + " " + word();
        task += "{\"context\": \"" + context + "\", \"choices\": [\"" + word() + " " + word() + "\", \"" +
                word() + "\", \"" + word() + " é\"], \"label\": " + std::to_string(i % 3) + "}\n";
        lambada += "{\"text\": \"" + context + "\"}\n";
    }
    write_text(file("task.jsonl"), task);
    write_text(file("lambada.jsonl"), lambada);
}

}  // namespace adder::test
