// What keys were pressed, from the bytes that a terminal sends (ECMA-48, xterm).
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace chat {

enum class Key {
    text,   // bytes to put in as they are
    paste,  // the same, of a bracketed paste: its lines end with newlines
    enter,
    newline,  // Alt-Enter: a new line of the same message
    left,
    right,
    word_left,
    word_right,
    up,
    down,
    home,
    end,
    backspace,
    remove,           // Delete
    remove_or_leave,  // Ctrl-D
    kill_word_left,   // Ctrl-W: back to a blank
    kill_part_left,   // Alt-Backspace: the letters and digits before the cursor
    kill_part_right,  // Alt-D
    kill_line_left,   // Ctrl-U
    kill_line_right,  // Ctrl-K
    yank,             // Ctrl-Y
    clear_screen      // Ctrl-L
};

struct KeyPress {
    Key key;
    std::string text;  // of text and paste
};

// Keys that mean nothing here are dropped. It never waits: a sequence that has not come to its end is continued by the
// next call.
class KeyDecoder {
  public:
    // Appends what the bytes say to `keys`.
    void take(const char *bytes, size_t size, std::vector<KeyPress> &keys);

  private:
    void take_byte(char byte, std::vector<KeyPress> &keys);
    void take_control(char byte, std::vector<KeyPress> &keys);
    void take_after_escape(char byte, std::vector<KeyPress> &keys);
    void end_sequence(std::vector<KeyPress> &keys);

    std::string sequence_;  // from the escape character on
    bool pasting_ = false;
    std::string pasted_;
};

}  // namespace chat
