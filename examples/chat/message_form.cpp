// How several lines become one message.
// SPDX-License-Identifier: MIT
#include "message_form.h"

namespace chat {
namespace {

const std::string mark = "\"\"\"";

bool begins_block(const std::string &typed) { return typed.rfind(mark, 0) == 0; }

// Blanks may follow the closing mark.
size_t end_of_text(const std::string &typed) { return typed.find_last_not_of(" \t\r\n") + 1; }

bool block_is_closed(const std::string &typed) {
    const size_t end = end_of_text(typed);
    return end >= 2 * mark.size() && typed.compare(end - mark.size(), mark.size(), mark) == 0;
}

}  // namespace

bool goes_on(std::string &typed) {
    if (begins_block(typed)) {
        if (block_is_closed(typed)) return false;
        typed += '\n';
        return true;
    }
    const size_t backslashes = typed.size() - (typed.find_last_not_of('\\') + 1);
    if (backslashes % 2 == 0) return false;
    typed.back() = '\n';
    return true;
}

Message message_of(const std::string &typed) {
    if (!begins_block(typed) || !block_is_closed(typed))
        return {typed.substr(0, typed.find_last_not_of('\n') + 1), false};
    std::string text = typed.substr(mark.size(), end_of_text(typed) - 2 * mark.size());
    if (!text.empty() && text.front() == '\n') text.erase(0, 1);
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return {text, true};
}

}  // namespace chat
