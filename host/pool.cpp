// The pool of threads: one word that all members watch, and a claim of each member's own.
// SPDX-License-Identifier: MIT
//
// A job is a round: its number goes up by one and is published after the job's fields. Each share of a round is claimed
// once, by compare-and-swap from the number before to its own: by its member, or by the caller if the member is not there
// yet. The fields change only when every share of the round before is claimed and done, so whoever claims has read those
// of the round that it claims; a member that comes late fails to claim. The caller leaves when all shares are done.
//
// A job of fewer tasks than members leaves the last of them alone: they neither claim nor wake up, and the caller claims
// their empty shares. A member may read a round's number with the next one's count, and think itself called or not: its
// share has been claimed then, and it looks again when the number changes.
//
// Whoever sleeps announces it, then looks again; whoever publishes or finishes looks for sleepers after it: all of these
// are sequentially consistent, so one of the two sees the other.
#include "adder/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace {

constexpr uint32_t default_spin_us = 100;
constexpr uint32_t polls_a_clock = 16;
constexpr uint32_t patience = 20;  // polls: longer than a member that spins takes to begin
constexpr size_t line = 128;       // two cache lines, as they are fetched in pairs

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
    __asm__ volatile("yield");
#endif
}

uint64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

uint32_t usable_cpus() {
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<uint32_t>(CPU_COUNT(&set));
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? static_cast<uint32_t>(online) : 1;
}

int bind_to_cpu(pthread_t thread, uint32_t cpu) {
#ifdef __linux__
    if (cpu >= CPU_SETSIZE) return EINVAL;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(thread, sizeof set, &set);
#else
    (void)thread, (void)cpu;
    return ENOTSUP;
#endif
}

struct alignas(line) Member {
    std::atomic<uint32_t> claimed{0};  // the last round of which this member's share was begun
    std::atomic<uint32_t> done{0};     // and finished
    std::atomic<bool> asleep{false};
    adder_pool *pool;
    uint32_t index;
    pthread_t thread;
    pthread_cond_t wake;  // guarded by the pool's mutex
};

}  // namespace

struct adder_pool {
    // Written once a round.
    alignas(line) std::atomic<uint32_t> round{0};
    std::atomic<adder_task> task{nullptr};
    std::atomic<void *> argument{nullptr};
    std::atomic<uint32_t> count{0};

    alignas(line) std::atomic<bool> caller_sleeps{false};
    std::atomic<bool> stopping{false};

    alignas(line) uint32_t size;
    uint32_t started;  // threads that have to be joined
    uint64_t spin_ns;
    pthread_mutex_t mutex;
    pthread_cond_t finished;
    Member *members;  // [size]; the first is the caller
};

namespace {

// One side stores a flag and looks at the other's, the other does the reverse: one of them sees what it has to. A fence, as qemu
// lets a sequentially consistent load of AArch64 pass the store before it.
void store_before_load() { std::atomic_thread_fence(std::memory_order_seq_cst); }

// Polls that many times at most; true if it is ready.
template <typename Ready>
bool poll(uint32_t times, const Ready &ready) {
    for (uint32_t i = 0; i < times; ++i) {
        if (ready()) return true;
        pause_briefly();
    }
    return ready();
}

// Polls until ready() or the time to spin is over; true if it is ready.
template <typename Ready>
bool spin(const adder_pool &pool, const Ready &ready) {
    if (ready()) return true;
    if (pool.spin_ns == 0) return false;
    const uint64_t end = now_ns() + pool.spin_ns;
    do {
        if (poll(polls_a_clock, ready)) return true;
    } while (now_ns() < end);
    return false;
}

bool claim(Member &member, uint32_t round) {
    uint32_t before = round - 1;
    return member.claimed.compare_exchange_strong(before, round);
}

// The fields are read before the claim: they are this round's if it succeeds. An empty share is left to the caller.
bool claim_and_run(adder_pool &pool, Member &member, uint32_t round) {
    const adder_task task = pool.task.load(std::memory_order_relaxed);
    void *const argument = pool.argument.load(std::memory_order_relaxed);
    const uint32_t count = pool.count.load(std::memory_order_relaxed);
    if (member.index >= count || !claim(member, round)) return false;
    for (uint64_t i = member.index; i < count; i += pool.size) task(argument, static_cast<uint32_t>(i));
    return true;
}

void *member_main(void *given) {
    Member &member = *static_cast<Member *>(given);
    adder_pool &pool = *member.pool;
    uint32_t seen = 0;
    const auto is_called = [&] {
        return (pool.round.load() != seen && pool.count.load(std::memory_order_relaxed) > member.index) ||
               pool.stopping.load();
    };
    for (;;) {
        if (!spin(pool, is_called)) {
            pthread_mutex_lock(&pool.mutex);
            member.asleep.store(true);
            store_before_load();
            while (!is_called()) pthread_cond_wait(&member.wake, &pool.mutex);
            member.asleep.store(false);
            pthread_mutex_unlock(&pool.mutex);
        }
        if (pool.stopping.load()) return nullptr;
        seen = pool.round.load();
        if (!claim_and_run(pool, member, seen)) continue;
        member.done.store(seen, std::memory_order_release);
        store_before_load();
        if (pool.caller_sleeps.load()) {
            pthread_mutex_lock(&pool.mutex);
            pthread_cond_signal(&pool.finished);
            pthread_mutex_unlock(&pool.mutex);
        }
    }
}

void stop(adder_pool &pool) {
    pthread_mutex_lock(&pool.mutex);
    pool.stopping.store(true);
    for (uint32_t i = 1; i <= pool.started; ++i) pthread_cond_signal(&pool.members[i].wake);
    pthread_mutex_unlock(&pool.mutex);
    for (uint32_t i = 1; i <= pool.started; ++i) pthread_join(pool.members[i].thread, nullptr);
}

// Returns an errno.
int start(adder_pool &pool, const uint32_t *cpus) {
    for (uint32_t i = 1; i < pool.size; ++i) {
        Member &member = pool.members[i];
        int error = pthread_create(&member.thread, nullptr, member_main, &member);
        if (error != 0) return error;
        pool.started = i;
        if (cpus) error = bind_to_cpu(member.thread, cpus[i]);
        if (error != 0) return error;
    }
    return 0;
}

}  // namespace

extern "C" adder_pool *adder_pool_create(const adder_pool_options *options) {
    static const adder_pool_options defaults{};
    const adder_pool_options &given = options ? *options : defaults;
    const uint32_t cpus = usable_cpus();
    const uint32_t most = ADDER_POOL_MAX_THREADS;
    if (given.threads > most) {
        errno = EINVAL;
        return nullptr;
    }
    const uint32_t size = given.threads ? given.threads : cpus < most ? cpus : most;
    void *memory = nullptr;
    const int error = posix_memalign(&memory, line, sizeof(adder_pool) + size * sizeof(Member));
    if (error != 0) {
        errno = error;
        return nullptr;
    }
    adder_pool *const pool = new (memory) adder_pool;
    pool->size = size;
    pool->started = 0;
    const uint32_t spin_us = given.spin_us ? given.spin_us : size <= cpus ? default_spin_us : 0;
    pool->spin_ns = spin_us == ADDER_POOL_NO_SPIN ? 0 : uint64_t{spin_us} * 1000;
    pthread_mutex_init(&pool->mutex, nullptr);
    pthread_cond_init(&pool->finished, nullptr);
    pool->members = reinterpret_cast<Member *>(pool + 1);
    for (uint32_t i = 0; i < size; ++i) {
        Member *const member = new (pool->members + i) Member;
        member->pool = pool;
        member->index = i;
        pthread_cond_init(&member->wake, nullptr);
    }
    const int failure = start(*pool, given.cpus);
    if (failure == 0) return pool;
    adder_pool_destroy(pool);
    errno = failure;
    return nullptr;
}

extern "C" void adder_pool_destroy(adder_pool *pool) {
    if (!pool) return;
    stop(*pool);
    pthread_cond_destroy(&pool->finished);
    for (uint32_t i = 0; i < pool->size; ++i) pthread_cond_destroy(&pool->members[i].wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

extern "C" uint32_t adder_pool_size(const adder_pool *pool) { return pool->size; }

extern "C" void adder_pool_parallel_for(void *context, adder_task task, void *argument, uint32_t count) {
    adder_pool &pool = *static_cast<adder_pool *>(context);
    if (pool.size == 1 || count <= 1) {
        for (uint32_t i = 0; i < count; ++i) task(argument, i);
        return;
    }
    pool.task.store(task, std::memory_order_relaxed);
    pool.argument.store(argument, std::memory_order_relaxed);
    pool.count.store(count, std::memory_order_relaxed);
    const uint32_t round = pool.round.load(std::memory_order_relaxed) + 1;
    // Not one sequentially consistent store: the members poll this line, and would take it away before that completes.
    pool.round.store(round, std::memory_order_release);
    store_before_load();
    const uint32_t called = count < pool.size ? count : pool.size;
    bool all_awake = true;
    for (uint32_t i = 1; i < called; ++i) {
        if (!pool.members[i].asleep.load()) continue;
        all_awake = false;
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_signal(&pool.members[i].wake);
        pthread_mutex_unlock(&pool.mutex);
    }
    claim_and_run(pool, pool.members[0], round);
    // Then those that nobody has begun. Who is awake begins soon, if it is not left without its line.
    for (uint32_t i = 1; i < called; ++i) {
        Member &member = pool.members[i];
        if (all_awake && poll(patience, [&] { return member.done.load() == round; })) continue;
        if (claim_and_run(pool, member, round)) member.done.store(round, std::memory_order_relaxed);
    }
    for (uint32_t i = called; i < pool.size; ++i) {
        Member &member = pool.members[i];
        if (claim(member, round)) member.done.store(round, std::memory_order_relaxed);
    }
    for (uint32_t i = 1; i < called; ++i) {
        const auto is_done = [&] { return pool.members[i].done.load() == round; };
        if (spin(pool, is_done)) continue;
        pthread_mutex_lock(&pool.mutex);
        pool.caller_sleeps.store(true);
        store_before_load();
        while (!is_done()) pthread_cond_wait(&pool.finished, &pool.mutex);
        pool.caller_sleeps.store(false);
        pthread_mutex_unlock(&pool.mutex);
    }
}
