// Errors of the host tools: an exception that carries the process's exit code.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

namespace adder {

// Exit codes of every tool, as documented in `adder help`.
enum class ExitCode : int {
    ok = 0,
    failure = 1,      // an operation failed: no space, verification differs, interrupted
    usage = 2,        // the command line is wrong
    bad_input = 3,    // a file cannot be read, is damaged or is not supported
    quality_gate = 4  // the result is worse than the caller allows
};

// Thrown by the host tools only; what() is one sentence that names the file, the item and the numbers.
class Error : public std::runtime_error {
  public:
    Error(ExitCode code, const std::string &message) : std::runtime_error(message), code_(code) {}
    ExitCode code() const { return code_; }

  private:
    ExitCode code_;
};

// A printf-style message; the compiler checks the arguments.
[[gnu::format(printf, 1, 2)]] std::string format(const char *pattern, ...);

// throw Error(code, format(...)).
[[noreturn, gnu::format(printf, 2, 3)]] void fail(ExitCode code, const char *pattern, ...);

// fail(ExitCode::bad_input, ...): by far the most frequent.
[[noreturn, gnu::format(printf, 1, 2)]] void bad_input(const char *pattern, ...);

}  // namespace adder
