// A line being edited: keys in, text and cursor out. It knows no terminal.
// SPDX-License-Identifier: MIT
#pragma once

#include "keys.h"

#include <string>
#include <vector>

namespace chat {

// What would make a text longer is not taken.
constexpr size_t max_edited_bytes = size_t{16} << 20;

class LineEditor {
  public:
    enum class Result { editing, submitted, left };  // left: Ctrl-D without a text

    // Begins with an empty text; `history`, oldest first, has to stay until it is submitted.
    void begin(const std::vector<std::string> &history);
    Result press(const KeyPress &press);

    const std::string &text() const { return text_; }
    size_t cursor() const { return cursor_; }  // in bytes; never within a character

  private:
    enum class Cut { other, left, right };

    void insert(const std::string &bytes);
    void remove(size_t begin, size_t end);
    void kill(size_t begin, size_t end, Cut direction);
    void show_entry(size_t index);
    void up();
    void down();
    void move_within(size_t begin, size_t offset);
    size_t line_begin() const;
    size_t line_end() const;
    size_t word_left() const;
    size_t word_right() const;

    std::string text_;
    size_t cursor_ = 0;
    std::string killed_;         // what Ctrl-Y puts in
    Cut last_cut_ = Cut::other;  // cuts in a row are one text
    const std::vector<std::string> *history_ = nullptr;
    size_t entry_ = 0;   // of the history; its size: the text of this line
    std::string draft_;  // that text while an entry is shown
};

}  // namespace chat
