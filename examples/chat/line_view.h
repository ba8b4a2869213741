// Shows a line being edited on a terminal: what to write so that text and cursor stand where they belong.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

struct TerminalSize {
    size_t columns, rows;
};

// A row of the screen: text[begin, end) from column `indent` on, up to column `columns`.
struct ScreenRow {
    size_t begin, end, indent, columns;
};

// The rows that `text` takes, of which those after a newline begin `indent` columns to the right, as the first one does behind
// the prompt. There is a row for a cursor at the end, too.
std::vector<ScreenRow> screen_rows(std::string_view text, size_t columns, size_t indent);

// The characters as they are shown: control characters as ^X, tabs as blanks, a byte that is no character as U+FFFD.
std::string visible(std::string_view text);

class LineView {
  public:
    // `prompt` is written as it is (with its colours), and is `prompt_columns` wide.
    LineView(std::string prompt, size_t prompt_columns)
        : prompt_(std::move(prompt)), prompt_columns_(prompt_columns) {}

    // Bytes that put this text in place of what was shown before. Of a text that is higher than the terminal the rows
    // around the cursor are shown.
    std::string show(std::string_view text, size_t cursor, TerminalSize size);
    // Bytes that leave the text as it stands, and the cursor at the beginning of the row below.
    std::string finish(std::string_view text, TerminalSize size);
    // Bytes that clear the terminal; show() comes next.
    std::string clear();
    // What was shown is gone: show() begins where the cursor stands.
    void forget() { shown_.clear(); }

  private:
    std::string back_to_top(size_t columns) const;

    std::string prompt_;
    size_t prompt_columns_;
    std::vector<ScreenRow> shown_;  // the rows on the screen; empty: none
    size_t cursor_row_ = 0, cursor_column_ = 0;
    size_t first_ = 0;  // of all rows, the one at the top
};

}  // namespace chat
