// A command of the tool adder, run in this process as a user calls it.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "converter/app/cli.h"

namespace adder::test {

struct Outcome {
    int code;
    std::string out, err;  // standard output and error
};

inline Outcome run_command(const std::vector<Command> &commands, std::vector<std::string> words) {
    words.insert(words.begin(), "adder");
    std::vector<char *> argv;
    for (std::string &word : words) argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = cli_main(commands, static_cast<int>(argv.size()), argv.data());
    return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

// {"convert", "DIR", "-o", "FILE"}
inline Outcome adder_command(std::vector<std::string> words) {
    return run_command(all_commands(), std::move(words));
}

}  // namespace adder::test
