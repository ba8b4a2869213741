// Breaks a text that comes in pieces into lines between words, at the width of a terminal.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace chat {

// A word is held back until it has ended or no longer fits. Where one does not, a newline takes the place of the blanks before
// it; a word that is wider than a line goes on in the next one. Nothing else changes.
class WordWrap {
  public:
    // Takes the next piece and returns what may be shown. `width` in columns, which may differ from call to call; 0: as it is.
    std::string take(std::string_view piece, size_t width);
    // What is held back.
    std::string rest(size_t width);

  private:
    void end_word(std::string &shown, size_t width);

    size_t column_ = 0;    // where the next character stands
    bool joined_ = false;  // word_ goes on with a word that is shown
    std::string blanks_, word_;
    size_t blank_columns_ = 0, word_columns_ = 0;
};

}  // namespace chat
