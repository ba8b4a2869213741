// What was typed before, in this run and in those before it.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace chat {

constexpr size_t max_history_entries = 1000;
constexpr size_t max_history_entry_bytes = size_t{1} << 16;

// The file has a line for each entry, oldest first; a newline is written as \n and a backslash as \\. Several processes may add
// to it at the same time: each adds whole lines, under a lock. Its owner alone may read it. A file that cannot be read or
// written is no error: then entries are those of this run.
class History {
  public:
    // ADDER_HISTORY, or adder/history in XDG_STATE_HOME or ~/.local/state; empty where there is neither.
    static std::string default_path();

    explicit History(const std::string &path);

    const std::vector<std::string> &entries() const { return entries_; }
    // One that is the same as the last, or longer than max_history_entry_bytes, is not added.
    void add(const std::string &entry);

  private:
    void append_to_file(const std::string &line);

    std::string path_;
    std::vector<std::string> entries_;
};

}  // namespace chat
