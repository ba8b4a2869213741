// Runs programs as a user does: from a shell's pipes, or on a terminal of its own.
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <vector>

namespace adder_test {

struct Result {
    int code = -1;  // of exit; 128 + signal if one ended it
    std::string out, err;
};

// Runs arguments[0] to its end with `input` on standard input. `environment`: "NAME=value" in addition to this
// process's.
Result run(const std::vector<std::string> &arguments, const std::string &input = {},
           const std::vector<std::string> &environment = {});

// A program on a pseudo terminal. Its standard output is kept apart from what it shows there only by the reader's eye.
class Terminal {
  public:
    // The environment has TERM=xterm and ADDER_HISTORY=, unless `environment` says otherwise.
    Terminal(const std::vector<std::string> &arguments, const std::vector<std::string> &environment = {},
             unsigned short columns = 80, unsigned short rows = 24);
    ~Terminal();
    Terminal(const Terminal &) = delete;
    Terminal &operator=(const Terminal &) = delete;

    void type(const std::string &keys);
    void resize(unsigned short columns, unsigned short rows);
    void send(int signal);
    // The mode that the program has left the terminal in.
    termios mode() const;
    // Reads until `text` has been shown since the last wait; false if the program ended or a minute went by.
    bool wait_for(const std::string &text);
    bool wait_for_anything();
    // The exit code, as in Result.
    int wait_for_end();
    bool is_shown(const std::string &text) const { return shown_.find(text) != std::string::npos; }
    const std::string &shown() const { return shown_; }

  private:
    bool read_more();
    int controller_ = -1;
    pid_t child_ = -1;
    std::string shown_;
    size_t seen_ = 0;
};

// A folder that is removed with all it holds.
class Folder {
  public:
    Folder();
    ~Folder();
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    std::string file(const std::string &name) const { return path_ + "/" + name; }
    const std::string &path() const { return path_; }

  private:
    std::string path_;
};

std::string read_file(const std::string &path);
void write_file(const std::string &path, const std::string &bytes);

}  // namespace adder_test
