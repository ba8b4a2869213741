// The terminal in the mode that line editing needs, and back in its own.
// SPDX-License-Identifier: MIT
#include "raw_mode.h"

#include "failure.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace chat {
namespace {

// What signal handlers read.
termios own, raw;
volatile sig_atomic_t is_raw = 0, resized = 0, continued = 0;

constexpr char marks_on[] = "\033[?2004h", marks_off[] = "\033[?2004l";  // of pasted texts

void write_all(const char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t count = write(STDERR_FILENO, bytes, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        bytes += count;
        size -= static_cast<size_t>(count);
    }
}

// Another program's terminal, while this one runs in the background, is left alone. None or 0 is in the foreground where the
// terminal controls no jobs, or those of another container.
bool in_foreground() {
    const pid_t group = tcgetpgrp(STDIN_FILENO);
    return group <= 0 || group == getpgrp();
}

void enter() {
    if (!is_raw || !in_foreground()) return;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_all(marks_on, sizeof marks_on - 1);
}

void restore() {
    if (!is_raw || !in_foreground()) return;
    write_all(marks_off, sizeof marks_off - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &own);
}

void at_exit() {
    restore();
    is_raw = 0;
}

// SA_RESETHAND: raised again, the signal does what it does.
void on_end(int signal) {
    at_exit();
    raise(signal);
}

void on_stop(int signal) {
    const int error = errno;
    restore();
    struct sigaction before {};
    struct sigaction stops {};
    stops.sa_handler = SIG_DFL;
    sigaction(signal, &stops, &before);
    raise(signal);
    sigset_t one, mask;
    sigemptyset(&one);
    sigaddset(&one, signal);
    sigprocmask(SIG_UNBLOCK, &one, &mask);  // here it stops, and goes on after SIGCONT
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    sigaction(signal, &before, nullptr);
    errno = error;
}

void on_continue(int) {
    const int error = errno;
    enter();
    continued = 1;
    errno = error;
}

void on_resize(int) { resized = 1; }

// Signals that are ignored, or that a sanitizer handles, stay as they are.
void handle(int signal, void (*handler)(int), int flags) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
    action = {};
    action.sa_handler = handler;
    action.sa_flags =
        flags | SA_RESTART;  // of what is being written nothing is lost; what waits for keys uses pselect()
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

}  // namespace

bool can_edit_lines() {
    const char *const term = std::getenv("TERM");
    return term && *term && std::strcmp(term, "dumb") != 0 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

RawMode::RawMode() {
    if (tcgetattr(STDIN_FILENO, &own) != 0)
        throw Failure(Exit::bad_input, std::string("standard input: ") + std::strerror(errno));
    raw = own;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);  // signals still come from keys
    raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR | IGNCR | ISTRIP);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    static const bool registered = std::atexit(at_exit) == 0;
    static_cast<void>(registered);
    for (const int signal : {SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGSEGV,
                             SIGBUS, SIGFPE, SIGILL, SIGXCPU})
        handle(signal, on_end, static_cast<int>(SA_RESETHAND) | SA_NODEFER);
    handle(SIGTSTP, on_stop, 0);
    handle(SIGCONT, on_continue, 0);
    handle(SIGWINCH, on_resize, 0);
    is_raw = 1;
    enter();
}

RawMode::~RawMode() { at_exit(); }

void RawMode::keep_typed_ahead(bool keep) {
    const tcflag_t flag = NOFLSH;
    raw.c_lflag = keep ? raw.c_lflag | flag : (raw.c_lflag & ~flag) | (own.c_lflag & flag);
    if (in_foreground()) tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void RawMode::wait_for_foreground() {
    if (!in_foreground()) raise(SIGTTIN);
}

bool take_resized() {
    const bool was = resized != 0;
    resized = 0;
    return was;
}

bool take_continued() {
    const bool was = continued != 0;
    continued = 0;
    return was;
}

bool resized_or_continued() { return resized != 0 || continued != 0; }

}  // namespace chat
