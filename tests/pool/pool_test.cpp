// The pool that comes with the library: every index once, its own share for each member, and nobody waits for a sleeper.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include "adder/pool.h"

namespace {

using Pool = std::unique_ptr<adder_pool, void (*)(adder_pool *)>;

Pool make_pool(uint32_t threads, uint32_t spin_us = 0, const uint32_t *cpus = nullptr) {
    adder_pool_options options{};
    options.threads = threads;
    options.spin_us = spin_us;
    options.cpus = cpus;
    return {adder_pool_create(&options), adder_pool_destroy};
}

// A job of a function object.
template <typename Task>
void run(const Pool &pool, uint32_t count, Task task) {
    adder_pool_parallel_for(
        pool.get(), [](void *given, uint32_t index) { (*static_cast<Task *>(given))(index); }, &task, count);
}

TEST(Pool, CallsEveryIndexOnce) {
    for (const uint32_t spin_us : {0u, 1u, ADDER_POOL_NO_SPIN}) {
        for (const uint32_t threads : {1u, 2u, 3u, 8u, 33u}) {
            const Pool pool = make_pool(threads, spin_us);
            ASSERT_TRUE(pool);
            EXPECT_EQ(adder_pool_size(pool.get()), threads);
            for (const uint32_t count : {0u, 1u, 2u, 3u, 7u, 64u, 1000u}) {
                std::vector<std::atomic<int>> calls(count);
                run(pool, count, [&](uint32_t index) { ++calls[index]; });
                for (const std::atomic<int> &call : calls) ASSERT_EQ(call.load(), 1);
            }
        }
    }
}

TEST(Pool, DefaultsAreOneMemberACpu) {
    const Pool pool(adder_pool_create(nullptr), adder_pool_destroy);
    ASSERT_TRUE(pool);
    EXPECT_GE(adder_pool_size(pool.get()), 1u);
#ifdef __linux__
    cpu_set_t before, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    EXPECT_EQ(adder_pool_size(pool.get()), std::min(256u, static_cast<uint32_t>(CPU_COUNT(&before))));
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
        if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    const uint32_t alone = adder_pool_size(make_pool(0).get());
    ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
    EXPECT_EQ(alone, 1u);
#endif
}

TEST(Pool, OutOfRange) {
    errno = 0;
    EXPECT_FALSE(make_pool(257));
    EXPECT_EQ(errno, EINVAL);
    EXPECT_TRUE(make_pool(256));
    adder_pool_destroy(nullptr);
}

TEST(Pool, SharesAreCutStatically) {
    const Pool pool = make_pool(4);
    // All four wait for each other, so that four threads take part, and none takes another's share.
    std::vector<std::thread::id> owners(11);
    std::atomic<uint32_t> arrived{0};
    run(pool, 11, [&](uint32_t index) {
        owners[index] = std::this_thread::get_id();
        if (index >= 4) return;
        ++arrived;
        while (arrived.load() < 4) std::this_thread::yield();
    });
    EXPECT_EQ(owners[0], std::this_thread::get_id());
    for (size_t i = 4; i < owners.size(); ++i) EXPECT_EQ(owners[i], owners[i - 4]) << i;
    for (size_t i = 1; i < 4; ++i) EXPECT_NE(owners[i], owners[i - 1]) << i;
}

TEST(Pool, ManySmallRounds) {
    for (const uint32_t threads : {2u, 4u, 16u}) {
        for (const uint32_t spin_us : {5u, 100u, ADDER_POOL_NO_SPIN}) {
            const Pool pool = make_pool(threads, spin_us);
            uint64_t sum = 0;  // plain: what tasks wrote is visible when a round is over
            std::vector<uint64_t> parts(threads);
            const uint64_t rounds = threads > 4 ? 500 : 5000;
            for (uint64_t round = 0; round < rounds; ++round) {
                run(pool, threads, [&](uint32_t index) { parts[index] = round + index; });
                for (const uint64_t part : parts) sum += part;
            }
            EXPECT_EQ(sum, threads * (rounds * (rounds - 1) / 2) + rounds * (threads * (threads - 1) / 2));
        }
    }
}

// Members without a share in one job have one in the next: awake, asleep, or on the way there.
TEST(Pool, JobsOfChangingSize) {
    for (const uint32_t threads : {2u, 4u, 16u}) {
        for (const uint32_t spin_us : {5u, 100u, ADDER_POOL_NO_SPIN}) {
            const Pool pool = make_pool(threads, spin_us);
            std::vector<uint32_t> calls(2 * threads + 1);
            uint32_t random = 1;
            for (uint32_t round = 0; round < (threads > 4 ? 500u : 5000u); ++round) {
                random = random * 1664525u + 1013904223u;
                const uint32_t count = 1 + (random >> 16) % (round % 64 < 32 ? 2 : 2 * threads);
                std::fill(calls.begin(), calls.end(), 0u);
                run(pool, count, [&](uint32_t index) { ++calls[index]; });
                for (uint32_t i = 0; i < calls.size(); ++i) ASSERT_EQ(calls[i], i < count ? 1u : 0u);
            }
        }
    }
}

TEST(Pool, WakesFromSleep) {
    const Pool pool = make_pool(3, 1);
    for (int i = 0; i < 5; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the members are asleep by now
        std::atomic<uint32_t> arrived{0};
        // Ends only if all three are at work at once.
        run(pool, 3, [&](uint32_t) {
            ++arrived;
            while (arrived.load() < 3) std::this_thread::yield();
        });
    }
}

TEST(Pool, TheCallerSleepsUntilALongShareIsDone) {
    const Pool pool = make_pool(2, ADDER_POOL_NO_SPIN);
    for (int i = 0; i < 20; ++i) {
        std::atomic<uint32_t> arrived{0};
        bool slept = false;
        run(pool, 2, [&](uint32_t index) {
            ++arrived;
            while (arrived.load() < 2) std::this_thread::yield();  // the member has its own share
            if (index == 0) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            slept = true;
        });
        EXPECT_TRUE(slept);
    }
}

TEST(Pool, NobodyWaitsForWhoIsNotThere) {
    // More members than can ever be awake at once: their shares are done by whoever is there.
    const Pool pool = make_pool(200, ADDER_POOL_NO_SPIN);
    for (int i = 0; i < 50; ++i) {
        std::atomic<uint32_t> calls{0};
        run(pool, 200, [&](uint32_t) { ++calls; });
        ASSERT_EQ(calls.load(), 200u);
    }
}

#ifdef __linux__
TEST(Pool, MembersAreBoundToTheirCpus) {
    cpu_set_t mine;
    ASSERT_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
    std::vector<uint32_t> cpus;
    for (uint32_t cpu = 0; cpu < CPU_SETSIZE && cpus.size() < 3; ++cpu)
        if (CPU_ISSET(cpu, &mine)) cpus.push_back(cpu);
    cpus.resize(3, cpus[0]);
    const Pool pool = make_pool(3, 0, cpus.data());
    ASSERT_TRUE(pool);
    std::vector<cpu_set_t> sets(3);
    std::atomic<uint32_t> arrived{0};
    run(pool, 3, [&](uint32_t index) {
        ++arrived;
        while (arrived.load() < 3) std::this_thread::yield();
        sched_getaffinity(0, sizeof sets[index], &sets[index]);
    });
    EXPECT_TRUE(CPU_EQUAL(&sets[0], &mine));
    for (uint32_t i = 1; i < 3; ++i) {
        EXPECT_EQ(CPU_COUNT(&sets[i]), 1);
        EXPECT_TRUE(CPU_ISSET(cpus[i], &sets[i]));
    }
    cpus[2] = CPU_SETSIZE;
    errno = 0;
    EXPECT_FALSE(make_pool(3, 0, cpus.data()));
    EXPECT_EQ(errno, EINVAL);
}
#endif

}  // namespace
