// The commands of a conversation: lines that begin with a slash.
// SPDX-License-Identifier: MIT
#pragma once

#include "conversation.h"

#include <string>

namespace chat {

bool is_command(const std::string &line);

// What a line that is no command says: "//etc" is the text "/etc".
std::string text_of(const std::string &line);

enum class Next {
    line,   // read the next line
    again,  // *message is to be answered
    raw,    // *message is to be continued as it stands
    leave
};

// Carries out a command; *message is the text that was continued last, if there is one. What it has to say goes to stderr; a command that fails says why, and changes
// nothing.
Next run_command(const std::string &line, Conversation &conversation, std::string *message);

}  // namespace chat
