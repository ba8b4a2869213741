// The option --context.
// SPDX-License-Identifier: MIT
#include "converter/app/context.h"

#include "runtime/arena.h"

namespace adder {

const Option context_option = {
    "context", 0, "N", false,
    "Of a model whose attention sees all of a text, tokens that there is room for, 1 to 16777216 (default: 2048, or fewer "
    "where the model was made for fewer)."};

uint32_t context_of(const Arguments &arguments) {
    return static_cast<uint32_t>(arguments.integer("context", 0, 1, max_context));
}

}  // namespace adder
