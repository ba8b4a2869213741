// Log-sum-exp and KL divergence against libm in double, and sample statistics against hand-computed ones.
// SPDX-License-Identifier: MIT
#include "converter/eval/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "converter/report/scatter_plot.h"
#include "kernels/scalar/math.h"

namespace adder {
namespace {

std::vector<float> random_row(uint32_t n, uint32_t seed, float spread) {
    std::mt19937 random(seed);
    std::vector<float> row(n);
    for (float &x : row) x = spread * (static_cast<float>(random() % 20001) / 10000.0f - 1.0f);
    return row;
}

double exact_lse(const std::vector<float> &row) {
    double highest = -1e300, sum = 0;
    for (float x : row) highest = std::max(highest, static_cast<double>(x));
    for (float x : row) sum += std::exp(static_cast<double>(x) - highest);
    return highest + std::log(sum);
}

TEST(EvalMath, LogSumExpOfEveryLength) {
    for (uint32_t n = 1; n < 300; ++n)
        for (float spread : {0.0f, 1.0f, 30.0f, 200.0f}) {
            const std::vector<float> row = random_row(n, n, spread);
            EXPECT_NEAR(log_sum_exp(row.data(), n), exact_lse(row), 5e-7 * std::max(1.0f, spread / 10))
                << n << " " << spread;
        }
}

TEST(EvalMath, KlDivergenceOfEveryLength) {
    for (uint32_t n = 1; n < 300; ++n) {
        const std::vector<float> base = random_row(n, n, 8), noise = random_row(n, n + 1000, 0.3f);
        std::vector<float> model(n);
        for (uint32_t i = 0; i < n; ++i)
            model[i] = base[i] + noise[i] + 5;  // an offset changes no prediction
        const double base_lse = exact_lse(base), model_lse = exact_lse(model);
        double exact = 0;
        for (uint32_t i = 0; i < n; ++i) {
            const double log_p = static_cast<double>(base[i]) - base_lse;
            exact += std::exp(log_p) * (log_p - (static_cast<double>(model[i]) - model_lse));
        }
        EXPECT_NEAR(kl_divergence(base.data(), model.data(), n), exact, 2e-6) << n;
        EXPECT_EQ(kl_divergence(base.data(), base.data(), n), 0.0) << n;
    }
}

TEST(EvalMath, Top1IsTheFirstOfEquals) {
    std::vector<float> row(131, 1.0f);
    EXPECT_EQ(top1(row.data(), 131), 0u);
    row[70] = row[90] = 2;
    EXPECT_EQ(top1(row.data(), 131), 70u);
    row[130] = 3;
    EXPECT_EQ(top1(row.data(), 131), 130u);
    EXPECT_EQ(top1(row.data(), 1), 0u);
}

TEST(EvalMath, Statistics) {
    const Estimate mean = mean_of({1, 0, 0, 1, 1});
    EXPECT_DOUBLE_EQ(mean.value, 0.6);
    EXPECT_DOUBLE_EQ(mean.error, std::sqrt(0.6 * 0.4 / 4));  // as sqrt(p (1 - p) / (n - 1))
    EXPECT_TRUE(std::isnan(mean_of({1}).error));
    EXPECT_TRUE(std::isnan(mean_of({}).value));
    const Estimate ratio = ratio_of({{2, 1}, {2, 3}, {4, 4}});
    EXPECT_DOUBLE_EQ(ratio.value, 1);
    EXPECT_DOUBLE_EQ(ratio.error, std::sqrt(1.5 * (1 + 1 + 0)) / 8);
    EXPECT_TRUE(std::isnan(ratio_of({{2, 1}}).error));
    // Clusters of one are a sample.
    const Estimate a = ratio_of({{1, 3}, {1, 5}, {1, 10}}), b = mean_of({3, 5, 10});
    EXPECT_DOUBLE_EQ(a.value, b.value);
    EXPECT_DOUBLE_EQ(a.error, b.error);
}

TEST(Svg, LeavesOutWhatIsNoNumberAndEscapesText) {
    const double nan = std::nan("");
    Plot plot{"a<b & \"c\"", "x", "y", {{"one", 8, 20, 0.5}, {"none", 4, nan}, {"<two>", 16, 18}}};
    const std::string svg = svg_scatter(plot);
    EXPECT_NE(svg.find("a&lt;b &amp; &quot;c&quot;"), std::string::npos);
    EXPECT_NE(svg.find("&lt;two&gt;"), std::string::npos);
    EXPECT_EQ(svg.find("none"), std::string::npos);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    size_t circles = 0;
    for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1))
        ++circles;
    EXPECT_EQ(circles, 2u);
    // One point, two equal ones, and none at all are drawn as well.
    plot.points = {{"p", 1e-9, 1e9}, {"q", 1e-9, 1e9}};
    EXPECT_EQ(svg_scatter(plot).find("nan"), std::string::npos);
    plot.points.clear();
    EXPECT_NE(svg_scatter(plot).find("no figures"), std::string::npos);
}

}  // namespace
}  // namespace adder
