// Cooperative calls: sessions interleaved, calls in the wrong order, and how long a slice may be.
// SPDX-License-Identifier: MIT
//
// That slices give the same bits for every model, instruction set, chunk and number of threads: session_bits_test.cpp.
#include <gtest/gtest.h>

#include <cstring>

#include "runtime/linear.h"
#include "runtime/model.h"
#include "tests/support/blob_builder.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

AlignedBytes small_blob() {
    BlobSpec spec;
    spec.checkpoint.config.n_layer = 3;
    return build_blob(spec);
}

std::vector<float> finish(TestSession &session) {
    float *logits = nullptr;
    adder_status status;
    while ((status = adder_continue(session.get(), &logits)) == ADDER_MORE) {
    }
    EXPECT_EQ(status, ADDER_OK);
    return {logits, logits + session.info().vocab_size};
}

// A slice of the one, a slice of the other, in every rhythm.
TEST(Slices, TwoSessionsInterleavedDoNotDisturbEachOther) {
    const AlignedBytes blob = small_blob();
    const Tokens ours = random_tokens(12, 32, 1), theirs = random_tokens(12, 32, 2);
    TestSession alone_a(blob), alone_b(blob);
    for (uint64_t rhythm = 1; rhythm < 40; ++rhythm) {
        TestSession a(blob), b(blob);
        adder_state_reset(alone_a.get());
        adder_state_reset(alone_b.get());
        uint64_t random = rhythm * 0x9e3779b97f4a7c15u;
        size_t done_a = 0, done_b = 0;
        while (done_a < ours.size() || done_b < theirs.size()) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const bool first = done_b == theirs.size() || (done_a < ours.size() && random >> 63);
            TestSession &session = first ? a : b;
            size_t &done = first ? done_a : done_b;
            const int32_t token = (first ? ours : theirs)[done];
            if (adder_slices_left(session.get()) == 0) {
                ASSERT_EQ(adder_step_begin(session.get(), token), ADDER_OK);
                continue;
            }
            float *logits = nullptr;
            const adder_status status = adder_continue(session.get(), &logits);
            if (status == ADDER_MORE) continue;
            ASSERT_EQ(status, ADDER_OK);
            const std::vector<float> expected = (first ? alone_a : alone_b).step(token);
            ASSERT_EQ(std::memcmp(logits, expected.data(), expected.size() * sizeof(float)), 0);
            ++done;
        }
        ASSERT_EQ(a.state(), alone_a.state());
        ASSERT_EQ(b.state(), alone_b.state());
    }
}

// At every point between begin and end, each of the other calls fails and leaves all as it was.
TEST(Slices, OtherCallsWaitUntilTheStepIsDone) {
    const AlignedBytes blob = small_blob();
    const int32_t tokens[] = {1, 2};
    const auto ignore = [](void *context, size_t, const float *) { ++*static_cast<int *>(context); };
    TestSession whole(blob);
    whole.step(5);
    const std::vector<float> expected = whole.step(7);
    TestSession session(blob);
    session.step(5);
    std::vector<uint8_t> state(adder_state_size(session.model()));
    ASSERT_EQ(adder_step_begin(session.get(), 7), ADDER_OK);
    int scored = 0, slices = 0;
    for (;; ++slices) {
        float *logits = nullptr;
        adder_error error{};
        EXPECT_EQ(adder_step(session.get(), 1, &logits), ADDER_ERROR_SEQUENCE);
        EXPECT_EQ(adder_feed(session.get(), tokens, 2), ADDER_ERROR_SEQUENCE);
        EXPECT_EQ(adder_score(session.get(), tokens, 2, ignore, &scored), ADDER_ERROR_SEQUENCE);
        EXPECT_EQ(adder_selftest(session.get(), &error), ADDER_ERROR_SEQUENCE);
        EXPECT_EQ(error.status, ADDER_ERROR_SEQUENCE);
        EXPECT_EQ(adder_state_save(session.get(), state.data(), state.size()), ADDER_ERROR_SEQUENCE);
        EXPECT_EQ(adder_step_begin(session.get(), 1), ADDER_ERROR_SEQUENCE);
        EXPECT_EQ(adder_feed_begin(session.get(), tokens, 2), ADDER_ERROR_SEQUENCE);
        EXPECT_NE(adder_state_load(session.get(), state.data(), state.size(), nullptr), ADDER_OK);
        EXPECT_EQ(adder_continue(session.get(), nullptr), ADDER_ERROR_ARGUMENT);
        EXPECT_EQ(logits, nullptr);
        EXPECT_EQ(adder_session_position(session.get()), 1u);
        const adder_status status = adder_continue(session.get(), &logits);
        if (status == ADDER_MORE) continue;
        ASSERT_EQ(status, ADDER_OK);
        EXPECT_EQ(std::memcmp(logits, expected.data(), expected.size() * sizeof(float)), 0);
        break;
    }
    EXPECT_EQ(scored, 0);
    EXPECT_GE(slices, 3);
    EXPECT_EQ(session.state(), whole.state());
}

TEST(Slices, NothingBegunAndArgumentsOutOfRange) {
    const AlignedBytes blob = small_blob();
    adder_options options{};
    options.chunk = 4;
    TestSession session(blob, options);
    const std::vector<uint8_t> before = session.state();
    const Tokens tokens = random_tokens(5, 32, 1);
    const int32_t bad[] = {1, 32};
    float *logits = nullptr;
    EXPECT_EQ(adder_slices_left(session.get()), 0u);
    EXPECT_EQ(adder_continue(session.get(), &logits), ADDER_ERROR_SEQUENCE);
    EXPECT_EQ(adder_continue(nullptr, &logits), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_step_begin(nullptr, 1), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_feed_begin(nullptr, tokens.data(), 1), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_feed_begin(session.get(), nullptr, 1), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_feed_begin(session.get(), tokens.data(), 0), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_feed_begin(session.get(), tokens.data(), 5), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_feed_begin(session.get(), bad, 2), ADDER_ERROR_TOKEN);
    EXPECT_EQ(adder_step_begin(session.get(), -1), ADDER_ERROR_TOKEN);
    EXPECT_EQ(adder_slices_left(session.get()), 0u);
    EXPECT_EQ(session.state(), before);
    ASSERT_EQ(adder_feed_begin(session.get(), tokens.data(), 4), ADDER_OK);
    EXPECT_EQ(adder_slices_left(session.get()), 3u);
    while (adder_continue(session.get(), nullptr) == ADDER_MORE) {
    }
    EXPECT_EQ(adder_session_position(session.get()), 4u);
}

// The tokens of a prompt are read when it is begun; the caller may reuse their memory at once.
TEST(Slices, TokensAreReadOnce) {
    const AlignedBytes blob = small_blob();
    Tokens tokens = random_tokens(16, 32, 1);
    TestSession fed(blob), sliced(blob);
    ASSERT_EQ(adder_feed(fed.get(), tokens.data(), tokens.size()), ADDER_OK);
    ASSERT_EQ(adder_feed_begin(sliced.get(), tokens.data(), tokens.size()), ADDER_OK);
    tokens.assign(tokens.size(), INT32_MAX);
    while (adder_continue(sliced.get(), nullptr) == ADDER_MORE) {
    }
    EXPECT_EQ(sliced.state(), fed.state());
}

TEST(Slices, ResetAndLoadGiveUpWhatWasBegun) {
    const AlignedBytes blob = small_blob();
    TestSession session(blob), whole(blob);
    const std::vector<float> first = session.step(3);
    whole.step(3);
    const std::vector<uint8_t> saved = session.state(), empty = TestSession(blob).state();
    const std::vector<float> second = whole.step(4);
    for (uint32_t slices = 0; slices < 4; ++slices) {
        const auto begin = [&] {
            ASSERT_EQ(adder_step_begin(session.get(), 9), ADDER_OK);
            for (uint32_t i = 0; i < slices; ++i) {
                float *logits = nullptr;
                ASSERT_EQ(adder_continue(session.get(), &logits), ADDER_MORE);
            }
        };
        begin();
        adder_state_reset(session.get());
        EXPECT_EQ(adder_slices_left(session.get()), 0u);
        EXPECT_EQ(session.state(), empty);
        EXPECT_EQ(session.step(3), first);
        begin();
        ASSERT_EQ(adder_state_load(session.get(), saved.data(), saved.size(), nullptr), ADDER_OK);
        ASSERT_EQ(adder_step_begin(session.get(), 4), ADDER_OK);
        EXPECT_EQ(finish(session), second);
    }
}

// What a block costs for a token: its linear layers, and a kind's own count of each number of its state.
uint64_t work_of_a_block(const Model &model, uint32_t block) {
    const BlockView view = block_view(model.architecture, block);
    const ModelBlock weights = model_block(model, view, block);
    uint64_t work = 0;
    for (uint32_t i = 0; i < view.kind->tensor_count; ++i)
        if (view.kind->tensors[i].form == Form::matrix &&
            is_present(view.kind->tensors[i], view.shape->flags)) {
            const Linear linear = weights.linear(view.kind->tensors[i]);
            work += linear_work(linear, linear.matrix.tiles, 1);
        }
    for (uint32_t i = 0; i < view.kind->state_count; ++i)
        work += uint64_t{view.kind->states[i].work} *
                (state_part_bytes(view.kind->states[i], *view.shape, view.dims) /
                 (view.shape->state_type == static_cast<uint8_t>(StateType::f16) && view.kind->states[i].halves
                      ? 2
                      : 4));
    return work;
}

// The head of a large vocabulary is cut so that no slice costs more than a block, nor half of one where two would fit.
TEST(Slices, NoSliceOfTheHeadCostsMoreThanABlock) {
    for (const std::string &model_type : model_types())
        for (const uint32_t vocab_size : {3u, 251u, 3000u}) {
            SCOPED_TRACE(model_type + ", vocab_size " + std::to_string(vocab_size));
            BlobSpec spec;
            spec.checkpoint.config.model_type = model_type;
            spec.checkpoint.config.vocab_size = vocab_size;
            spec.state = narrowest_state(model_type);
            const AlignedBytes blob = build_blob(spec);
            TestSession session(blob);
            const Model &model = *model_of(session.model());
            const uint64_t block = work_of_a_block(model, 0);
            const Linear head = model_matrix(model, Role::head);
            ASSERT_EQ(adder_step_begin(session.get(), 1), ADDER_OK);
            const uint32_t slices = adder_slices_left(session.get()) - model.architecture.block_count;
            const uint64_t work = linear_work(head, head.matrix.tiles, 1), tile = linear_work(head, 1, 1);
            EXPECT_GE(slices * block, work);
            EXPECT_LT((slices - 1) * (block - tile), work);
            if (vocab_size == 3000) {
                EXPECT_GT(slices, 2u);
            }
            EXPECT_EQ(finish(session), TestSession(blob).step(1));
        }
}

}  // namespace
}  // namespace adder::test
