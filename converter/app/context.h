// The option --context of the commands that make a session, or say what one takes.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/base/options.h"

namespace adder {

extern const Option context_option;

// adder_options.context: 0 where the option is not given.
uint32_t context_of(const Arguments &arguments);

}  // namespace adder
