// What the commands that run a blob have in common: options for the pages that it lies in, and lists of token ids.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/base/options.h"
#include "host/file_memory.h"

namespace adder {

// The options --prefault and --hugepages of a command that runs a blob, and what they ask for.
extern const Option prefault_option, huge_pages_option;
Pages pages_of(const Arguments &arguments);

// "5,17,3": throws Error(usage) on anything else, or an id outside of the vocabulary.
std::vector<int32_t> parse_ids(const std::string &list, uint32_t vocab_size);

}  // namespace adder
