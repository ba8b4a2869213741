// The user's messages, from wherever standard input comes: a pipe, a plain terminal, or one that lines are edited on.
// SPDX-License-Identifier: MIT
#pragma once

#include "history.h"
#include "line_editor.h"
#include "line_view.h"
#include "message_form.h"
#include "raw_mode.h"
#include "terminal.h"

#include <memory>
#include <string>
#include <vector>

namespace chat {

class MessageReader {
  public:
    // On a terminal it prompts, several lines may be one message, and Ctrl-C at the prompt is Input::interrupted. From a
    // pipe a line is a message. Lines are edited where can_edit_lines().
    explicit MessageReader(bool on_terminal);
    ~MessageReader();

    // The next message. After Input::interrupted and Input::end the cursor stands on a line of its own.
    Input next(Message &message);

    // While an answer comes, what is typed is kept for the next line.
    void answering(bool on);

  private:
    struct Editing;

    Input next_lines(std::string &typed);
    Input next_edited(std::string &typed);

    bool on_terminal_;
    LineReader lines_;
    std::unique_ptr<Editing> editing_;
};

}  // namespace chat
