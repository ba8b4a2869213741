// The command line: one table of commands and options that parsing, help, completion and docs/cli.md are made from.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "converter/base/options.h"

namespace adder {

struct Command {
    const char *name;
    const char *usage;    // "CHECKPOINT -o FILE.adder"
    const char *summary;  // one line
    const char *description;
    std::vector<const char *> examples;  // shown first in the help
    std::vector<Option> options;
    uint32_t min_positional, max_positional;
    int (*run)(const Arguments &arguments);  // returns the exit code; throws Error
};

// Each is defined by the file of its name.
Command convert_command();
Command calibrate_command();
Command inspect_command();
Command export_c_command();
Command constrain_command();
Command run_command();
Command choose_command();
Command verify_command();
Command eval_command();
Command bench_command();
Command outliers_command();
Command study_command();
Command make_random_command();
std::vector<Command> all_commands();  // in the order of the help

// Writes to standard output and flushes it. Throws Error(failure), or what cli_main takes as "the reader has gone".
void print(std::string_view text);

// Parses, runs, reports errors on stderr as "adder convert: ...", and returns the exit code. -h and --help work
// everywhere, and so do -q and --quiet, --option=value and --; short options are not grouped. An option that is given
// twice counts once, the last time. The commands `help` and `completion` come on top of the table's.
int cli_main(const std::vector<Command> &commands, int argc, char **argv);

}  // namespace adder
