// What the options of adder convert say of a conversion's recipe and rules.
// SPDX-License-Identifier: MIT
#include "converter/convert/options.h"

#include "converter/base/error.h"
#include "converter/plan/names.h"

namespace adder {
namespace {

Recipe recipe_of(const Arguments &arguments) {
    Recipe recipe = recipe_named(arguments.choice("recipe", "best", recipe_names()));
    if (arguments.has("weights")) {
        const std::string type = arguments.choice("weights", "", {"int8", "int4", "f32"});
        recipe.set_weights(type == "int8" ? Dtype::int8 : type == "int4" ? Dtype::int4 : Dtype::f32);
    }
    if (arguments.has("keep-codes")) recipe.keep_codes();
    if (arguments.has("granularity"))
        recipe.set_granularity(arguments.choice("granularity", "", {"tensor", "row"}) == "row"
                                   ? Granularity::row
                                   : Granularity::tensor);
    if (arguments.has("acts")) {
        const std::string type = arguments.choice("acts", "", {"int8", "int4", "f32"});
        recipe.set_inputs(type != "f32");
        recipe.set_input_bits(type == "int4" ? 4 : 8);
    }
    const std::string smooth = arguments.text("smooth");
    if (smooth == "auto")
        recipe.search_smoothing();
    else if (smooth == "off")
        recipe.set_smoothing(0);
    else if (arguments.has("smooth"))
        recipe.set_smoothing(static_cast<float>(arguments.number("smooth", 0, 0, 1)));
    return recipe;
}

// Rules of the command line stand before those of files.
std::vector<PlanRule> rules_of(const Arguments &arguments) {
    std::vector<PlanRule> rules;
    for (const std::string &text : arguments.all("set"))
        rules.emplace_back(RuleSource{text, "--set", ExitCode::usage});
    for (const std::string &path : arguments.all("rules"))
        for (PlanRule &rule : read_rules(path)) rules.push_back(std::move(rule));
    return rules;
}

}  // namespace

const std::vector<Option> &recipe_options() {
    static const std::string state =
        "Type of the recurrent state in the arena: f32 or f16, with half the memory and traffic; f16 for " +
        kinds_of_half_states() + " (default: f32).";
    static const std::vector<Option> options = {
        {"recipe", 0, "NAME", false,
         "How to quantize (default best): naive, int8 with one static scale a tensor; smooth, static "
         "with smoothing; static, smoothing and a Hadamard transform; best, one scale a token where "
         "outliers move; small, int4 in_proj and out_proj; smaller, the same with fewer scales; "
         "smallest, int4 embedding and "
         "head, too; float, nothing."},
        {"weights", 0, "TYPE", false,
         "Weights of all linear layers: int8, int4 or f32 (default: the recipe's)."},
        {"keep-codes", 0, nullptr, false,
         "Of a GGUF file: weights of Q4_0 become int4 with the codes and the scales that they have, exactly, where no rule says "
         "otherwise; all others are quantized by the recipe. What would change them, smoothing and Hadamard transforms, is left out "
         "there, and the converter says so. For models that were trained through Q4_0. Not with --rotate."},
        {"acts", 0, "TYPE", false, "Inputs of all linear layers: int8, int4 or f32 (default: the recipe's)."},
        {"granularity", 0, "KIND", false,
         "One scale of int8 weights a row or a tensor (default: the recipe's)."},
        {"set", 0, "RULE", true,
         "Change the plan of some tensors: PATTERN=VALUE[,VALUE...]. Patterns: embedding, head, "
         "layers.*.dt_proj, layers.0-3.{in,out}_proj. Values: int8, int4, f32; scales of the weights "
         "row, "
         "tensor, group=32|64|128|row; int4 by gptq or nearest; "
         "input=static|token|channels|hadamard|float; "
         "act-bits=8|4; scale=absmax|mse|percentile:P; alpha=X|auto|off. The first rule that matches a "
         "tensor wins."},
        {"rules", 0, "FILE", true, "Rules, one a line; they come after those of --set."},
        {"smooth", 0, "ALPHA", false,
         "Smoothing of the inputs with a static scale: off, a strength from 0 to 1, or auto, for each "
         "layer "
         "and place the one that loses least on the calibration text (default: the recipe's)."},
        {"state", 0, "TYPE", false, state.c_str()},
        {"cache", 0, "TYPE", false,
         "Keep keys and values of attention as int8 with a scale for each head and token, as f16 or as f32 "
         "(default: int8; f32 with the recipe float)."},
        {"rotate", 0, nullptr, false,
         "Rotate the residual stream by signs and a Hadamard transform, folded into embedding, in_proj, "
         "out_proj and head: the same model, without outlier channels there. A tied head becomes a "
         "matrix "
         "of its own."},
    };
    return options;
}

void set_recipe(const Arguments &arguments, ConvertOptions *options) {
    options->recipe = recipe_of(arguments);
    options->rules = rules_of(arguments);
    options->rotate = arguments.has("rotate");
    options->keep_codes = arguments.has("keep-codes");
    if (options->rotate && options->keep_codes)
        fail(ExitCode::usage, "--rotate changes all weights, and --keep-codes keeps them: one of the two");
    options->state =
        arguments.choice("state", "f32", {"f32", "f16"}) == "f16" ? StateType::f16 : StateType::f32;
    const std::string cache = arguments.choice("cache", "int8", {"int8", "f16", "f32"});
    options->cache.reset();
    if (arguments.has("cache"))
        options->cache = cache == "int8" ? StateType::int8 : cache == "f16" ? StateType::f16 : StateType::f32;
}

void set_recipe(const std::vector<std::string> &words, ConvertOptions *options) {
    set_recipe(parse_words("convert", recipe_options(), words), options);
}

}  // namespace adder
