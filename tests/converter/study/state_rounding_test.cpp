// Rounding of the state: half precision against the definition, codes with a scale a channel, and the scorer that does it.
// SPDX-License-Identifier: MIT
#include "converter/study/state_rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include "converter/eval/recorded_scorer.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/checkpoint_builder.h"

namespace adder::test {
namespace {

float float_of_f16(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

TEST(StateRounding, HalfPrecisionIsNearestEvenAndEndsAtTheLargest) {
    for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
        const float value = float_of_f16(static_cast<uint16_t>(bits));
        ASSERT_EQ(round_to_f16(value), value);
        ASSERT_EQ(round_to_f16(-value), -value);
        if (bits + 1 == 0x7c00) break;
        const float next = float_of_f16(static_cast<uint16_t>(bits + 1)), middle = (value + next) / 2;
        ASSERT_EQ(round_to_f16(middle), bits % 2 == 0 ? value : next) << bits;
        ASSERT_EQ(round_to_f16(std::nextafterf(middle, 0)), value) << bits;
        ASSERT_EQ(round_to_f16(std::nextafterf(middle, 1e9f)), next) << bits;
    }
    uint32_t random = 5;
    for (int i = 0; i < 10000; ++i) {
        random = random * 1664525u + 1013904223u;
        float value;
        std::memcpy(&value, &random, sizeof value);
        if (std::fabs(value) < 65520.0f) {
            ASSERT_EQ(round_to_f16(value), float_of_f16(float_to_f16(value))) << value;
        }
    }
    EXPECT_EQ(round_to_f16(1e9f), 65504);
    EXPECT_EQ(round_to_f16(-INFINITY), -65504);
    EXPECT_TRUE(std::isnan(round_to_f16(NAN)));
}

TEST(StateRounding, CodesHaveAScaleAChannel) {
    constexpr uint32_t tiles = 2, n = 3;
    std::vector<float> values(tiles * n * 8);
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = std::sin(static_cast<float>(i)) * std::ldexp(1.0f, static_cast<int>(i % 8) * 3);
    values[8] = values[0] = values[16] = 0;  // channel 0 of tile 0
    for (const RoundedType type : {RoundedType::i8, RoundedType::i16}) {
        std::vector<float> rounded = values;
        round_state(type, rounded.data(), tiles, n);
        const float limit = type == RoundedType::i8 ? 127 : 32767;
        for (uint32_t channel = 0; channel < tiles * 8; ++channel) {
            const auto at = [&](uint32_t i) { return (channel / 8 * n + i) * 8 + channel % 8; };
            float highest = 0;
            for (uint32_t i = 0; i < n; ++i) highest = std::max(highest, std::fabs(values[at(i)]));
            for (uint32_t i = 0; i < n; ++i) {
                const float error = std::fabs(rounded[at(i)] - values[at(i)]);
                EXPECT_LE(error, 0.50001f * highest / limit) << channel;
                const float code = highest > 0 ? rounded[at(i)] / (highest / limit) : 0;
                EXPECT_NEAR(code, std::nearbyint(code), type == RoundedType::i8 ? 1e-4 : 1e-2);
                EXPECT_LE(std::fabs(code), limit * 1.00001f);
            }
        }
        EXPECT_NE(rounded, values);
    }
    std::vector<float> same = values;
    round_state(RoundedType::f32, same.data(), tiles, n);
    EXPECT_EQ(same, values);
}

std::vector<float> logits_of(Scorer &scorer, const Tokens &tokens) {
    std::vector<float> logits(tokens.size() * scorer.vocab_size());
    scorer.Scorer::score({tokens}, [&](size_t, uint32_t position, const float *row) {
        std::copy_n(row, scorer.vocab_size(), &logits[size_t{position} * scorer.vocab_size()]);
    });
    return logits;
}

TEST(StateRounding, OnlyTheTokensAfterTheFirstFeelIt) {
    const EvalToy toy;
    ThreadPool pool(2);
    CheckpointScorer base(toy.checkpoint(), pool);
    const Tokens tokens = base.tokenize("hello there, what is it that is said here", "text");
    const std::vector<float> before = logits_of(base, tokens);
    for (const std::string &part : state_parts(base.checkpoint().shape()))
        for (const auto &[type_name, type] : state_types()) {
            const std::unique_ptr<Scorer> rounded = rounded_scorer(base, {part, type});
            const std::vector<float> logits = logits_of(*rounded, tokens);
            const size_t vocab = base.vocab_size();
            EXPECT_TRUE(
                std::equal(logits.begin(), logits.begin() + static_cast<ptrdiff_t>(vocab), before.begin()));
            const bool second = std::equal(logits.begin() + static_cast<ptrdiff_t>(vocab),
                                           logits.begin() + static_cast<ptrdiff_t>(2 * vocab),
                                           before.begin() + static_cast<ptrdiff_t>(vocab));
            // The convolution has one number a channel then, its largest, which codes hold.
            if (part == "scan") {
                EXPECT_EQ(second, type == RoundedType::f32) << type_name;
            }
            EXPECT_EQ(logits == before, type == RoundedType::f32) << part << " " << type_name;
        }
    EXPECT_EQ(logits_of(base, tokens), before) << "the base is left as it was";
}

// Counts what it is asked for.
class CountingScorer : public Scorer {
  public:
    explicit CountingScorer(Scorer &model) : model_(model) {}
    const ModelFacts &facts() const override { return model_.facts(); }
    uint32_t vocab_size() const override { return model_.vocab_size(); }
    Tokens tokenize(std::string_view text, const std::string &name) const override {
        return model_.tokenize(text, name);
    }
    void score(const std::vector<Sequence> &sequences, const Callback &callback,
               const Advance &advance) override {
        asked += sequences.size();
        model_.score(sequences, callback, advance);
    }
    size_t asked = 0;

  private:
    Scorer &model_;
};

TEST(RecordedScorer, RunsEachWindowOnceWhileThereIsRoom) {
    const EvalToy toy;
    ThreadPool pool(2);
    CheckpointScorer base(toy.checkpoint(), pool);
    CountingScorer counting(base);
    const Tokens first = base.tokenize("hello there", "text"),
                 second = base.tokenize("what is it then", "text");
    RecordedScorer recorded(counting, toy.file("logits"), first.size() + second.size() - 1, pool);
    const std::vector<float> expected = logits_of(base, first), other = logits_of(base, second);
    EXPECT_EQ(logits_of(recorded, first), expected);
    EXPECT_EQ(logits_of(recorded, first), expected);
    EXPECT_EQ(counting.asked, 1u);
    EXPECT_EQ(logits_of(recorded, second), other) << "which finds no room";
    EXPECT_EQ(logits_of(recorded, second), other);
    EXPECT_EQ(counting.asked, 3u);
    // Both at once, in either order, with other rows.
    std::vector<std::pair<size_t, uint32_t>> seen;
    Sequence tail = plain_sequence(first);
    tail.rows[0].begin = 3;
    recorded.score(
        {plain_sequence(first), tail},
        [&](size_t i, uint32_t position, const float *row) {
            static std::mutex mutex;
            const std::lock_guard<std::mutex> lock(mutex);
            seen.emplace_back(i, position);
            EXPECT_TRUE(
                std::equal(row, row + base.vocab_size(), &expected[size_t{position} * base.vocab_size()]));
        },
        nullptr);
    EXPECT_EQ(seen.size(), 2 * first.size() - 3);
    EXPECT_EQ(counting.asked, 4u);
}

}  // namespace
}  // namespace adder::test
