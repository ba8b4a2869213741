// What the options of adder convert say of a conversion's recipe and rules.
// SPDX-License-Identifier: MIT
#include "converter/convert/options.h"

#include "converter/base/error.h"

namespace adder {
namespace {

Recipe recipe_of(const Arguments &arguments) {
    Recipe recipe = recipe_named(arguments.choice("recipe", "best", recipe_names()));
    if (arguments.has("weights")) {
        const std::string type = arguments.choice("weights", "", {"int8", "int4", "f32"});
        recipe.set_weights(type == "int8" ? Dtype::int8 : type == "int4" ? Dtype::int4 : Dtype::f32);
    }
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

void set_recipe(const Arguments &arguments, ConvertOptions *options) {
    options->recipe = recipe_of(arguments);
    options->rules = rules_of(arguments);
    options->rotate = arguments.has("rotate");
}

void set_recipe(const std::vector<std::string> &words, ConvertOptions *options) {
    set_recipe(parse_words(convert_command(), words), options);
}

}  // namespace adder
