// Several sessions at once: what is refused, and that nothing has happened then. Bits: session_bits_test.cpp.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/runtime/blob_fixture.h"
#include "tests/support/stream_source.h"

namespace adder::test {
namespace {

adder_options of(uint32_t chunk, uint32_t logit_rows) {
    adder_options options{};
    options.chunk = chunk;
    options.logit_rows = logit_rows;
    return options;
}

struct Refusal {
    adder_status status;
    const char *item;
    uint64_t found, needed;
};

class StepMany : public testing::Test {
  protected:
    void expect_refused(const std::vector<adder_session *> &sessions, const Tokens &tokens,
                        const Refusal &expected) {
        adder_error error{};
        std::vector<float *> logits(sessions.size());
        EXPECT_EQ(adder_step_many(sessions.data(), tokens.data(), static_cast<uint32_t>(sessions.size()),
                                  logits.data(), &error),
                  expected.status);
        EXPECT_EQ(error.status, expected.status);
        EXPECT_STREQ(error.item, expected.item);
        EXPECT_EQ(error.found, expected.found);
        EXPECT_EQ(error.needed, expected.needed);
        for (const float *one : logits) EXPECT_EQ(one, nullptr);
        for (const TestSession *one : {&first, &second, &third}) EXPECT_EQ(one->state(), empty.state());
        // All of them are ready for the next call.
        EXPECT_EQ(adder_slices_left(first.get()), 0u);
        EXPECT_EQ(adder_slices_left(second.get()), 0u);
    }

    const AlignedBytes &blob = small_blob();
    TestSession first{blob, of(3, 2)}, second{blob, of(1, 1)}, third{blob, of(2, 1)}, empty{blob};
};

TEST_F(StepMany, OfSmallSessionsBehindALargeOne) {
    const std::vector<adder_session *> sessions = {first.get(), second.get()};
    const Tokens tokens = {3, 4};
    float *logits[2];
    ASSERT_EQ(adder_step_many(sessions.data(), tokens.data(), 2, logits, nullptr), ADDER_OK);
    TestSession alone(blob);
    const std::vector<float> expected = alone.step(4);
    EXPECT_EQ(std::vector<float>(logits[1], logits[1] + expected.size()), expected);
    EXPECT_EQ(second.state(), alone.state());
}

TEST_F(StepMany, WithoutLogitsNeedsNoRowsForThem) {
    const std::vector<adder_session *> sessions = {first.get(), second.get(), third.get()};
    const Tokens tokens = {3, 4, 5};
    ASSERT_EQ(adder_step_many(sessions.data(), tokens.data(), 3, nullptr, nullptr), ADDER_OK);
    TestSession alone(blob);
    ASSERT_EQ(adder_feed(alone.get(), &tokens[2], 1), ADDER_OK);
    EXPECT_EQ(third.state(), alone.state());
}

TEST_F(StepMany, RefusesWhatThereIsNoRoomFor) {
    expect_refused({second.get(), first.get()}, {1, 1}, {ADDER_ERROR_ARGUMENT, "chunk", 1, 2});
    expect_refused({third.get(), first.get()}, {1, 1}, {ADDER_ERROR_ARGUMENT, "logit rows", 1, 2});
    adder_error error{};
    adder_session *const none = nullptr;
    const int32_t token = 1;
    EXPECT_EQ(adder_step_many(&none, &token, 1, nullptr, &error), ADDER_ERROR_ARGUMENT);
    EXPECT_STREQ(error.item, "sessions");
    adder_session *const one = first.get();
    EXPECT_EQ(adder_step_many(&one, &token, 0, nullptr, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_step_many(nullptr, &token, 1, nullptr, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_step_many(&one, nullptr, 1, nullptr, nullptr), ADDER_ERROR_ARGUMENT);
}

TEST_F(StepMany, SaysWhichSessionCannotTakePart) {
    expect_refused({first.get(), second.get()}, {1, 260}, {ADDER_ERROR_TOKEN, "session", 1, 2});
    expect_refused({first.get(), second.get()}, {-1, 1}, {ADDER_ERROR_TOKEN, "session", 0, 2});
    expect_refused({first.get(), first.get()}, {1, 1}, {ADDER_ERROR_SEQUENCE, "session", 1, 2});
    expect_refused({first.get(), nullptr}, {1, 1}, {ADDER_ERROR_ARGUMENT, "session", 1, 2});

    BlobSpec spec = small_spec(model_types().front());
    spec.checkpoint.scale = 0.2f;
    const AlignedBytes another = build_blob(spec);
    TestSession other(another);
    expect_refused({first.get(), other.get()}, {1, 1}, {ADDER_ERROR_ARGUMENT, "session", 1, 2});

    TestSession stepping(blob);
    ASSERT_EQ(adder_step_begin(stepping.get(), 1), ADDER_OK);
    expect_refused({first.get(), stepping.get()}, {1, 1}, {ADDER_ERROR_SEQUENCE, "session", 1, 2});
    EXPECT_GT(adder_slices_left(stepping.get()), 0u);
}

TEST_F(StepMany, EndsWhereAContextDoes) {
    const AlignedBytes hybrid =
        build_blob(toy_model("granitemoehybrid", recipe_named("best"), StateType::f32));
    adder_options options = of(2, 2);
    options.context = 3;
    TestSession one(hybrid, options), two(hybrid, options);
    const Tokens tokens = {1, 2, 3};
    ASSERT_EQ(adder_feed(two.get(), tokens.data(), 3), ADDER_OK);
    adder_session *const sessions[] = {one.get(), two.get()};
    adder_error error{};
    EXPECT_EQ(adder_step_many(sessions, tokens.data(), 2, nullptr, &error), ADDER_ERROR_CONTEXT);
    EXPECT_EQ(error.found, 1u);
    EXPECT_EQ(adder_session_position(one.get()), 0u);
}

TEST_F(StepMany, IsNotForStreams) {
    StreamSource source(blob);
    TestSession one(source.get(), of(2, 2)), two(source.get(), of(2, 2));
    adder_session *const sessions[] = {one.get(), two.get()};
    const Tokens tokens = {1, 2};
    EXPECT_EQ(adder_step_many(sessions, tokens.data(), 2, nullptr, nullptr), ADDER_ERROR_UNSUPPORTED);
}

}  // namespace
}  // namespace adder::test
