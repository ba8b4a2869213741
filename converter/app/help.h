// What is made from the table of commands: help pages, docs/cli.md, shell completion, suggestions.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/app/cli.h"

namespace adder {

// Options that every command has, after its own: -q, --quiet and -h, --help.
const std::vector<Option> &common_options();
// The command's own options, then the common ones that it does not define itself.
std::vector<Option> all_options(const Command &command);

// `help` and `completion`, described like the others; their run is null.
const std::vector<Command> &builtin_commands();

std::string help_overview(const std::vector<Command> &commands);  // `adder help`
std::string help_page(const Command &command);                    // `adder help COMMAND`
std::string help_markdown(const std::vector<Command> &commands);  // docs/cli.md
std::string bash_completion(const std::vector<Command> &commands);

}  // namespace adder
