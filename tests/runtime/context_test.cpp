// Sessions with a context: models whose attention sees all of a sequence, whose keys and values are in a cache of so many tokens.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "runtime/model.h"
#include "tests/support/blob_builder.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

constexpr uint32_t context = 20;  // two pages and a half

class Context : public testing::Test {
  protected:
    static BlobSpec spec() { return toy_model("granitemoehybrid", recipe_named("best"), StateType::f32); }
    static adder_options options(uint32_t tokens = context) {
        adder_options options{};
        options.chunk = 8;
        options.context = tokens;
        return options;
    }

    const AlignedBytes blob_ = build_blob(spec());
    const Tokens tokens_ = random_tokens(64, 260, 5);
};

TEST_F(Context, IsWhatTheOptionsSay) {
    const TestSession session(blob_, options());
    EXPECT_EQ(adder_session_context(session.get()), context);
    EXPECT_EQ(session.info().context, 500u);
    const TestSession defaults(blob_);
    EXPECT_EQ(adder_session_context(defaults.get()), 500u);  // less than 2,048
    adder_options many{};
    many.context = (1u << 24) + 1;
    EXPECT_EQ(adder_arena_size(session.model(), &many), 0u);
    many.context = 501;  // more than it was made for
    EXPECT_GT(adder_arena_size(session.model(), &many), 0u);
}

TEST_F(Context, OthersHaveNone) {
    const AlignedBytes blob = build_blob(toy_model("mamba2", recipe_named("best"), StateType::f32));
    const TestSession session(blob, options());
    EXPECT_EQ(adder_session_context(session.get()), 0u);
    EXPECT_EQ(session.info().context, 0u);
    const adder_options without = options(0), with = options(100);
    EXPECT_EQ(adder_arena_size(session.model(), &without), adder_arena_size(session.model(), &with));
    EXPECT_EQ(adder_state_size_at(session.model(), uint64_t{1} << 60), adder_state_size(session.model()));
}

// Nothing is taken where not all fits, in whatever way tokens come; up to the last token everything works.
TEST_F(Context, ItsEndIsAnError) {
    TestSession session(blob_, options());
    ASSERT_EQ(adder_feed(session.get(), tokens_.data(), 15), ADDER_OK);
    const std::vector<uint8_t> before = session.state();
    float *logits = nullptr;
    const auto ignore = [](void *, size_t, const float *) { FAIL(); };
    EXPECT_EQ(adder_feed(session.get(), tokens_.data(), 6), ADDER_ERROR_CONTEXT);
    EXPECT_EQ(adder_score(session.get(), tokens_.data(), 6, ignore, nullptr), ADDER_ERROR_CONTEXT);
    EXPECT_EQ(adder_feed_begin(session.get(), tokens_.data(), 6), ADDER_ERROR_CONTEXT);
    EXPECT_EQ(session.state(), before);
    ASSERT_EQ(adder_feed(session.get(), tokens_.data(), 4), ADDER_OK);
    ASSERT_EQ(adder_step(session.get(), 3, &logits), ADDER_OK);
    EXPECT_EQ(adder_session_position(session.get()), context);
    EXPECT_EQ(adder_step(session.get(), 3, &logits), ADDER_ERROR_CONTEXT);
    EXPECT_EQ(adder_step_begin(session.get(), 3), ADDER_ERROR_CONTEXT);
    EXPECT_EQ(adder_feed(session.get(), tokens_.data(), 0), ADDER_OK);
    EXPECT_EQ(adder_session_position(session.get()), context);
    adder_state_reset(session.get());
    EXPECT_EQ(adder_step(session.get(), 3, &logits), ADDER_OK);
    EXPECT_STRNE(adder_status_text(ADDER_ERROR_CONTEXT), "unknown status");
}

TEST_F(Context, ASavedStateGrowsByPages) {
    TestSession session(blob_, options());
    const size_t page = page_bytes(model_of(session.model())->architecture);
    ASSERT_GT(page, 0u);
    const size_t empty = adder_state_size(session.model());
    for (uint32_t position = 0; position <= context; ++position) {
        const size_t size = adder_state_size_at(session.model(), position);
        EXPECT_EQ(size, empty + (position + 7) / 8 * page);
        std::vector<uint8_t> bytes(size);
        if (position > 0) {
            EXPECT_EQ(adder_state_save(session.get(), bytes.data(), size - 1), ADDER_ERROR_BUFFER);
        }
        EXPECT_EQ(adder_state_save(session.get(), bytes.data(), size), ADDER_OK);
        if (position < context) session.step(tokens_[position]);
    }
    EXPECT_EQ(adder_state_size_at(session.model(), (uint64_t{1} << 24) + 1), 0u);
}

// What an arena held before is seen neither in results nor in saved states.
TEST_F(Context, NothingIsLeftOfAnotherSequence) {
    TestSession fresh(blob_, options()), used(blob_, options());
    ASSERT_EQ(adder_feed(used.get(), tokens_.data() + 30, context), ADDER_OK);
    adder_state_reset(used.get());
    for (uint32_t i = 0; i < 11; ++i) EXPECT_EQ(fresh.step(tokens_[i]), used.step(tokens_[i])) << i;
    EXPECT_EQ(fresh.state(), used.state());
    const std::vector<uint8_t> state = fresh.state();
    const size_t page = page_bytes(model_of(fresh.model())->architecture);
    // Of the second page three tokens are there: the last five of every eight numbers are zero in keys.
    const uint8_t *const keys = state.data() + state.size() - page;
    for (size_t i = 0; i < 8; ++i) {
        EXPECT_EQ(keys[8 * i + 3], 0);
        EXPECT_EQ(keys[8 * i + 7], 0);
    }
}

// In a session of another context, too, and from any position on.
TEST_F(Context, ALoadedStateGoesOn) {
    for (const uint32_t position : {0u, 1u, 7u, 8u, 13u, 16u}) {
        TestSession first(blob_, options()), larger(blob_, options(64)), smaller(blob_, options(14));
        ASSERT_EQ(adder_feed(first.get(), tokens_.data(), position), ADDER_OK);
        ASSERT_EQ(adder_feed(larger.get(), tokens_.data() + 7, 33), ADDER_OK);
        const std::vector<uint8_t> state = first.state();
        adder_error error{};
        ASSERT_EQ(adder_state_load(larger.get(), state.data(), state.size(), &error), ADDER_OK);
        EXPECT_EQ(larger.state(), state);
        for (uint32_t i = position; i < context; ++i) ASSERT_EQ(first.step(tokens_[i]), larger.step(tokens_[i]));
        EXPECT_EQ(first.state(), larger.state());
        const std::vector<uint8_t> untouched = smaller.state();
        if (position > 14) {
            EXPECT_EQ(adder_state_load(smaller.get(), state.data(), state.size(), &error), ADDER_ERROR_CONTEXT);
            EXPECT_EQ(error.found, position);
            EXPECT_EQ(error.needed, 14u);
            EXPECT_EQ(smaller.state(), untouched);
        } else {
            EXPECT_EQ(adder_state_load(smaller.get(), state.data(), state.size(), &error), ADDER_OK);
        }
    }
}

// A state that says another position than it has pages for, or that is cut.
TEST_F(Context, WrongStatesAreRefused) {
    TestSession session(blob_, options());
    ASSERT_EQ(adder_feed(session.get(), tokens_.data(), 10), ADDER_OK);
    const std::vector<uint8_t> state = session.state();
    adder_error error{};
    for (const uint64_t position : {uint64_t{0}, uint64_t{8}, uint64_t{17}, uint64_t{21}, ~uint64_t{0}}) {
        std::vector<uint8_t> changed = state;
        std::memcpy(changed.data() + 16, &position, sizeof position);
        const adder_status status = adder_state_load(session.get(), changed.data(), changed.size(), &error);
        EXPECT_EQ(status, position > context ? ADDER_ERROR_CONTEXT : ADDER_ERROR_STATE) << position;
    }
    for (const size_t size : {size_t{0}, size_t{63}, adder_state_size(session.model()), state.size() - 1})
        EXPECT_EQ(adder_state_load(session.get(), state.data(), size, &error), ADDER_ERROR_STATE) << size;
    std::vector<uint8_t> damaged = state;
    damaged.back() ^= 1;
    EXPECT_EQ(adder_state_load(session.get(), damaged.data(), damaged.size(), &error), ADDER_ERROR_STATE);
    EXPECT_EQ(session.state(), state);
}

// From every place of a page, and after pages that the mark does not hold were begun and filled.
TEST_F(Context, AMarkGoesBack) {
    for (const uint32_t position : {0u, 1u, 7u, 8u, 9u, 16u}) {
        TestSession session(blob_, options()), fresh(blob_, options());
        const size_t size = adder_mark_size(session.model());
        EXPECT_EQ(size, adder_state_size(session.model()) + page_bytes(model_of(session.model())->architecture));
        ASSERT_EQ(adder_feed(session.get(), tokens_.data(), position), ADDER_OK);
        ASSERT_EQ(adder_feed(fresh.get(), tokens_.data(), position), ADDER_OK);
        std::vector<uint8_t> mark(size + 1, 0xa5);
        EXPECT_EQ(adder_mark_save(session.get(), mark.data(), size - 1), ADDER_ERROR_BUFFER);
        EXPECT_EQ(mark, std::vector<uint8_t>(size + 1, 0xa5));
        ASSERT_EQ(adder_mark_save(session.get(), mark.data(), size), ADDER_OK);
        EXPECT_EQ(mark[size], 0xa5);
        for (int again = 0; again < 2; ++again) {
            ASSERT_EQ(adder_feed(session.get(), tokens_.data() + 40, context - position), ADDER_OK);
            adder_error error{};
            ASSERT_EQ(adder_state_load(session.get(), mark.data(), size, &error), ADDER_OK) << error.item;
            EXPECT_EQ(adder_session_position(session.get()), position);
            EXPECT_EQ(session.state(), fresh.state());
        }
        for (uint32_t i = position; i < context; ++i)
            ASSERT_EQ(session.step(tokens_[i]), fresh.step(tokens_[i])) << position << " " << i;
        EXPECT_EQ(session.state(), fresh.state());
    }
}

// A mark is of the tokens before it: not of others, of fewer, or of an empty session.
TEST_F(Context, AMarkOfOtherTokensIsRefused) {
    TestSession session(blob_, options());
    std::vector<uint8_t> mark(adder_mark_size(session.model()));
    ASSERT_EQ(adder_feed(session.get(), tokens_.data(), 13), ADDER_OK);
    ASSERT_EQ(adder_mark_save(session.get(), mark.data(), mark.size()), ADDER_OK);
    const std::vector<uint8_t> whole = session.state();
    const auto load = [&](const std::vector<uint8_t> &bytes, size_t size) {
        const std::vector<uint8_t> before = session.state();
        adder_error error{};
        const adder_status status = adder_state_load(session.get(), bytes.data(), size, &error);
        if (status != ADDER_OK) {
            EXPECT_EQ(session.state(), before);
        }
        return std::make_pair(status, std::string(error.item ? error.item : ""));
    };
    const auto refused = [](const char *item) { return std::make_pair(ADDER_ERROR_STATE, std::string(item)); };
    for (size_t cut : {size_t{0}, size_t{63}, size_t{64}, mark.size() - 1})
        EXPECT_EQ(load(mark, cut), refused("bytes")) << cut;
    for (size_t at = 16; at < mark.size(); at += 37) {
        std::vector<uint8_t> damaged = mark;
        damaged[at] ^= 1;
        EXPECT_NE(load(damaged, damaged.size()).first, ADDER_OK) << at;
    }
    adder_state_reset(session.get());
    EXPECT_EQ(load(mark, mark.size()), refused("tokens before the mark"));
    ASSERT_EQ(adder_feed(session.get(), tokens_.data() + 1, 13), ADDER_OK);
    EXPECT_EQ(load(mark, mark.size()), refused("tokens before the mark, CRC-32 of their pages"));
    EXPECT_EQ(load(whole, whole.size()).first, ADDER_OK);  // which brings its own
    EXPECT_EQ(load(mark, mark.size()).first, ADDER_OK);
    TestSession smaller(blob_, options(12));
    adder_error error{};
    EXPECT_EQ(adder_state_load(smaller.get(), mark.data(), mark.size(), &error), ADDER_ERROR_CONTEXT);
}

TEST_F(Context, WithoutOneAMarkIsTheState) {
    const AlignedBytes blob = build_blob(toy_model("mamba2", recipe_named("best"), StateType::f32));
    TestSession session(blob);
    session.step(5);
    EXPECT_EQ(adder_mark_size(session.model()), adder_state_size(session.model()));
    std::vector<uint8_t> mark(adder_mark_size(session.model()));
    ASSERT_EQ(adder_mark_save(session.get(), mark.data(), mark.size()), ADDER_OK);
    EXPECT_EQ(mark, session.state());
}

// What int8 and halves cost of logits, beside floats: less than one and a half percent of the largest.
TEST_F(Context, NarrowKeysAndValuesComeNear) {
    std::vector<std::vector<float>> logits;
    for (const StateType type : {StateType::f32, StateType::f16, StateType::int8}) {
        BlobSpec one = toy_model("granitemoehybrid", recipe_named("float"), StateType::f32);
        one.cache = type;
        const AlignedBytes blob = build_blob(one);
        TestSession session(blob, options());
        for (uint32_t i = 0; i + 1 < context; ++i) session.step(tokens_[i]);
        logits.push_back(session.step(tokens_[context]));
    }
    float largest = 0, halves = 0, codes = 0;
    for (size_t i = 0; i < logits[0].size(); ++i) {
        largest = std::max(largest, std::abs(logits[0][i]));
        halves = std::max(halves, std::abs(logits[0][i] - logits[1][i]));
        codes = std::max(codes, std::abs(logits[0][i] - logits[2][i]));
    }
    EXPECT_GT(halves, 0.0f);
    EXPECT_LT(halves, 1e-3f * largest);
    EXPECT_GT(codes, halves);
    EXPECT_LT(codes, 1.5e-2f * largest);
}

}  // namespace
}  // namespace adder::test
