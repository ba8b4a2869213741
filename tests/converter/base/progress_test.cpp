// Progress on a stream that is no terminal, and the interrupt handler.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "converter/base/progress.h"
#include "tests/support/error_of.h"

namespace adder {
namespace {

std::string shown(bool slow, uint64_t steps, bool quiet) {
    testing::internal::CaptureStderr();
    Progress::quiet(quiet);
    {
        Progress progress("counting", steps);
        if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(550));
        for (uint64_t i = 0; i < steps; ++i) progress.advance();
    }
    Progress::quiet(false);
    return testing::internal::GetCapturedStderr();
}

TEST(Progress, ShortWorkShowsNothing) { EXPECT_EQ(shown(false, 100, false), ""); }

TEST(Progress, ALineEveryTenPercent) {
    std::string expected;
    for (int percent = 10; percent <= 100; percent += 10)
        expected += "counting: " + std::to_string(percent) + " %\n";
    EXPECT_EQ(shown(true, 200, false), expected);
    EXPECT_EQ(shown(true, 1, false), "counting: 100 %\n");
}

TEST(Progress, QuietShowsNothing) { EXPECT_EQ(shown(true, 200, true), ""); }

TEST(Progress, OfWorkWithinWorkTheOuterIsShown) {
    testing::internal::CaptureStderr();
    {
        Progress outer("outer", 1);
        std::this_thread::sleep_for(std::chrono::milliseconds(550));
        {
            Progress inner("inner", 1);
            std::this_thread::sleep_for(std::chrono::milliseconds(550));
            inner.advance();
        }
        outer.advance();
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "outer: 100 %\n");
    EXPECT_EQ(shown(true, 1, false), "counting: 100 %\n");
}

TEST(Progress, ManyThreadsEndAtOneHundredPercentOnce) {
    testing::internal::CaptureStderr();
    {
        Progress progress("together", 4000);
        std::this_thread::sleep_for(std::chrono::milliseconds(550));
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 1000; ++i) progress.advance();
            });
        for (std::thread &thread : threads) thread.join();
    }
    const std::string text = testing::internal::GetCapturedStderr();
    const std::string last = "together: 100 %\n";
    ASSERT_GE(text.size(), last.size());
    EXPECT_EQ(text.find(last), text.size() - last.size()) << text;
}

TEST(InterruptDeathTest, TheFirstSignalIsPolledAndTheSecondEndsTheProcess) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(
        {
            install_interrupt_handler();
            throw_if_interrupted();
            std::raise(SIGINT);
            if (!interrupted() || test::error_of(throw_if_interrupted, ExitCode::failure) != "interrupted")
                std::_Exit(7);
            std::raise(SIGTERM);
            std::_Exit(8);
        },
        testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace adder
