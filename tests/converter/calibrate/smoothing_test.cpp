// Smoothing factors and folds: the layer's output stays what it was.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/smoothing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "converter/quantize/folds.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace adder {
namespace {

TEST(Smoothing, FactorsFollowTheirEquation) {
    const std::vector<float> activation{1, 8, 0.5f, 100}, weights{0.1f, 0.2f, 3, 0.05f};
    for (const double alpha : {0.0, 0.5, 0.7, 1.0}) {
        double raw[4], mean = 1;
        for (size_t j = 0; j < 4; ++j) {
            raw[j] = std::pow(activation[j], alpha) / std::pow(weights[j], 1 - alpha);
            mean *= std::pow(raw[j], 0.25);
        }
        const std::vector<float> factors = smoothing_factors(activation, weights, alpha);
        for (size_t j = 0; j < 4; ++j) EXPECT_NEAR(factors[j], raw[j] / mean, 1e-6 * raw[j] / mean);
    }
}

TEST(Smoothing, DeadChannelsAndExtremesAreSafe) {
    const std::vector<float> factors =
        smoothing_factors({4, 0, 1, 9, 1}, {1, 1, 1, 0, 0.5f}, 1.0);  // alive: 4, 1 and 1
    const float mean = std::cbrt(4.0f);
    EXPECT_EQ(factors[1], 1.0f);
    EXPECT_EQ(factors[3], 1.0f);
    EXPECT_NEAR(factors[0], 4 / mean, 1e-5f);
    EXPECT_NEAR(factors[2], 1 / mean, 1e-5f);
    EXPECT_NEAR(factors[4], 1 / mean, 1e-5f);
    EXPECT_EQ(smoothing_factors({0, 0}, {0, 1}, 0.5), (std::vector<float>{1, 1}));
    EXPECT_EQ(smoothing_factors({1e30f, 1e-30f}, {1, 1}, 1.0), (std::vector<float>{1e3f, 1e-3f}));
    EXPECT_TRUE(smoothing_factors({}, {}, 0.5).empty());
    EXPECT_HAS(test::error_of([] { smoothing_factors({1, NAN}, {1, 1}, 0.5); }), "activation in channel 1");
    EXPECT_HAS(test::error_of([] { smoothing_factors({1, 1}, {INFINITY, 1}, 0.5); }), "weights in channel 0");
    EXPECT_HAS(test::error_of([] { smoothing_factors({-1, 1}, {1, 1}, 0.5); }), "channel 0");
    EXPECT_HAS(test::error_of([] { smoothing_factors({1, 1}, {1}, 0.5); }, ExitCode::failure), "2 channels");
}

TEST(Smoothing, ColumnMaxima) {
    EXPECT_EQ(column_absmax(DenseTensor{2, 3, {1, -5, 0, -2, 3, 0}}), (std::vector<float>{2, 5, 0}));
    EXPECT_HAS(test::error_of([] { column_absmax(DenseTensor{2, 2, {1, NAN, 3, 4}}); }), "row 0, column 1");
}

TEST(Hadamard, IsTheSylvesterMatrix) {
    for (uint32_t j = 0; j < 64; ++j) {
        double values[64] = {};
        values[j] = 1;
        walsh_hadamard(values, 64);
        for (uint32_t i = 0; i < 64; ++i)
            EXPECT_EQ(values[i], __builtin_popcount(i & j) % 2 ? -1.0 : 1.0) << i << " " << j;
    }
}

// y = W v before and after: transforms of the input in double, so that only the fold's one rounding remains.
class Fold : public testing::Test {
  protected:
    static constexpr uint32_t rows = 10, cols = 192;

    std::vector<double> product(const DenseTensor &weights, const std::vector<double> &input) const {
        std::vector<double> output(rows, 0.0);
        for (size_t i = 0; i < weights.values.size(); ++i)
            output[i / cols] += static_cast<double>(weights.values[i]) * input[i % cols];
        return output;
    }

    void expect_same_output(const DenseTensor &folded, const std::vector<double> &input) const {
        const std::vector<double> expected =
            product(weights_, std::vector<double>(values_.begin(), values_.end()));
        const std::vector<double> found = product(folded, input);
        double largest = 0;
        for (const double value : expected) largest = std::max(largest, std::fabs(value));
        for (size_t row = 0; row < rows; ++row) EXPECT_NEAR(found[row], expected[row], 1e-6 * largest);
    }

    std::vector<float> factors() const {
        std::vector<float> result = test::normal_values(cols, 3);
        for (float &factor : result) factor = std::exp(factor);
        return result;
    }

    DenseTensor weights_{rows, cols, test::normal_values(size_t{rows} * cols, 1)};
    std::vector<float> values_ = test::normal_values(cols, 2);
};

TEST_F(Fold, FactorsCancel) {
    const std::vector<float> f = factors();
    std::vector<double> input(cols);
    for (size_t j = 0; j < cols; ++j) input[j] = static_cast<double>(values_[j]) / static_cast<double>(f[j]);
    DenseTensor folded = weights_;
    fold_factors(&folded, f);
    expect_same_output(folded, input);
}

TEST_F(Fold, HadamardCancelsWithAndWithoutFactors) {
    for (const bool with_factors : {false, true}) {
        const std::vector<float> f = with_factors ? factors() : std::vector<float>();
        std::vector<double> input(cols);
        for (size_t j = 0; j < cols; ++j)
            input[j] = static_cast<double>(values_[j]) / (with_factors ? static_cast<double>(f[j]) : 1.0);
        for (size_t first = 0; first < cols; first += 64) walsh_hadamard(&input[first], 64);
        for (double &value : input) value /= 8;
        DenseTensor folded = weights_;
        fold_hadamard(&folded, f);
        expect_same_output(folded, input);
    }
}

TEST_F(Fold, HadamardSpreadsAnOutlier) {
    DenseTensor spike{1, 64, std::vector<float>(64)};
    spike.values[17] = 8.0f;
    fold_hadamard(&spike, {});
    for (const float value : spike.values) EXPECT_EQ(std::fabs(value), 1.0f);
}

TEST_F(Fold, OddWidthsAreRefused) {
    DenseTensor odd{2, 100, std::vector<float>(200)};
    EXPECT_HAS(test::error_of([&] { fold_hadamard(&odd, {}); }), "there are 100");
    EXPECT_HAS(test::error_of([&] { fold_factors(&odd, {1.0f}); }, ExitCode::failure), "100 channels");
}

}  // namespace
}  // namespace adder
