// Static activation scales: the histogram against the values themselves.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/static_scale.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "tests/support/error_of.h"

namespace adder {
namespace {

// Heavy-tailed, as activations are: normal, times e to a normal of the given width.
std::vector<float> heavy_tailed(size_t count, float width, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float &value : values) value = normal(random) * std::exp(width * normal(random));
    return values;
}

MagnitudeHistogram histogram_of(const std::vector<float> &values) {
    MagnitudeHistogram histogram;
    histogram.add(values.data(), values.size());
    return histogram;
}

double exact_error(const std::vector<float> &values, double scale, double limit = 127) {
    double sum = 0;
    for (const float value : values) {
        const double code = std::clamp(std::nearbyint(static_cast<double>(value) / scale), -limit, limit);
        sum += std::pow(code * scale - static_cast<double>(value), 2);
    }
    return sum;
}

double exact_best(const std::vector<float> &values, double absmax) {
    double least = INFINITY;
    for (int step = 0; step < mse_steps; ++step)
        least = std::min(least, exact_error(values, absmax / 127 * mse_step(step)));
    return least;
}

TEST(ScaleSearch, FourBitsHaveFifteenCodes) {
    const std::vector<float> values = heavy_tailed(200000, 0.5f, 3);
    const MagnitudeHistogram histogram = histogram_of(values);
    const double absmax = static_cast<double>(histogram.absmax());
    EXPECT_FLOAT_EQ(absmax_scale(histogram, 7), static_cast<float>(absmax / 7));
    double least = INFINITY;
    for (int step = 0; step < mse_steps; ++step)
        least = std::min(least, exact_error(values, absmax / 7 * mse_step(step), 7));
    const double found = exact_error(values, static_cast<double>(mse_scale(histogram, 7)), 7);
    EXPECT_LT(found, 1.01 * least);
    EXPECT_LT(found, 0.8 * exact_error(values, absmax / 7, 7));  // clamping the tail is worth it at four bits
    EXPECT_GT(exact_error(values, static_cast<double>(mse_scale(histogram)), 7), 2 * found);
}

TEST(ScaleSearch, APercentileLeavesThatManyBelowIt) {
    const std::vector<float> values = heavy_tailed(200000, 0.5f, 4);
    const MagnitudeHistogram histogram = histogram_of(values);
    EXPECT_EQ(histogram.percentile(100), histogram.absmax());
    for (const double percent : {50.0, 90.0, 99.0, 99.9}) {
        const float bound = histogram.percentile(percent);
        const auto below = std::count_if(values.begin(), values.end(),
                                         [&](float value) { return std::fabs(value) <= bound; });
        EXPECT_NEAR(100.0 * static_cast<double>(below) / 200000, percent, 0.5) << percent;
        EXPECT_FLOAT_EQ(percentile_scale(histogram, percent, 7), bound / 7);
    }
    EXPECT_EQ(percentile_scale(histogram_of({0, 0, 0}), 99), 1.0f);
}

TEST(ScaleSearch, StepsGoFromOneToEightHundredths) {
    EXPECT_EQ(mse_steps, 36);
    EXPECT_EQ(mse_step(0), 1.0);
    EXPECT_NEAR(mse_step(35), 0.08, 1e-15);
    EXPECT_NEAR(mse_step(20) / mse_step(19), mse_step(1), 1e-12);
}

// The claim of the header: the error of even spreads within bins against that of the values.
TEST(ScaleSearch, HistogramErrorIsCloseToTheExactOne) {
    for (const float width : {0.0f, 0.5f, 1.0f, 1.5f}) {
        const std::vector<float> values = heavy_tailed(200000, width, 1);
        const MagnitudeHistogram histogram = histogram_of(values);
        const double absmax = static_cast<double>(histogram.absmax());
        for (int step = 0; step < mse_steps; ++step) {
            const double scale = absmax / 127 * mse_step(step), exact = exact_error(values, scale);
            EXPECT_NEAR(histogram.squared_error(scale), exact, 0.02 * exact) << width << " " << step;
        }
        // The scale chosen costs as good as nothing over the best of the exact search.
        const double chosen = exact_error(values, static_cast<double>(mse_scale(histogram)));
        EXPECT_LE(chosen, 1.002 * exact_best(values, absmax)) << width;
    }
}

TEST(ScaleSearch, OutliersAreClippedAndPlainValuesAreNot) {
    std::vector<float> values(100000);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1001) / 1000.0f;
    EXPECT_NEAR(mse_scale(histogram_of(values)), 1.0f / 127, 0.1f / 127);
    EXPECT_EQ(absmax_scale(histogram_of(values)), 1.0f / 127);
    values[5] = -8.0f;
    const MagnitudeHistogram histogram = histogram_of(values);
    EXPECT_EQ(absmax_scale(histogram), 8.0f / 127);
    EXPECT_LT(mse_scale(histogram), 6.0f / 127);
}

TEST(ScaleSearch, OrderAndThreadsDoNotMatter) {
    std::vector<float> values = heavy_tailed(10000, 1.0f, 3);
    const MagnitudeHistogram whole = histogram_of(values);
    std::shuffle(values.begin(), values.end(), std::mt19937(4));
    const auto parts = std::make_unique<MagnitudeHistogram[]>(3);
    for (size_t i = 0; i < values.size(); ++i) parts[i % 3].add(values[i]);
    parts[1].merge(parts[2]);
    parts[0].merge(parts[1]);
    EXPECT_EQ(parts[0].count(), whole.count());
    EXPECT_EQ(parts[0].absmax(), whole.absmax());
    EXPECT_EQ(mse_scale(parts[0]), mse_scale(whole));
    EXPECT_EQ(parts[0].squared_error(0.01), whole.squared_error(0.01));
}

TEST(ScaleSearch, AnyMagnitudeIsSafe) {
    for (const float value : {0.0f, 1e-44f, 1e-20f, 1e-7f, 1.0f, 1e6f, 1e20f, 3e38f}) {
        const MagnitudeHistogram histogram = histogram_of(std::vector<float>(100, value));
        for (const float scale : {absmax_scale(histogram), mse_scale(histogram)}) {
            ASSERT_TRUE(std::isfinite(scale) && scale > 0) << value;
            ASSERT_TRUE(std::isfinite(1.0f / scale)) << value;
        }
        EXPECT_EQ(absmax_scale(histogram), value < 1e-27f ? 1.0f : value / 127);
    }
    const MagnitudeHistogram empty;
    EXPECT_EQ(mse_scale(empty), 1.0f);
}

TEST(ScaleSearch, NotFiniteIsRefused) {
    for (const float value : {NAN, -NAN, INFINITY, -INFINITY}) {
        MagnitudeHistogram histogram = histogram_of({1.0f, value, 2.0f});
        EXPECT_FALSE(std::isfinite(histogram.absmax()));
        EXPECT_HAS(test::error_of([&] { absmax_scale(histogram); }), "not finite");
        EXPECT_HAS(test::error_of([&] { mse_scale(histogram); }), "not finite");
    }
}

}  // namespace
}  // namespace adder
