// Tables of text: in aligned columns, as Markdown; and the fields of CSV.
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
    // The same for Markdown (GitHub's tables).
    std::string markdown() const;
    // The same as CSV (RFC 4180).
    std::string csv() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

// A field of CSV (RFC 4180): in quotes where it has to be.
std::string csv_field(const std::string &text);

}  // namespace adder
