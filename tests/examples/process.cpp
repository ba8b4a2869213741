// Processes, pseudo terminals and temporary folders for the tests, with POSIX calls.
// SPDX-License-Identifier: MIT
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace adder_test {
namespace {

constexpr int patience_ms = 60000;

[[noreturn]] void execute(const std::vector<std::string> &arguments,
                          const std::vector<std::string> &environment) {
    std::vector<char *> pointers;
    for (const std::string &argument : arguments) pointers.push_back(const_cast<char *>(argument.c_str()));
    pointers.push_back(nullptr);
    for (const std::string &entry : environment) putenv(const_cast<char *>(entry.c_str()));
    execv(pointers[0], pointers.data());
    _exit(127);
}

int end_of(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void redirect(int descriptor, const std::string &path, int flags) {
    const int opened = open(path.c_str(), flags, 0600);
    if (opened < 0 || dup2(opened, descriptor) < 0) _exit(126);
}

}  // namespace

Result run(const std::vector<std::string> &arguments, const std::string &input,
           const std::vector<std::string> &environment) {
    const Folder folder;
    write_file(folder.file("in"), input);
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child == 0) {
        redirect(STDIN_FILENO, folder.file("in"), O_RDONLY);
        redirect(STDOUT_FILENO, folder.file("out"), O_WRONLY | O_CREAT);
        redirect(STDERR_FILENO, folder.file("err"), O_WRONLY | O_CREAT);
        execute(arguments, environment);
    }
    Result result;
    result.code = end_of(child);
    result.out = read_file(folder.file("out"));
    result.err = read_file(folder.file("err"));
    return result;
}

Terminal::Terminal(const std::vector<std::string> &arguments, const std::vector<std::string> &environment,
                   unsigned short columns, unsigned short rows) {
    controller_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (controller_ < 0 || grantpt(controller_) != 0 || unlockpt(controller_) != 0) {
        throw std::runtime_error("no pseudo terminal");
    }
    const std::string name = ptsname(controller_);
    resize(columns, rows);
    std::vector<std::string> all{"TERM=xterm", "ADDER_HISTORY="};
    all.insert(all.end(), environment.begin(), environment.end());
    child_ = fork();
    if (child_ < 0) throw std::runtime_error("fork");
    if (child_ == 0) {
        setsid();
        const int terminal = open(name.c_str(), O_RDWR);
        if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0) _exit(126);
        for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(terminal, descriptor);
        if (terminal > STDERR_FILENO) close(terminal);
        execute(arguments, all);
    }
}

Terminal::~Terminal() {
    if (child_ > 0) {
        kill(child_, SIGKILL);
        end_of(child_);
    }
    if (controller_ >= 0) close(controller_);
}

// Reads meanwhile: a program that waits for its output to be read reads nothing itself.
void Terminal::type(const std::string &keys) {
    for (size_t done = 0; done < keys.size();) {
        pollfd ready{controller_, POLLIN | POLLOUT, 0};
        if (poll(&ready, 1, patience_ms) <= 0) throw std::runtime_error("typing");
        if ((ready.revents & POLLIN) != 0 && !read_more()) throw std::runtime_error("typing: it has ended");
        if ((ready.revents & POLLOUT) == 0) continue;
        const ssize_t count =
            write(controller_, keys.data() + done, std::min<size_t>(1024, keys.size() - done));
        if (count < 0) throw std::runtime_error("typing");
        done += static_cast<size_t>(count);
    }
}

void Terminal::resize(unsigned short columns, unsigned short rows) {
    winsize size{};
    size.ws_col = columns;
    size.ws_row = rows;
    if (ioctl(controller_, TIOCSWINSZ, &size) != 0) throw std::runtime_error("no size");
}

void Terminal::send(int signal) {
    if (kill(child_, signal) != 0) throw std::runtime_error("no signal");
}

termios Terminal::mode() const {
    termios mode{};
    if (tcgetattr(controller_, &mode) != 0) throw std::runtime_error("no mode");
    return mode;
}

bool Terminal::read_more() {
    pollfd ready{controller_, POLLIN, 0};
    if (poll(&ready, 1, patience_ms) <= 0) {
        kill(child_, SIGKILL);  // it will not end by itself
        return false;
    }
    char bytes[4096];
    const ssize_t count = read(controller_, bytes, sizeof bytes);
    if (count <= 0) return false;  // EIO: the other side is closed
    shown_.append(bytes, static_cast<size_t>(count));
    return true;
}

bool Terminal::wait_for(const std::string &text) {
    for (;;) {
        const size_t found = shown_.find(text, seen_);
        if (found != std::string::npos) {
            seen_ = found + text.size();
            return true;
        }
        if (!read_more()) return false;
    }
}

bool Terminal::wait_for_anything() {
    if (shown_.size() == seen_ && !read_more()) return false;
    seen_ = shown_.size();
    return true;
}

int Terminal::wait_for_end() {
    while (read_more()) {
    }
    const pid_t child = child_;
    child_ = -1;
    return end_of(child);
}

Folder::Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "adder-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path_ = pattern;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::string &path, const std::string &bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw std::runtime_error("cannot write " + path);
}

}  // namespace adder_test
