// Lines of a label and a text, and numbers as people read them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adder {

// Aligned lines of a label and a text.
class Lines {
  public:
    void add(const std::string &label, const std::string &text);
    const std::string &text() const { return text_; }

  private:
    std::string text_;
};

std::string bytes_text(uint64_t bytes);                        // "13 310 720 bytes (12.7 MiB)"
std::string count_text(uint64_t number);                       // "13 310 720"
std::string list_text(const std::vector<std::string> &items);  // "a, b, c"

}  // namespace adder
