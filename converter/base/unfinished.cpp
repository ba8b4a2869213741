// The paths that are removed when a signal ends the process. A fixed table, and one atomic word an entry: a handler may
// neither allocate nor lock.
// SPDX-License-Identifier: MIT
#include "converter/base/unfinished.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "converter/base/error.h"

namespace adder {

namespace {

enum SlotState : int { slot_free, slot_owned, slot_armed, slot_removing };
struct Slot {
    std::atomic<int> state{slot_free};
    char *path = nullptr;  // its own copy; to be read while the state is armed or removing
};
constexpr size_t slot_count = 32;
Slot slots[slot_count];
static_assert(std::atomic<int>::is_always_lock_free);

}  // namespace

UnfinishedPath::UnfinishedPath(const std::string &output) {
    for (slot_ = 0; slot_ < slot_count; ++slot_) {
        int expected = slot_free;
        if (slots[slot_].state.compare_exchange_strong(expected, slot_owned)) return;
    }
    fail(ExitCode::failure, "cannot write %s: %zu files are being written already", output.c_str(),
         slot_count);
}

void UnfinishedPath::remember(const std::string &path) {
    Slot &slot = slots[slot_];
    slot.path = strdup(path.c_str());
    if (slot.path == nullptr) throw std::bad_alloc();
    slot.state.store(slot_armed);
}

// A slot that a handler is at work on is not given out again: its path must stay readable.
void UnfinishedPath::forget() {
    if (!held_) return;
    held_ = false;
    Slot &slot = slots[slot_];
    int expected = slot_armed;
    if (!slot.state.compare_exchange_strong(expected, slot_owned) && expected != slot_owned) return;
    std::free(slot.path);
    slot.path = nullptr;
    slot.state.store(slot_free);
}

SignalsBlocked::SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void remove_unfinished_files() {
    const int saved = errno;
    for (Slot &slot : slots) {
        int expected = slot_armed;
        if (slot.state.compare_exchange_strong(expected, slot_removing)) unlink(slot.path);
    }
    // Directories, once their files are gone.
    for (Slot &slot : slots)
        if (slot.state.load() == slot_removing) rmdir(slot.path);
    errno = saved;
}

}  // namespace adder
