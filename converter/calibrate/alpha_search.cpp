// The search over alpha, and over the scale for each.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/alpha_search.h"

#include <algorithm>
#include <cmath>

#include "converter/calibrate/smoothing.h"
#include "converter/calibrate/static_scale.h"

namespace adder {
namespace {

// The mean square error of the output from rounding the weights: for each weight a step's square / 12 times the mean
// square of its input.
double weight_error(const ChannelStatistics &statistics, const DenseTensor &weights,
                    const std::vector<float> &factors, const LinearPlan &plan) {
    if (plan.weights == Dtype::f32) return 0;
    const uint32_t cols = weights.cols;
    std::vector<double> power(cols);
    for (uint32_t j = 0; j < cols; ++j)
        power[j] =
            statistics.mean_square(j) / (static_cast<double>(factors[j]) * static_cast<double>(factors[j]));
    const bool int4 = plan.weights == Dtype::int4;
    const uint32_t group = int4 && plan.group != 0 ? std::min(plan.group, cols) : cols;
    double sum = 0, all_power = 0, highest_of_all = 0;
    for (uint32_t row = 0; row < weights.rows; ++row)
        for (uint32_t first = 0; first < cols; first += group) {
            double highest = 0, input = 0;
            for (uint32_t j = first; j < std::min(cols, first + group); ++j) {
                highest =
                    std::max(highest, std::fabs(static_cast<double>(weights.values[size_t{row} * cols + j]) *
                                                static_cast<double>(factors[j])));
                input += power[j];
            }
            const double step = highest / (int4 ? 8 : 127);
            sum += step * step / 12 * input;
            all_power += input;
            highest_of_all = std::max(highest_of_all, step);
        }
    const bool one_scale = !int4 && plan.granularity == Granularity::tensor;
    return one_scale ? highest_of_all * highest_of_all / 12 * all_power : sum;
}

}  // namespace

SmoothingChoice search_alpha(const ChannelStatistics &statistics, const DenseTensor &weights,
                             const LinearPlan &plan, double limit) {
    const uint32_t cols = weights.cols;
    const std::vector<float> activation_absmax = statistics.absmax(), weight_absmax = column_absmax(weights);
    std::vector<double> column_squares(cols, 0.0);
    for (size_t i = 0; i < weights.values.size(); ++i)
        column_squares[i % cols] +=
            static_cast<double>(weights.values[i]) * static_cast<double>(weights.values[i]);
    SmoothingChoice best{};
    for (int step = 0; step <= 10; ++step) {
        SmoothingChoice tried{};
        tried.alpha = static_cast<float>(step) / 10;
        std::vector<float> factors(cols, 1.0f);
        if (step > 0) factors = smoothing_factors(activation_absmax, weight_absmax, step / 10.0);
        std::vector<double> gains(cols);
        for (uint32_t j = 0; j < cols; ++j)
            gains[j] = column_squares[j] * static_cast<double>(factors[j]) * static_cast<double>(factors[j]);
        tried.scale = channel_mse_scale(statistics, factors, gains, limit, &tried.error);
        tried.error += weight_error(statistics, weights, factors, plan);
        if (step > 0) tried.factors = std::move(factors);
        if (step == 0 || tried.error < best.error) best = std::move(tried);
    }
    return best;
}

}  // namespace adder
