// The terminal's side of a chat: lines in, Ctrl-C, colours, its size.
// SPDX-License-Identifier: MIT
#pragma once

#include "line_view.h"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace chat {

enum class Input { line, end, interrupted, too_long };

// read() of standard input; fails with EINTR when Ctrl-C, a new size of the window or a continuation came before it or wakes it.
ssize_t read_or_signal(char *bytes, size_t size);

// Reads standard input a line at a time, straight from the descriptor, so that Ctrl-C gets through at once.
class LineReader {
  public:
    // Of a line of more than `limit` bytes nothing is kept: Input::too_long.
    explicit LineReader(size_t limit = SIZE_MAX) : limit_(limit) {}

    // The next line without its line ending; the last one may lack it. Failure(bad_input) if reading fails.
    Input next(std::string &line);

  private:
    size_t limit_;
    std::string buffer_;
    bool skipping_ = false;  // the rest of a line that is too long
    size_t searched_ = 0;    // bytes at the start of buffer_ that hold no line ending
    bool at_end_ = false;
};

// Of the terminal behind a descriptor; 80 columns of 24 rows if it does not say.
TerminalSize terminal_size(int descriptor);

// From here on Ctrl-C sets a flag instead of ending the process, and wakes a waiting LineReader.
void catch_interrupts();
bool interrupted();
void clear_interrupt();

// Escape sequences for messages on stderr; empty unless it is a terminal that wants colours
// (https://no-color.org).
struct Colours {
    const char *prompt;
    const char *dim;
    const char *error;
    const char *reset;
};
const Colours &colours();

// Shows prompt text or a note on stderr, the note dimmed and on lines of its own, which on a terminal are broken between words.
void show_prompt(const char *text);
void show_note(const std::string &text);
void show_error(const std::string &text);

}  // namespace chat
