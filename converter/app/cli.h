// The command line: one table of commands and options that parsing, help, completion and docs/cli.md are made from.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adder {

struct Option {
    const char *name;      // "calib", used as --calib
    char short_name;       // 'o' for -o; 0 for none
    const char *argument;  // "FILE"; null for a switch
    bool repeatable;
    const char *help;  // one sentence, with the default
};

class Arguments {
  public:
    const std::vector<std::string> &positional() const { return positional_; }
    bool has(const std::string &name) const;
    // The last value given, or `fallback`.
    std::string text(const std::string &name, const std::string &fallback = {}) const;
    std::vector<std::string> all(const std::string &name) const;
    // Throw Error(usage) naming option, value and range.
    int64_t integer(const std::string &name, int64_t fallback, int64_t low, int64_t high) const;
    double number(const std::string &name, double fallback, double low, double high) const;
    // One of `choices`, else Error(usage) listing them.
    std::string choice(const std::string &name, const std::string &fallback,
                       const std::vector<std::string> &choices) const;

  private:
    friend struct CommandLine;
    std::vector<std::string> positional_;
    std::vector<std::pair<std::string, std::string>> options_;
};

struct Command {
    const char *name;
    const char *usage;    // "CHECKPOINT_DIR -o FILE.adder"
    const char *summary;  // one line
    const char *description;
    std::vector<const char *> examples;  // shown first in the help
    std::vector<Option> options;
    uint32_t min_positional, max_positional;
    int (*run)(const Arguments &arguments);  // returns the exit code; throws Error
};

// Each cmd_NAME.cpp defines one.
Command convert_command();
Command calibrate_command();
Command inspect_command();
Command export_c_command();
Command run_command();
Command verify_command();
Command eval_command();
Command bench_command();
Command outliers_command();
Command study_command();
Command make_random_command();
std::vector<Command> all_commands();  // in the order of the help

// Sorts words, as they stand behind a command's name, into options and arguments. Throws Error(usage) naming the word.
Arguments parse_words(const Command &command, const std::vector<std::string> &words);

// Writes to standard output and flushes it. Throws Error(failure), or what cli_main takes as "the reader has gone".
void print(std::string_view text);

// Parses, runs, reports errors on stderr as "adder convert: ...", and returns the exit code. -h and --help work
// everywhere, and so do -q and --quiet, --option=value and --; short options are not grouped. An option that is given
// twice counts once, the last time. The commands `help` and `completion` come on top of the table's.
int cli_main(const std::vector<Command> &commands, int argc, char **argv);

}  // namespace adder
