// A terminal's screen, from the bytes that a program wrote to it: as much of it as adder-chat uses.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace adder_test {

class Screen {
  public:
    // `rows` 0: it never scrolls.
    explicit Screen(size_t columns, size_t rows = 0) : columns_(columns), rows_(rows), lines_(1) {}

    // Characters, \r, \n, CSI A, B, C, D, H, J (from the cursor on, or all), and sequences that change nothing here (colours, modes).
    // `line_feed_returns`: \n also goes to the first column, as terminals do for programs that leave output processing on.
    void write(std::string_view bytes, bool line_feed_returns);

    // The lines without blanks at their ends, and without empty ones at the end. A wide character takes two columns.
    std::string text() const;
    size_t row() const { return row_; }
    size_t column() const { return column_; }

  private:
    void put(std::string_view character, size_t width);
    void line_feed();
    void clear_from(size_t row, size_t column);

    size_t columns_, rows_;
    std::vector<std::vector<std::string>> lines_;  // a cell each
    size_t row_ = 0, column_ = 0;                  // column_ == columns_: the next character wraps
};

}  // namespace adder_test
