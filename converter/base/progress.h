// Progress of long work on standard error: one redrawn line on a terminal, a line every 10 % otherwise.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace adder {

// Thread-safe. Nothing is shown for work that takes less than half a second, or after Progress::quiet(true). Of
// work within other work, the outer is shown.
class Progress {
  public:
    Progress(const std::string &what, uint64_t total);
    ~Progress();  // ends the line
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;
    void advance(uint64_t by = 1);
    static void quiet(bool on);

  private:
    struct Shared;
    Shared *shared_;
};

// Set by SIGINT and SIGTERM after install_interrupt_handler(); long work polls throw_if_interrupted between pieces.
// The handler removes unfinished files and exits at the second signal.
void install_interrupt_handler();
bool interrupted();
void throw_if_interrupted();  // Error(failure, "interrupted")

}  // namespace adder
