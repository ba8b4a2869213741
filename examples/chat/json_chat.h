// --json: a conversation as lines of JSON, for programs. docs/chat.md is its reference.
// SPDX-License-Identifier: MIT
#pragma once

#include "conversation.h"

#include <string>

namespace chat {

// A line of standard input that is longer is an error, and skipped.
constexpr size_t max_json_line = size_t{16} << 20;

// Answers line after line of standard input; a line that is wrong is answered by an error. With `prompt` it answers that alone,
// and an error is a Failure, too.
void converse_in_json(Conversation &conversation, const std::string *prompt);

}  // namespace chat
