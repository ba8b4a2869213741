// By what, where and when a page was made.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "converter/base/options.h"

namespace adder {

// "Made by `adder study a b --out c` with adder 0.1.0 on an AMD EPYC, 2 CPUs, on 29 November 2026." With SOURCE_DATE_EPOCH in
// the environment that is the date, and the machine is not named: the same page comes everywhere.
std::string made_sentence(const char *command, const Arguments &arguments);

}  // namespace adder
