// The one way in which adder-chat fails: a sentence, and the exit code of the process.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

namespace chat {

enum class Exit : int { ok = 0, failure = 1, usage = 2, bad_input = 3 };

class Failure : public std::runtime_error {
  public:
    Failure(Exit code, const std::string &sentence) : std::runtime_error(sentence), code_(code) {}
    Exit code() const { return code_; }

  private:
    Exit code_;
};

}  // namespace chat
