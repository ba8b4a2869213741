// A text as a model sees it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace adder {

using Tokens = std::vector<int32_t>;  // ids

}  // namespace adder
