// Statistics of channels, and what the search for smoothing makes of them.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/alpha_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "converter/calibrate/smoothing.h"
#include "converter/calibrate/static_scale.h"
#include "converter/quantize/folds.h"
#include "converter/quantize/rounding.h"

namespace adder {
namespace {

// [tokens][channels], the channels of very different size, one of them dead.
std::vector<float> uneven_inputs(size_t tokens, uint32_t channels, float outlier) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    std::vector<float> values(tokens * channels);
    for (size_t i = 0; i < values.size(); ++i) {
        const uint32_t channel = static_cast<uint32_t>(i % channels);
        values[i] = normal(random) * (0.2f + 0.1f * static_cast<float>(channel % 7));
        if (channel == 5) values[i] *= outlier;
        if (channel == 8) values[i] = 0;
    }
    return values;
}

ChannelStatistics statistics_of(const std::vector<float> &values, uint32_t channels) {
    ChannelStatistics statistics;
    for (size_t first = 0; first < values.size(); first += channels) statistics.add(&values[first], channels);
    return statistics;
}

double clamped_error(float v, double scale) {
    const double code = std::clamp(std::nearbyint(static_cast<double>(v) / scale), -127.0, 127.0);
    return std::pow(code * scale - static_cast<double>(v), 2);
}

TEST(ChannelStatistics, ErrorsAreThoseOfTheValues) {
    const uint32_t channels = 12;
    const size_t tokens = 4000;
    const std::vector<float> values = uneven_inputs(tokens, channels, 40);
    const ChannelStatistics statistics = statistics_of(values, channels);
    EXPECT_EQ(statistics.tokens(), tokens);
    for (uint32_t channel = 0; channel < channels; ++channel) {
        float highest = 0;
        double square = 0;
        for (size_t t = 0; t < tokens; ++t) {
            const float v = values[t * channels + channel];
            highest = std::max(highest, std::fabs(v));
            square += static_cast<double>(v) * static_cast<double>(v) / tokens;
        }
        EXPECT_EQ(statistics.absmax(channel), highest);
        EXPECT_NEAR(statistics.mean_square(channel), square, 0.01 * square);
        for (const double scale : {0.002, 0.01, 0.2}) {
            double error = 0;
            for (size_t t = 0; t < tokens; ++t)
                error += clamped_error(values[t * channels + channel], scale) / tokens;
            EXPECT_NEAR(statistics.mean_squared_error(channel, scale, 127), error, 0.12 * error + 1e-12)
                << channel << " " << scale;
        }
    }
}

TEST(ChannelStatistics, MergedAreThoseOfAllInAnyOrder) {
    const uint32_t channels = 9;
    const std::vector<float> values = uneven_inputs(60, channels, 10);
    const ChannelStatistics all = statistics_of(values, channels);
    const std::vector<float> early(values.begin(), values.begin() + 20 * channels);
    const std::vector<float> late(values.begin() + 20 * channels, values.end());
    ChannelStatistics merged;
    merged.merge(statistics_of(late, channels));
    merged.merge(statistics_of(early, channels));
    EXPECT_EQ(merged.tokens(), all.tokens());
    EXPECT_EQ(merged.absmax(), all.absmax());
    for (uint32_t channel = 0; channel < channels; ++channel)
        EXPECT_EQ(merged.mean_squared_error(channel, 0.01, 127), all.mean_squared_error(channel, 0.01, 127));
    const float bad = std::numeric_limits<float>::quiet_NaN();
    merged.add(std::vector<float>(channels, bad).data(), channels);
    EXPECT_TRUE(std::isnan(merged.absmax(0)));
}

// The mean square error of the output of a layer with int8 rows and a static input, measured.
double measured_error(const std::vector<float> &values, const DenseTensor &weights,
                      const std::vector<float> &factors, float scale) {
    DenseTensor folded = weights;
    if (!factors.empty()) fold_factors(&folded, factors);
    const DenseTensor rounded = dequantize(round_int8(folded, absmax_scales(folded, Granularity::row)));
    double error = 0;
    for (size_t first = 0; first < values.size(); first += weights.cols)
        for (uint32_t row = 0; row < weights.rows; ++row) {
            double difference = 0;
            for (uint32_t j = 0; j < weights.cols; ++j) {
                const float v = values[first + j];
                const double f = factors.empty() ? 1.0 : static_cast<double>(factors[j]);
                const double code = std::clamp(
                    std::nearbyint(static_cast<double>(v) / f / static_cast<double>(scale)), -127.0, 127.0);
                difference +=
                    code * static_cast<double>(scale) *
                        static_cast<double>(rounded.values[row * weights.cols + j]) -
                    static_cast<double>(v) * static_cast<double>(weights.values[row * weights.cols + j]);
            }
            error += difference * difference;
        }
    return error / static_cast<double>(values.size() / weights.cols);
}

TEST(AlphaSearch, FindsWhatLosesLeast) {
    const uint32_t channels = 40, rows = 24;
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    DenseTensor weights{rows, channels, std::vector<float>(rows * channels)};
    for (float &value : weights.values) value = normal(random);
    const LinearPlan plan;
    const std::vector<float> values = uneven_inputs(600, channels, 100);
    const ChannelStatistics statistics = statistics_of(values, channels);
    const SmoothingChoice found = search_alpha(statistics, weights, plan, 127);
    EXPECT_GT(found.alpha, 0.0f);
    // The estimate is what the layer does, and no alpha of the grid does clearly better.
    const double error = measured_error(values, weights, found.factors, found.scale);
    EXPECT_NEAR(found.error, error, 0.2 * error);
    for (int step = 0; step <= 10; ++step) {
        std::vector<float> factors;
        if (step > 0) factors = smoothing_factors(statistics.absmax(), column_absmax(weights), step / 10.0);
        const float scale = channel_mse_scale(statistics, factors, {}, 127, nullptr);
        EXPECT_LT(error, 1.1 * measured_error(values, weights, factors, scale)) << step;
    }
    EXPECT_LT(error,
              0.1 * measured_error(values, weights, {}, channel_mse_scale(statistics, {}, {}, 127, nullptr)));
}

TEST(AlphaSearch, DeadInputsAreHarmless) {
    const std::vector<float> zeros(10 * 8, 0.0f);
    DenseTensor weights{3, 8, std::vector<float>(24, 0.5f)};
    const SmoothingChoice found = search_alpha(statistics_of(zeros, 8), weights, LinearPlan(), 127);
    EXPECT_EQ(found.scale, 1.0f);
    EXPECT_EQ(found.alpha, 0.0f);
}

}  // namespace
}  // namespace adder
