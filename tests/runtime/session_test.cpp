// A session's calls: what they refuse, and the state as a value.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/blob_builder.h"

namespace adder::test {
namespace {

TEST(Session, TokensOutsideOfTheVocabularyChangeNothing) {
    const AlignedBytes blob = build_blob(BlobSpec());
    TestSession session(blob);
    session.step(3);
    const std::vector<uint8_t> before = session.state();
    const auto ignore = [](void *context, size_t, const float *) { ++*static_cast<int *>(context); };
    int calls = 0;
    for (const int32_t bad : {-1, 32, INT32_MIN, INT32_MAX}) {
        Tokens tokens = random_tokens(40, 32, 1);
        tokens.back() = bad;
        float *logits = nullptr;
        EXPECT_EQ(adder_step(session.get(), bad, &logits), ADDER_ERROR_TOKEN);
        EXPECT_EQ(adder_feed(session.get(), tokens.data(), tokens.size()), ADDER_ERROR_TOKEN);
        EXPECT_EQ(adder_score(session.get(), tokens.data(), tokens.size(), ignore, &calls), ADDER_ERROR_TOKEN);
    }
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(session.state(), before);
}

TEST(Session, NullPointersAndNoTokens) {
    const AlignedBytes blob = build_blob(BlobSpec());
    TestSession session(blob);
    const int32_t token = 1;
    float *logits = nullptr;
    const auto ignore = [](void *, size_t, const float *) {};
    EXPECT_EQ(adder_feed(nullptr, &token, 1), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_feed(session.get(), nullptr, 1), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_feed(session.get(), nullptr, 0), ADDER_OK);
    EXPECT_EQ(adder_step(nullptr, 1, &logits), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_step(session.get(), 1, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_score(session.get(), &token, 1, nullptr, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_score(session.get(), nullptr, 0, ignore, nullptr), ADDER_OK);
    EXPECT_EQ(adder_selftest(nullptr, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_session_position(session.get()), 0u);
}

TEST(Session, LogitsMayBeOverwritten) {
    const AlignedBytes blob = build_blob(BlobSpec());
    TestSession session(blob), other(blob);
    for (int32_t token = 0; token < 10; ++token) {
        float *logits = nullptr;
        ASSERT_EQ(adder_step(session.get(), token, &logits), ADDER_OK);
        for (uint32_t i = 0; i < 32; ++i) logits[i] = NAN;
        other.step(token);
    }
    EXPECT_EQ(session.state(), other.state());
}

// ---- The state ------------------------------------------------------------------------------------------------------

TEST(State, SaveLoadForkRewind) {
    const AlignedBytes blob = build_blob(BlobSpec());
    const Tokens tokens = random_tokens(20, 32, 9);
    adder_options wide{};
    wide.chunk = 64;
    TestSession first(blob), second(blob, wide);
    ASSERT_EQ(adder_feed(first.get(), tokens.data(), 10), ADDER_OK);
    const std::vector<uint8_t> saved = first.state();
    EXPECT_EQ(saved.size(), adder_state_size(first.model()));
    EXPECT_EQ(saved.size(), 64u + 4 * 2 * 32 * (3 + 4));
    std::vector<std::vector<float>> expected;
    for (size_t i = 10; i < 20; ++i) expected.push_back(first.step(tokens[i]));
    second.step(5);
    ASSERT_EQ(adder_state_load(second.get(), saved.data(), saved.size(), nullptr), ADDER_OK);  // fork
    ASSERT_EQ(adder_state_load(first.get(), saved.data(), saved.size(), nullptr), ADDER_OK);   // rewind
    EXPECT_EQ(adder_session_position(second.get()), 10u);
    for (size_t i = 10; i < 20; ++i) {
        EXPECT_EQ(first.step(tokens[i]), expected[i - 10]);
        EXPECT_EQ(second.step(tokens[i]), expected[i - 10]);
    }
    adder_state_reset(first.get());
    EXPECT_EQ(first.state(), TestSession(blob).state());
    EXPECT_EQ(adder_session_position(first.get()), 0u);
}

TEST(State, MayLieAtAnyAddressAndInALargerBuffer) {
    const AlignedBytes blob = build_blob(BlobSpec());
    TestSession session(blob);
    session.step(1);
    const size_t size = adder_state_size(session.model());
    std::vector<uint8_t> buffer(size + 9, 0x77);
    ASSERT_EQ(adder_state_save(session.get(), buffer.data() + 3, size + 6), ADDER_OK);
    for (const size_t i : {size_t{0}, size_t{2}, size + 3, size + 8}) EXPECT_EQ(buffer[i], 0x77);
    EXPECT_EQ(adder_state_load(session.get(), buffer.data() + 3, size + 6, nullptr), ADDER_OK);
    EXPECT_EQ(adder_state_save(session.get(), buffer.data(), size - 1), ADDER_ERROR_BUFFER);
    EXPECT_EQ(adder_state_save(session.get(), nullptr, size), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_state_save(nullptr, buffer.data(), size), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_state_load(nullptr, buffer.data(), size, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_state_load(session.get(), nullptr, size, nullptr), ADDER_ERROR_ARGUMENT);
}

TEST(State, OfAnotherModelIsRefused) {
    BlobSpec other_seed;
    other_seed.checkpoint.seed = 2;
    BlobSpec float_twin;
    float_twin.recipe.set_weights(Dtype::f32);
    const AlignedBytes own = build_blob(BlobSpec());
    TestSession session(own);
    session.step(4);
    const std::vector<uint8_t> before = session.state();
    for (const BlobSpec &spec : {other_seed, float_twin}) {
        const AlignedBytes blob = build_blob(spec);
        TestSession other(blob);
        other.step(4);
        const std::vector<uint8_t> foreign = other.state();
        adder_error error{};
        EXPECT_EQ(adder_state_load(session.get(), foreign.data(), foreign.size(), &error), ADDER_ERROR_STATE);
        EXPECT_STREQ(error.item, "fingerprint of the model");
        EXPECT_EQ(session.state(), before);
    }
}

TEST(State, EveryBitAndByteIsNeeded) {
    const AlignedBytes blob = build_blob(BlobSpec());
    TestSession session(blob), untouched(blob);
    ASSERT_EQ(adder_feed(session.get(), Tokens{1, 2, 3}.data(), 3), ADDER_OK);
    std::vector<uint8_t> saved = session.state();
    untouched.step(7);
    const std::vector<uint8_t> before = untouched.state();
    for (size_t bit = 0; bit < 8 * saved.size(); ++bit) {
        const auto flip = [&] { saved[bit / 8] = static_cast<uint8_t>(saved[bit / 8] ^ 1u << bit % 8); };
        flip();
        ASSERT_EQ(adder_state_load(untouched.get(), saved.data(), saved.size(), nullptr), ADDER_ERROR_STATE)
            << bit;
        flip();
    }
    for (size_t size = 0; size < saved.size(); ++size) {
        const std::vector<uint8_t> cut(saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(size));
        adder_error error{};
        ASSERT_EQ(adder_state_load(untouched.get(), cut.empty() ? saved.data() : cut.data(), size, &error),
                  ADDER_ERROR_STATE);
        ASSERT_EQ(error.found, size);
        ASSERT_EQ(error.needed, saved.size());
    }
    EXPECT_EQ(untouched.state(), before);
    EXPECT_EQ(adder_state_load(untouched.get(), saved.data(), saved.size(), nullptr), ADDER_OK);
    EXPECT_EQ(untouched.state(), saved);
}

}  // namespace
}  // namespace adder::test
