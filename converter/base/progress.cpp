// Progress on standard error, and the tools' handling of SIGINT and SIGTERM.
// SPDX-License-Identifier: MIT
#include "converter/base/progress.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "converter/base/error.h"
#include "converter/base/unfinished.h"

namespace adder {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double silent_seconds = 0.5;  // shorter work shows nothing
constexpr double redraw_seconds = 0.1;  // on a terminal

std::atomic<bool> is_quiet{false};
std::atomic<int> alive{0};  // of class Progress
std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler uses it");

// "12 s", "3:04 min" or "2:10 h"
std::string duration_text(double seconds) {
    const auto whole = static_cast<long long>(std::min(seconds, 1e9) + 0.5);
    if (whole < 60) return format("%lld s", whole);
    if (whole < 3600) return format("%lld:%02lld min", whole / 60, whole % 60);
    return format("%lld:%02lld h", whole / 3600, whole / 60 % 60);
}

}  // namespace

struct Progress::Shared {
    Shared(const std::string &name, uint64_t count, bool is_terminal)
        : what(name), total(count), terminal(is_terminal) {}

    const std::string what;
    const uint64_t total;
    const bool terminal;
    const bool inner = alive.fetch_add(1) > 0;
    const Clock::time_point start = Clock::now();
    std::atomic<uint64_t> done{0};
    std::atomic<int64_t> next_draw_ms{static_cast<int64_t>(silent_seconds * 1e3)};  // after the start
    std::mutex mutex;                                                               // guards what follows
    uint64_t tenths = 0;  // of the last line, where it is no terminal
    bool drawn = false;

    double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }

    void draw(uint64_t now_done, double elapsed) {
        const double fraction =
            total > 0 ? std::min(1.0, static_cast<double>(now_done) / static_cast<double>(total)) : 1;
        const auto percent = static_cast<unsigned>(fraction * 100);
        if (!terminal) {
            const uint64_t now_tenths = percent / 10;
            if (now_tenths <= tenths) return;
            tenths = now_tenths;
            std::fprintf(stderr, "%s: %u %%\n", what.c_str(), percent);
            return;
        }
        const std::string left = fraction > 0 && fraction < 1
                                     ? ", " + duration_text(elapsed * (1 - fraction) / fraction) + " left"
                                     : "";
        std::fprintf(stderr, "\r%s: %u %%%s\033[K", what.c_str(), percent, left.c_str());
        std::fflush(stderr);
        drawn = true;
    }
};

Progress::Progress(const std::string &what, uint64_t total)
    : shared_(new Shared(what, total, isatty(STDERR_FILENO) == 1)) {}

Progress::~Progress() {
    if (shared_->drawn)
        std::fprintf(stderr, "\r%s: %s in %s\033[K\n", shared_->what.c_str(),
                     shared_->done >= shared_->total ? "done" : "stopped",
                     duration_text(shared_->seconds()).c_str());
    delete shared_;
    alive.fetch_sub(1);
}

void Progress::advance(uint64_t by) {
    Shared &s = *shared_;
    const uint64_t now_done = s.done.fetch_add(by, std::memory_order_relaxed) + by;
    if (s.inner || is_quiet.load(std::memory_order_relaxed)) return;
    const double elapsed = s.seconds();
    const auto elapsed_ms = static_cast<int64_t>(elapsed * 1e3);
    if (elapsed_ms < s.next_draw_ms.load(std::memory_order_relaxed)) return;
    std::unique_lock<std::mutex> lock(s.mutex, std::defer_lock);
    if (now_done >= s.total) {
        lock.lock();  // the last line is never left out
    } else if (!lock.try_lock()) {
        return;  // another thread is drawing
    }
    if (s.terminal)
        s.next_draw_ms.store(elapsed_ms + static_cast<int64_t>(redraw_seconds * 1e3),
                             std::memory_order_relaxed);
    s.draw(s.done.load(std::memory_order_relaxed), elapsed);
}

void Progress::quiet(bool on) { is_quiet.store(on, std::memory_order_relaxed); }

extern "C" {
static void on_interrupt(int) {
    if (signals_seen.fetch_add(1) == 0) return;
    remove_unfinished_files();
    _exit(static_cast<int>(ExitCode::failure));
}
}

void install_interrupt_handler() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    // No SA_RESTART: reading the standard input ends at the first signal.
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

bool interrupted() { return signals_seen.load(std::memory_order_relaxed) > 0; }

void throw_if_interrupted() {
    if (interrupted()) fail(ExitCode::failure, "interrupted");
}

}  // namespace adder
