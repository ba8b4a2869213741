// The thread pool: every index once, exceptions, many small jobs.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "converter/base/thread_pool.h"

namespace adder {
namespace {

TEST(ThreadPool, CallsEveryIndexOnce) {
    for (const uint32_t threads : {1u, 2u, 3u, 8u}) {
        ThreadPool pool(threads);
        EXPECT_EQ(pool.size(), threads);
        for (const uint32_t count : {0u, 1u, 2u, 7u, 64u, 1000u}) {
            std::vector<std::atomic<int>> calls(count);
            pool.run(count, [&](uint32_t index, uint32_t member) {
                EXPECT_LT(member, threads);
                ++calls[index];
            });
            for (const std::atomic<int> &call : calls) EXPECT_EQ(call.load(), 1);
        }
    }
    EXPECT_GE(ThreadPool().size(), 1u);
}

TEST(ThreadPool, NoTwoTasksShareAMember) {
    ThreadPool pool(4);
    std::vector<std::atomic<int>> busy(pool.size());
    std::atomic<bool> shared{false};
    pool.run(2000, [&](uint32_t, uint32_t member) {
        shared = shared || busy[member].fetch_add(1) != 0;
        busy[member].fetch_sub(1);
    });
    EXPECT_FALSE(shared.load());
}

TEST(ThreadPool, RunsTasksAtTheSameTime) {
    ThreadPool pool(3);
    std::atomic<uint32_t> arrived{0};
    // Each waits for the others: this ends only if three members work at once.
    pool.run(3, [&](uint32_t, uint32_t) {
        ++arrived;
        while (arrived.load() < 3) std::this_thread::yield();
    });
    EXPECT_EQ(arrived.load(), 3u);
}

TEST(ThreadPool, ManySmallJobsInARow) {
    ThreadPool pool(4);
    uint64_t sum = 0;  // plain: what tasks wrote is visible when run returns
    std::vector<uint64_t> parts(4);
    for (uint64_t job = 0; job < 20000; ++job) {
        struct Job {
            std::vector<uint64_t> *parts;
            uint64_t value;
        } argument{&parts, job};
        ThreadPool::parallel_for(
            &pool,
            [](void *given, uint32_t index) {
                const Job &mine = *static_cast<Job *>(given);
                (*mine.parts)[index] = mine.value + index;
            },
            &argument, 4);
        for (const uint64_t part : parts) sum += part;
    }
    EXPECT_EQ(sum, 4 * (20000ull * 19999 / 2) + 20000 * (0 + 1 + 2 + 3));
}

TEST(ThreadPool, WakesFromSleep) {
    ThreadPool pool(3);
    for (int i = 0; i < 5; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the members are asleep by now
        std::atomic<uint32_t> calls{0};
        pool.run(10, [&](uint32_t, uint32_t) { ++calls; });
        EXPECT_EQ(calls.load(), 10u);
    }
}

TEST(ThreadPool, AnExceptionEndsTheJobAndNotThePool) {
    for (const uint32_t threads : {1u, 2u, 5u}) {
        ThreadPool pool(threads);
        for (int round = 0; round < 200; ++round) {
            std::atomic<uint32_t> calls{0};
            try {
                pool.run(1000, [&](uint32_t index, uint32_t) {
                    ++calls;
                    if (index == 3) throw std::runtime_error("three");
                });
                ADD_FAILURE() << "nothing was thrown";
            } catch (const std::runtime_error &error) {
                EXPECT_STREQ(error.what(), "three");
            }
            // With more threads others may get through all the rest before the exception is noted.
            if (threads == 1) {
                EXPECT_EQ(calls.load(), 4u);
            }
            std::atomic<uint32_t> after{0};
            pool.run(8, [&](uint32_t, uint32_t) { ++after; });
            ASSERT_EQ(after.load(), 8u);
        }
    }
}

TEST(ThreadPool, AllTasksMayThrow) {
    ThreadPool pool(4);
    for (int round = 0; round < 200; ++round)
        EXPECT_THROW(pool.run(4, [](uint32_t, uint32_t) { throw std::runtime_error("each"); }),
                     std::runtime_error);
}

}  // namespace
}  // namespace adder
