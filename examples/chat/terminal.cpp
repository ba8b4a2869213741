// Lines, Ctrl-C, colours and sizes with POSIX calls.
// SPDX-License-Identifier: MIT
#include "terminal.h"

#include "failure.h"
#include "raw_mode.h"
#include "word_wrap.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace chat {
namespace {

volatile sig_atomic_t interrupt_flag = 0;

void on_interrupt(int) { interrupt_flag = 1; }

bool wants_colours() {
    const char *no_color = std::getenv("NO_COLOR");
    const char *term = std::getenv("TERM");
    if (no_color && *no_color) return false;
    return isatty(STDERR_FILENO) && term && std::strcmp(term, "dumb") != 0;
}

}  // namespace

// A signal that comes just before it is not missed: it gets through only while pselect() waits.
ssize_t read_or_signal(char *bytes, size_t size) {
    sigset_t waking, before;
    sigemptyset(&waking);
    for (const int signal : {SIGINT, SIGWINCH, SIGCONT}) sigaddset(&waking, signal);
    sigprocmask(SIG_BLOCK, &waking, &before);
    fd_set input;
    FD_ZERO(&input);
    FD_SET(STDIN_FILENO, &input);
    errno = EINTR;
    ssize_t count = -1;
    if (!interrupted() && !resized_or_continued() &&
        pselect(STDIN_FILENO + 1, &input, nullptr, nullptr, nullptr, &before) >= 0) {
        count = read(STDIN_FILENO, bytes, size);
    }
    const int error = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return count;
}

Input LineReader::next(std::string &line) {
    for (;;) {
        const size_t newline = buffer_.find('\n', searched_);
        if (newline != std::string::npos || (at_end_ && (!buffer_.empty() || skipping_))) {
            const size_t used = newline == std::string::npos ? buffer_.size() : newline;
            line.assign(buffer_, 0, used);
            if (!line.empty() && line.back() == '\r') line.pop_back();
            buffer_.erase(0, newline == std::string::npos ? used : used + 1);
            searched_ = 0;
            const bool too_long = skipping_ || used > limit_;
            skipping_ = false;
            return too_long ? Input::too_long : Input::line;
        }
        if (buffer_.size() > limit_) {
            buffer_.clear();
            skipping_ = true;
        }
        if (at_end_) return Input::end;
        searched_ = buffer_.size();
        char bytes[4096];
        const ssize_t count = read_or_signal(bytes, sizeof bytes);
        if (count > 0) {
            buffer_.append(bytes, static_cast<size_t>(count));
        } else if (count == 0) {
            at_end_ = true;
        } else if (errno != EINTR) {
            throw Failure(Exit::bad_input, std::string("standard input: ") + std::strerror(errno));
        } else if (interrupted()) {
            buffer_.clear();
            searched_ = 0;
            return Input::interrupted;
        }
    }
}

TerminalSize terminal_size(int descriptor) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) size = {};
    return {size.ws_col > 0 ? size.ws_col : size_t{80}, size.ws_row > 0 ? size.ws_row : size_t{24}};
}

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags =
        SA_RESTART;  // of what is being written nothing is lost; read_or_signal() returns all the same
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return interrupt_flag != 0; }
void clear_interrupt() { interrupt_flag = 0; }

const Colours &colours() {
    static const Colours chosen =
        wants_colours() ? Colours{"\033[1;32m", "\033[2m", "\033[31m", "\033[0m"} : Colours{"", "", "", ""};
    return chosen;
}

void show_prompt(const char *text) {
    std::fprintf(stderr, "%s%s%s", colours().prompt, text, colours().reset);
}

void show_note(const std::string &text) {
    WordWrap wrap;
    const size_t width = isatty(STDERR_FILENO) ? terminal_size(STDERR_FILENO).columns : 0;
    std::string lines = wrap.take(text, width);
    lines += wrap.rest(width);
    std::fprintf(stderr, "%s%s%s\n", colours().dim, lines.c_str(), colours().reset);
}

void show_error(const std::string &text) {
    std::fprintf(stderr, "%sadder-chat: %s%s\n", colours().error, text.c_str(), colours().reset);
}

}  // namespace chat
