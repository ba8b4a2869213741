// The sampler against a plain one that sorts, and its distribution against the one asked for.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "adder/adder.h"
#include "kernels/kernels.h"
#include "tests/support/random.h"

namespace {

using Random = adder::test::SplitMix;

adder_sampler make_sampler(float temperature, uint32_t top_k = 0, float top_p = 1, float min_p = 0,
                           float penalty = 1) {
    adder_sampler sampler{};
    sampler.temperature = temperature;
    sampler.top_k = top_k;
    sampler.top_p = top_p;
    sampler.min_p = min_p;
    sampler.repetition_penalty = penalty;
    adder_sampler_seed(&sampler, 42);
    return sampler;
}

int32_t sample(adder_sampler &sampler, std::vector<float> logits) {
    return adder_sample(&sampler, logits.data(), static_cast<uint32_t>(logits.size()));
}

// The probability of each token by the textbook: sort, cut, normalize. `slack` receives how close top-p or min-p came
// to deciding otherwise, as a difference of probabilities: where it is tiny, float and double may differ.
std::vector<double> reference(const adder_sampler &sampler, std::vector<float> logits, double *slack) {
    const size_t n = logits.size();
    *slack = 1;
    for (float &logit : logits) {
        if (std::isnan(logit)) logit = -1e30f;
        logit = std::min(std::max(logit, -1e30f), 1e30f);
    }
    std::vector<int32_t> window;
    for (uint32_t i = 0; i < std::min<uint32_t>(sampler.accepted, ADDER_SAMPLER_WINDOW); ++i)
        window.push_back(sampler.recent[i]);
    for (size_t id = 0; id < n; ++id) {
        if (std::find(window.begin(), window.end(), static_cast<int32_t>(id)) == window.end()) continue;
        float &logit = logits[id];
        if (logit <= -1e30f) continue;
        logit = logit > 0 ? logit / sampler.repetition_penalty : logit * sampler.repetition_penalty;
    }
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return logits[a] > logits[b]; });
    if (sampler.top_k > 0 && sampler.top_k < n) order.resize(sampler.top_k);
    std::vector<double> weight(n, 0.0);
    for (const size_t id : order)
        if (logits[id] > -1e30f)
            weight[id] = std::exp((static_cast<double>(logits[id]) - static_cast<double>(logits[order[0]])) /
                                  static_cast<double>(sampler.temperature));
    double total = std::accumulate(weight.begin(), weight.end(), 0.0);
    if (sampler.top_p < 1) {
        const double target = static_cast<double>(sampler.top_p) * total;
        double sum = 0;
        size_t kept = 0;
        while (kept < order.size() && (sum < target || kept == 0)) {
            sum += weight[order[kept++]];
            *slack = std::min(*slack, std::fabs(sum - target) / total);
        }
        for (size_t i = kept; i < order.size(); ++i) weight[order[i]] = 0;
    }
    total = 0;
    for (double &w : weight) {
        if (w > 0 && sampler.min_p > 0)
            *slack = std::min(*slack, std::fabs(w - static_cast<double>(sampler.min_p)) / w);
        if (w < static_cast<double>(sampler.min_p)) w = 0;
        total += w;
    }
    for (double &w : weight) w /= total;
    return weight;
}

std::vector<float> random_logits(Random &random, size_t n, bool ties) {
    std::vector<float> logits(n);
    for (float &logit : logits) {
        logit = static_cast<float>(12 * random.uniform() - 6);
        if (ties) logit = std::round(logit);
    }
    return logits;
}

TEST(Sampler, GreedyTakesTheHighestAndOfEqualsTheLowest) {
    for (const float temperature : {0.0f, 1e-30f, 1e-6f, -1.0f, NAN}) {
        adder_sampler sampler = make_sampler(temperature);
        EXPECT_EQ(sample(sampler, {1, 3, 2, 3}), 1);
        EXPECT_EQ(sample(sampler, {-5}), 0);
        EXPECT_EQ(sample(sampler, {0.0f, -0.0f}), 0);
        EXPECT_EQ(sample(sampler, {-0.0f, 0.0f}), 0);
        EXPECT_EQ(sample(sampler, {-INFINITY, -INFINITY}), 0);
        EXPECT_EQ(sample(sampler, {NAN, -1e29f, NAN}), 1);
        EXPECT_EQ(sample(sampler, {1, INFINITY, 1e29f, INFINITY}), 1);
        EXPECT_EQ(sampler.random, 42u) << "greedy draws nothing";
    }
}

TEST(Sampler, NoLogitsNoToken) {
    adder_sampler sampler = make_sampler(1);
    EXPECT_EQ(adder_sample(&sampler, nullptr, 0), -1);
}

TEST(Sampler, TopK1AndTinyTopPAndFullMinPAreGreedy) {
    Random random(1);
    for (int run = 0; run < 300; ++run) {
        const std::vector<float> logits = random_logits(random, 1 + random.below(300), run % 2 == 0);
        const auto best =
            static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        adder_sampler one = make_sampler(1.3f, 1), none = make_sampler(1.3f, 0, 0),
                      tiny = make_sampler(1.3f, 0, 1e-38f), all = make_sampler(1.3f, 0, 1, 1);
        EXPECT_EQ(sample(one, logits), best);
        EXPECT_EQ(sample(none, logits), best);
        EXPECT_EQ(sample(tiny, logits), best);
        const int32_t token = sample(all, logits);  // equals of the best stay
        EXPECT_EQ(logits[static_cast<size_t>(token)], logits[static_cast<size_t>(best)]);
        adder_sampler beyond = make_sampler(1.3f, 0, 1, 2);
        EXPECT_EQ(logits[static_cast<size_t>(sample(beyond, logits))], logits[static_cast<size_t>(best)]);
    }
}

TEST(Sampler, DrawsWhatASortingOneKeepsAndNothingElse) {
    Random random(7);
    int decided = 0;
    for (int run = 0; run < 2000; ++run) {
        const size_t n = 1 + random.below(run % 10 == 0 ? 2000 : 60);
        const std::vector<float> logits = random_logits(random, n, run % 3 == 0);
        adder_sampler sampler = make_sampler(static_cast<float>(0.2 + 2 * random.uniform()));
        if (run & 1) sampler.top_k = static_cast<uint32_t>(random.next() % (n + 5));
        if (run & 2) sampler.top_p = static_cast<float>(random.uniform());
        if (run & 4) sampler.min_p = static_cast<float>(0.3 * random.uniform());
        if (run & 8) sampler.repetition_penalty = static_cast<float>(0.5 + random.uniform());
        for (uint64_t i = random.next() % 100; i > 0; --i)
            adder_sampler_accept(&sampler, static_cast<int32_t>(random.next() % (n + 3)) - 1);
        double slack = 1;
        const std::vector<double> expected = reference(sampler, logits, &slack);
        if (slack < 1e-4) continue;
        ++decided;
        std::vector<bool> seen(n);
        for (int draw = 0; draw < 50; ++draw) {
            const int32_t token = sample(sampler, logits);
            ASSERT_GE(token, 0);
            ASSERT_LT(static_cast<size_t>(token), n);
            ASSERT_GT(expected[static_cast<size_t>(token)], 0.0) << "run " << run;
            seen[static_cast<size_t>(token)] = true;
        }
        for (size_t id = 0; id < n; ++id)  // missed with probability 1e-13
            if (expected[id] > 0.45) {
                EXPECT_TRUE(seen[id]) << "run " << run;
            }
    }
    EXPECT_GT(decided, 1500);
}

// Pearson's chi-square over a few hundred thousand draws, for settings that cut and settings that do not.
TEST(Sampler, DrawsWithTheProbabilitiesAskedFor) {
    Random random(3);
    const adder_sampler settings[] = {make_sampler(1), make_sampler(0.5f), make_sampler(1.7f, 8),
                                      make_sampler(1, 0, 0.8f), make_sampler(1.2f, 20, 0.9f, 0.05f, 1.4f)};
    for (adder_sampler sampler : settings) {
        std::vector<float> logits = random_logits(random, 32, false);
        for (float &logit : logits) logit *= 0.4f;
        for (int32_t token = 0; token < 10; ++token) adder_sampler_accept(&sampler, 3 * token);
        double slack = 1;
        const std::vector<double> expected = reference(sampler, logits, &slack);
        ASSERT_GT(slack, 1e-4);
        constexpr int draws = 200000;
        std::vector<int> count(32);
        for (int i = 0; i < draws; ++i) ++count[static_cast<size_t>(sample(sampler, logits))];
        double chi_square = 0;
        int cells = 0;
        for (size_t id = 0; id < 32; ++id) {
            if (expected[id] == 0) {
                EXPECT_EQ(count[id], 0);
                continue;
            }
            const double mean = draws * expected[id];
            chi_square += (count[id] - mean) * (count[id] - mean) / mean;
            ++cells;
        }
        // Mean cells - 1, standard deviation sqrt(2 (cells - 1)): five of those above the mean.
        EXPECT_LT(chi_square, cells - 1 + 5 * std::sqrt(2.0 * (cells - 1)));
    }
}

// A flat distribution over a large vocabulary, summed in float: the end of it is as likely as the beginning.
TEST(Sampler, LargeFlatVocabulariesAreDrawnEvenly) {
    constexpr uint32_t n = 50280;
    adder_sampler sampler = make_sampler(1, 0, 0.999f);
    std::vector<int> count(10);
    Random random(5);
    std::vector<float> flat(n);
    for (float &logit : flat) logit = static_cast<float>(0.1 * random.uniform());
    constexpr int draws = 3000;
    for (int i = 0; i < draws; ++i) ++count[static_cast<size_t>(sample(sampler, flat)) * 10 / n];
    for (const int c : count) EXPECT_NEAR(c, draws / 10, 5 * std::sqrt(draws / 10.0));
}

TEST(Sampler, ImpossibleTokensAreNeverDrawn) {
    adder_sampler sampler = make_sampler(100, 0, 1, 0, 0.001f);
    std::vector<float> logits(1000, -INFINITY);
    logits[17] = -3;
    logits[500] = NAN;
    for (int32_t token = 0; token < 64; ++token) adder_sampler_accept(&sampler, token);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(sample(sampler, logits), 17);
    // Nor those that are so only by rounding: the last ones have 2^-125 of the first.
    std::vector<float> tail(1000, -1e9f);
    tail[0] = tail[1] = tail[2] = 0;
    adder_sampler hot = make_sampler(1);
    for (int i = 0; i < 20000; ++i) ASSERT_LT(sample(hot, tail), 3);
}

TEST(Sampler, DegenerateSettingsGiveSomeToken) {
    Random random(11);
    const float strange[] = {0, -1, 1, 1e-38f, 1e38f, INFINITY, -INFINITY, NAN, 1e-5f, 0.5f};
    const uint32_t counts[] = {0, 1, 5, 0xffffffffu};
    for (int run = 0; run < 5000; ++run) {
        const auto pick = [&] { return strange[random.next() % 10]; };
        std::vector<float> logits = random_logits(random, 1 + random.below(9), false);
        for (float &logit : logits)
            if (random.next() % 3 == 0) logit = pick();
        adder_sampler sampler = make_sampler(pick(), counts[random.next() % 4], pick(), pick(), pick());
        for (const int32_t token : {0, -7, 2, INT32_MAX, INT32_MIN, 1}) adder_sampler_accept(&sampler, token);
        const int32_t token = sample(sampler, logits);
        ASSERT_GE(token, 0);
        ASSERT_LT(static_cast<size_t>(token), logits.size());
    }
}

TEST(Sampler, PenaltyReachesBackOverTheWindowAndNoFurther) {
    for (const uint32_t behind : {0u, 1u, 63u, 64u, 65u, 127u, 128u, 129u, 200u, 1000u}) {
        adder_sampler sampler = make_sampler(0, 0, 1, 0, 2);
        adder_sampler_accept(&sampler, 0);
        for (uint32_t i = 0; i < behind; ++i) adder_sampler_accept(&sampler, 5);
        EXPECT_EQ(sample(sampler, {3, 2}), behind < ADDER_SAMPLER_WINDOW ? 1 : 0) << behind;
        EXPECT_EQ(sample(sampler, {-2, -3}), behind < ADDER_SAMPLER_WINDOW ? 1 : 0) << behind;
    }
    // Once for each token, however often it came.
    adder_sampler sampler = make_sampler(0, 0, 1, 0, 2);
    for (int i = 0; i < 3; ++i) adder_sampler_accept(&sampler, 0);
    EXPECT_EQ(sample(sampler, {5, 2}), 0);
}

TEST(Sampler, IsAValue) {
    Random random(2);
    const std::vector<float> logits = random_logits(random, 100, false);
    adder_sampler first = make_sampler(1), second = first;
    EXPECT_EQ(std::memcmp(&first, &second, sizeof first), 0);
    static_assert(sizeof(adder_sampler) == 5 * 4 + 4 + 8 + 4 * ADDER_SAMPLER_WINDOW + 8 * 4,
                  "no padding to compare");
    std::vector<int32_t> drawn;
    for (int i = 0; i < 100; ++i) {
        drawn.push_back(sample(first, logits));
        adder_sampler_accept(&first, drawn.back());
    }
    for (const int32_t expected : drawn) {
        EXPECT_EQ(sample(second, logits), expected);
        adder_sampler_accept(&second, expected);
    }
    EXPECT_EQ(std::memcmp(&first, &second, sizeof first), 0);
    adder_sampler other = make_sampler(1);
    adder_sampler_seed(&other, 43);
    int equal = 0;
    for (const int32_t token : drawn) equal += sample(other, logits) == token;
    EXPECT_LT(equal, 60);
}

// The tokens that fixed seeds give, on every machine.
TEST(Sampler, DrawsAreThoseOfEveryMachine) {
    std::vector<float> logits(10);
    for (size_t i = 0; i < logits.size(); ++i) logits[i] = 0.3f * static_cast<float>(i % 4);
    adder_sampler sampler = make_sampler(0.9f, 8, 0.95f, 0.01f);
    std::vector<int32_t> drawn;
    for (int i = 0; i < 16; ++i) drawn.push_back(sample(sampler, logits));
    EXPECT_EQ(drawn, (std::vector<int32_t>{7, 1, 2, 3, 0, 7, 2, 7, 3, 6, 2, 5, 5, 5, 6, 2}));
}

// Whatever instruction set adder_sampler_init has chosen, the tokens are the same, and so are the weights left behind.
TEST(Sampler, EveryIsaDrawsTheSame) {
    uint32_t built = 0;
    const adder::KernelTable *const *tables = adder::kernels_built(&built);
    Random random(7);
    for (const size_t n : {1u, 7u, 64u, 257u, 4096u, 50280u}) {
        for (int round = 0; round < 6; ++round) {
            std::vector<float> logits(n);
            for (float &logit : logits) logit = static_cast<float>(random.uniform() * 20 - 10);
            if (n > 8) {
                logits[n / 2] = std::nanf("");
                logits[n / 3] = -INFINITY;
                logits[3] = -0.0f;
            }
            adder_sampler sampler = make_sampler(round == 0 ? 0.0f : 0.8f, round == 2 ? 40 : 0,
                                                 round == 3 ? 0.9f : 1.0f, round == 4 ? 0.05f : 0.0f, 1.1f);
            adder_sampler_accept(&sampler, 0);
            std::vector<float> expected = logits;
            adder_sampler plain = sampler;
            const int32_t token = adder_sample(&plain, expected.data(), static_cast<uint32_t>(n));
            for (uint32_t k = 1; k <= built; ++k) {  // the last one is in no list: scalar
                if (k < built && !tables[k]->usable()) continue;
                adder_sampler other = sampler;
                other.kernels = k;
                std::vector<float> left = logits;
                ASSERT_EQ(token, adder_sample(&other, left.data(), static_cast<uint32_t>(n)));
                ASSERT_EQ(0, std::memcmp(expected.data(), left.data(), 4 * n));
            }
        }
    }
}

}  // namespace
