// The conversation of --resume NAME: a file that is saved after every answer and loaded at the start.
// SPDX-License-Identifier: MIT
//
//     $XDG_STATE_HOME/adder/conversations/NAME.state    as /save writes it (state_file.h)
//     $XDG_STATE_HOME/adder/conversations/NAME.model    the model's name and path, a line each, for people and messages
//
// Where XDG_STATE_HOME is not set, ~/.local/state has its place.
#pragma once

#include "conversation.h"

#include <string>

namespace chat {

class NamedConversation {
  public:
    // Failure(usage) if that is no name: one to 100 bytes, no '/', no control character, no '.' at its beginning.
    // Failure(failure) if its folder cannot be made. The conversation has to stay.
    NamedConversation(const std::string &name, Conversation &conversation);

    // Goes on with it, and says so, or says that it is new. Failure(bad_input) if it is one with another model, or damaged.
    void resume(bool with_system_text);
    // What was saved before stays whole where that fails: Failure(failure), or on a terminal, where there is still /save, a message.
    void save();

  private:
    void check_model() const;

    std::string name_, path_, model_path_;
    Conversation &conversation_;
    bool told_model_ = false;  // NAME.model is written
};

}  // namespace chat
