// How several lines become one message: a block between three quotation marks, or a backslash at the end of a line.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace chat {

struct Message {
    std::string text;
    bool verbatim = false;  // of a block: a text, whatever it begins with
};

// Does what has been typed go on in a further line? Then `typed` ends with the newline in front of it. It does after a
// backslash that stands alone (the newline takes its place), and within a block: from """ at the start of the message to
// """ at the end of a line.
bool goes_on(std::string &typed);

// What has been typed, without the marks around a block and without newlines at the end.
Message message_of(const std::string &typed);

}  // namespace chat
