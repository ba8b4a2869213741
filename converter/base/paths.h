// Paths as text: the last components of one.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace adder {

std::string path_end(std::string path, int parts);  // the last `parts` components of a path
std::string file_name(const std::string &path);     // the last one

}  // namespace adder
