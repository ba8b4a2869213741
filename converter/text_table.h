// Tables of text in aligned columns.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace adder {

class TextTable {
  public:
    explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    const std::vector<std::vector<std::string>> &rows() const { return rows_; }  // the header first
    // The first column to the left, the others to the right, two spaces between; every line ends with a line feed.
    std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace adder
