// What the options of adder convert say of a conversion's recipe and rules: --recipe, --weights, --acts, --granularity,
// --smooth, --set and --rules.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/app/cli.h"
#include "converter/convert/convert.h"

namespace adder {

// Sets recipe and rules. Throws Error(usage) naming the option.
void set_recipe(const Arguments &arguments, ConvertOptions *options);
// The same from words as they stand on a command line.
void set_recipe(const std::vector<std::string> &words, ConvertOptions *options);

}  // namespace adder
