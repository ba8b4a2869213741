// What the options of adder convert say of a conversion's recipe and rules: --recipe, --weights, --acts, --granularity,
// --set, --rules, --smooth and --rotate.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/base/options.h"
#include "converter/convert/convert.h"

namespace adder {

const std::vector<Option> &recipe_options();

// Sets recipe and rules. Throws Error(usage) naming the option.
void set_recipe(const Arguments &arguments, ConvertOptions *options);
// The same from words as they stand on a command line.
void set_recipe(const std::vector<std::string> &words, ConvertOptions *options);

}  // namespace adder
