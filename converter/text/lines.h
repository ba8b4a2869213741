// The lines of a text.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

namespace adder {

// Without their ends, "\n" or "\r\n"; what follows the last one is a line, too, unless it is empty.
std::vector<std::string_view> split_lines(std::string_view text);

}  // namespace adder
