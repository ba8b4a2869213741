// Choices: the log-probabilities are those of the logits that one session gives token by token, over any tree of answers.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "tests/support/blob_builder.h"
#include "tests/support/families.h"
#include "tests/support/random.h"
#include "tests/support/sample.h"

namespace adder::test {
namespace {

using Answers = std::vector<Tokens>;

std::vector<adder_choice> choices_of(const Answers &answers) {
    std::vector<adder_choice> choices;
    for (const Tokens &one : answers)
        choices.push_back({one.data(), static_cast<uint32_t>(one.size()), 1.0f, 77, 77});
    return choices;
}

// The session stands before `token`, and then after it.
std::vector<float> choose(TestSession &session, int32_t token, const Answers &answers) {
    std::vector<adder_choice> choices = choices_of(answers);
    const size_t size =
        adder_choose_size(session.model(), choices.data(), static_cast<uint32_t>(choices.size()));
    EXPECT_GT(size, 0u);
    std::vector<uint8_t> memory(size);
    adder_error error{};
    EXPECT_EQ(adder_choose(session.get(), token, choices.data(), static_cast<uint32_t>(choices.size()),
                           memory.data(), size, &error),
              ADDER_OK);
    std::vector<float> found;
    for (const adder_choice &one : choices) found.push_back(one.log_probability);
    return found;
}

double log_probability(const std::vector<float> &logits, int32_t token) {
    double highest = -1e300, sum = 0;
    for (const float logit : logits) highest = std::max(highest, static_cast<double>(logit));
    for (const float logit : logits) sum += std::exp(logit - highest);
    return logits[static_cast<size_t>(token)] - highest - std::log(sum);
}

// By steps from the beginning, each answer for itself.
double by_steps(const AlignedBytes &blob, const Tokens &prompt, const Tokens &answer) {
    TestSession session(blob);
    std::vector<float> logits;
    for (const int32_t token : prompt) logits = session.step(token);
    double sum = 0;
    for (const int32_t token : answer) {
        sum += log_probability(logits, token);
        logits = session.step(token);
    }
    return sum;
}

// Answers over few tokens, so that many begin alike, some are the beginning of others, and some are equal.
Answers random_answers(SplitMix &random, size_t count, size_t longest, size_t tokens) {
    Answers answers(count);
    for (Tokens &one : answers) {
        one.resize(1 + random.below(longest));
        for (int32_t &token : one) token = static_cast<int32_t>(random.below(tokens));
    }
    return answers;
}

TEST(Choose, IsWhatStepsGiveOverAnyTree) {
    const AlignedBytes blob = build_blob(toy_model("mamba", recipe_named("best"), StateType::f32));
    const Tokens prompt = random_tokens(5, 260, 3);
    SplitMix random(7);
    for (size_t round = 0; round < 60; ++round) {
        const Answers answers =
            random_answers(random, 1 + random.below(9), 5, 1 + random.below(3));
        TestSession session(blob), stepped(blob);
        adder_feed(session.get(), prompt.data(), prompt.size() - 1);
        const std::vector<float> found = choose(session, prompt.back(), answers);
        for (const int32_t token : prompt) stepped.step(token);
        ASSERT_EQ(session.state(), stepped.state()) << round;
        for (size_t i = 0; i < answers.size(); ++i)
            ASSERT_NEAR(found[i], by_steps(blob, prompt, answers[i]),
                        1e-5 * static_cast<double>(answers[i].size()))
                << round << ", " << i;
    }
}

// Of every family that has a state of its own kind, hybrids with keys and values too.
TEST(Choose, WorksForEveryFamily) {
    const Answers answers = {
        {1, 2, 3}, {1, 2}, {1, 2, 4, 4}, {5}, {1, 9, 9}, {1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3}, {1}};
    for (const TestFamily &family : test_families()) {
        SCOPED_TRACE(family.model_type);
        const AlignedBytes blob =
            build_blob(toy_model(family.model_type, recipe_named("best"), StateType::f32));
        const Tokens prompt = random_tokens(11, 260, 3);
        TestSession session(blob), stepped(blob);
        adder_feed(session.get(), prompt.data(), prompt.size() - 1);
        const std::vector<float> found = choose(session, prompt.back(), answers);
        for (size_t i = 0; i < answers.size(); ++i)
            ASSERT_NEAR(found[i], by_steps(blob, prompt, answers[i]), 1e-5 * 11) << i;
        // What follows is as if nothing had been asked.
        for (const int32_t token : prompt) stepped.step(token);
        ASSERT_EQ(session.step(7), stepped.step(7));
        ASSERT_EQ(session.state(), stepped.state());
    }
}

TEST(Choose, GivesTheSameBitsEverywhere) {
    const AlignedBytes blob = build_blob(toy_model("granitemoehybrid", recipe_named("best"), StateType::f32));
    Answers answers = {{1, 2, 3}, {1, 2},          {1, 2, 4, 4}, {5},
                       {1, 9, 9}, {1, 2, 3, 3, 3}, {1, 2, 3},    {250, 2, 2}};
    TestSession first(blob);
    const std::vector<float> expected = choose(first, 8, answers);
    EXPECT_EQ(expected[0], expected[6]);
    const adder_parallel_for backwards = [](void *, adder_task task, void *argument, uint32_t count) {
        for (uint32_t i = count; i-- > 0;) task(argument, i);
    };
    for (const char *isa : usable_isas())
        for (const uint32_t chunk : {1u, 2u, 16u})
            for (const uint32_t threads : {1u, 3u}) {
                SCOPED_TRACE(std::string(isa) + ", chunk " + std::to_string(chunk));
                const adder_options options{chunk,   1 + chunk / 2, threads, 1, backwards,
                                            nullptr, isa,           0,       0, {}};
                TestSession session(blob, options);
                std::vector<size_t> order(answers.size());
                std::iota(order.begin(), order.end(), size_t{0});
                std::rotate(order.begin(), order.begin() + chunk % 7, order.end());
                Answers turned;
                for (const size_t i : order) turned.push_back(answers[i]);
                const std::vector<float> found = choose(session, 8, turned);
                for (size_t i = 0; i < order.size(); ++i)
                    ASSERT_EQ(std::memcmp(&found[i], &expected[order[i]], sizeof(float)), 0) << i;
            }
}

// A mark for what was asked, and one for each fork on the way that has more behind it than a last token.
TEST(Choose, TakesAsMuchMemoryAsItSays) {
    const AlignedBytes blob = build_blob(toy_model("mamba2", recipe_named("best"), StateType::f32));
    TestSession session(blob);
    const size_t mark = adder_mark_size(session.model());
    const auto marks = [&](const Answers &answers) {
        std::vector<adder_choice> choices = choices_of(answers);
        return adder_choose_size(session.model(), choices.data(), static_cast<uint32_t>(choices.size())) /
               mark;
    };
    EXPECT_EQ(marks({{1}}), 1u);
    EXPECT_EQ(marks({{1}, {2}, {3}}), 1u);
    EXPECT_EQ(marks({{1, 2}, {2, 3}, {3, 4}}), 1u);
    EXPECT_EQ(marks({{1, 2}, {1, 3}, {1, 4}}), 1u);
    EXPECT_EQ(marks({{1, 2, 3}, {1, 3, 3}}), 2u);
    EXPECT_EQ(marks({{1, 2, 3}, {1, 3, 3, 4}, {1, 3, 4, 4}}), 3u);
    EXPECT_EQ(marks({{1, 2, 3}, {1, 3, 3}, {4, 2, 3}, {4, 3, 3}}), 2u);
    EXPECT_EQ(marks({{1, 2, 3, 4, 5, 6}}), 1u);

    const Answers answers = {{1, 2, 3}, {1, 3, 3, 4}, {1, 3, 4, 4}};
    std::vector<adder_choice> choices = choices_of(answers);
    const size_t size = adder_choose_size(session.model(), choices.data(), 3);
    std::vector<uint8_t> memory(size + 2, 0xA5);
    adder_error error{};
    EXPECT_EQ(adder_choose(session.get(), 4, choices.data(), 3, memory.data() + 1, size - 1, &error),
              ADDER_ERROR_BUFFER);
    EXPECT_EQ(error.found, size - 1);
    EXPECT_EQ(error.needed, size);
    EXPECT_EQ(adder_session_position(session.get()), 0u);
    EXPECT_EQ(adder_choose(session.get(), 4, choices.data(), 3, memory.data() + 1, size, &error), ADDER_OK);
    EXPECT_EQ(memory.front(), 0xA5);
    EXPECT_EQ(memory.back(), 0xA5);
    // In the order of their tokens.
    EXPECT_EQ(choices[0].order, 0u);
    EXPECT_EQ(choices[2].order, 2u);
}

TEST(Choose, MistakesAreRefused) {
    const AlignedBytes blob = build_blob(toy_model("mamba", recipe_named("best"), StateType::f32));
    TestSession session(blob);
    Answers answers = {{1, 2}, {1, 3}};
    std::vector<uint8_t> memory(1 << 20);
    std::vector<adder_choice> choices = choices_of(answers);
    adder_error error{};
    const auto status = [&](uint32_t n, int32_t token = 4) {
        return adder_choose(session.get(), token, choices.data(), n, memory.data(), memory.size(), &error);
    };
    EXPECT_EQ(status(0), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_choose(nullptr, 4, choices.data(), 2, memory.data(), memory.size(), nullptr),
              ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_choose(session.get(), 4, choices.data(), 2, nullptr, 0, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(status(2, 260), ADDER_ERROR_TOKEN);
    answers[1][1] = 260;
    EXPECT_EQ(status(2), ADDER_ERROR_TOKEN);
    EXPECT_EQ(error.found, 1u);
    EXPECT_EQ(adder_choose_size(session.model(), choices.data(), 2), 0u);
    answers[1][1] = -1;
    EXPECT_EQ(status(2), ADDER_ERROR_TOKEN);
    choices[1].count = 0;
    EXPECT_EQ(status(2), ADDER_ERROR_TOKEN);
    EXPECT_EQ(adder_session_position(session.get()), 0u);
    ASSERT_EQ(adder_step_begin(session.get(), 1), ADDER_OK);
    EXPECT_EQ(status(1), ADDER_ERROR_SEQUENCE);
}

// Where the context ends among the answers, the session stands where it stood.
TEST(Choose, TheEndOfTheContextIsAnError) {
    const AlignedBytes blob = build_blob(toy_model("granitemoehybrid", recipe_named("best"), StateType::f32));
    adder_options options{};
    options.context = 16;
    TestSession session(blob, options), stepped(blob, options);
    const Tokens prompt = random_tokens(12, 260, 3);
    adder_feed(session.get(), prompt.data(), 11);
    for (const int32_t token : prompt) stepped.step(token);
    const Answers answers = {{1, 2, 3, 4, 5, 6, 7}, {1, 2}};
    std::vector<adder_choice> choices = choices_of(answers);
    std::vector<uint8_t> memory(adder_choose_size(session.model(), choices.data(), 2));
    adder_error error{};
    EXPECT_EQ(adder_choose(session.get(), prompt[11], choices.data(), 2, memory.data(), memory.size(), &error),
              ADDER_ERROR_CONTEXT);
    EXPECT_EQ(session.state(), stepped.state());
}

}  // namespace
}  // namespace adder::test
