// The table of what is being written: paths that a signal handler has to remove before the process ends.
// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <cstddef>
#include <string>

namespace adder {

// An entry of the table. At most 32 at a time.
class UnfinishedPath {
  public:
    // Takes an entry, still empty; throws Error(failure) naming `output` if none is free.
    explicit UnfinishedPath(const std::string &output);
    ~UnfinishedPath() { forget(); }
    UnfinishedPath(const UnfinishedPath &) = delete;
    UnfinishedPath &operator=(const UnfinishedPath &) = delete;

    void remember(const std::string &path);  // a file, or a directory that is empty but for paths of the table
    void forget();                           // it is finished, or gone

  private:
    size_t slot_;
    bool held_ = true;
};

// Holds off signals while a file exists that is not in the table yet.
class SignalsBlocked {
  public:
    SignalsBlocked();
    ~SignalsBlocked();
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;

  private:
    sigset_t before_;
};

// Removes all that the table names; async-signal-safe, for the tools' SIGINT and SIGTERM handlers, which have to end the
// process after it.
void remove_unfinished_files();

}  // namespace adder
