// The terminal in the mode that line editing needs, and back in its own whenever the program does not run.
// SPDX-License-Identifier: MIT
#pragma once

namespace chat {

// Does standard input take keys one by one, and does the terminal on standard error understand how a line is redrawn?
bool can_edit_lines();

// While it is there, standard input gives keys as they are pressed and does not show them; pasted texts are marked. The
// terminal's own mode comes back at the end of this object, at any exit of the process, before a signal ends it (SIGTERM,
// SIGHUP, SIGQUIT, abort and the like), and while it is stopped (Ctrl-Z). One at a time.
class RawMode {
  public:
    RawMode();
    ~RawMode();
    RawMode(const RawMode &) = delete;
    RawMode &operator=(const RawMode &) = delete;

    // While an answer comes, Ctrl-C leaves what has been typed ahead for the next line; otherwise it throws it away.
    void keep_typed_ahead(bool keep);

    // A process in the background stops here, as it would where it reads from its terminal, until it is in the foreground.
    void wait_for_foreground();
};

// Has the window's size changed, or has the process been stopped and continued, since the last call?
bool take_resized();
bool take_continued();
bool resized_or_continued();  // without taking it

}  // namespace chat
