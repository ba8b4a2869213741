// The command line of adder-chat.
// SPDX-License-Identifier: MIT
#pragma once

#include "settings.h"

#include "host/file_memory.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chat {

struct Options {
    enum class Action { chat, help, version };
    Action action = Action::chat;
    std::string blob;
    std::string isa;         // empty: the best of this CPU
    uint32_t threads = 1;    // 0: one a CPU
    uint32_t context = 0;    // as in adder_options
    std::string constraint;  // a file; empty: answers may be anything
    adder::Pages pages = adder::Pages::mapped;
    bool one_prompt = false;
    std::string prompt;
    std::string prompt_file;  // in place of `prompt`; "-": standard input
    bool json = false;
    bool wrap = true;
    bool stats = false;
    std::optional<std::string> resume;  // the name of a conversation
    std::optional<std::string> cache;   // a folder of states
    std::optional<std::string> system;  // the text that a conversation begins with
    std::vector<std::pair<const Setting *, std::string>> settings;  // valid, in the order given
};

// Failure(usage) with a sentence about the first thing that is wrong.
Options parse_options(int count, char **arguments);

std::string help_text();

}  // namespace chat
