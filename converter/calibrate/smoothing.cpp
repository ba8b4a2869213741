// The factors, and what they are made from.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/smoothing.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/quantize/rounding.h"

namespace adder {
namespace {

void check_magnitude(const char *what, size_t channel, float value) {
    if (!(value >= 0) || !std::isfinite(value))
        bad_input("the largest magnitude of the %s in channel %zu is %g", what, channel,
                  static_cast<double>(value));
}

void check_count(size_t found, size_t needed) {
    if (found != needed)
        fail(ExitCode::failure, "%zu smoothing factors or magnitudes for %zu channels", found, needed);
}

}  // namespace

std::vector<float> smoothing_factors(const std::vector<float> &activation_absmax,
                                     const std::vector<float> &weight_absmax, double alpha) {
    const size_t channels = activation_absmax.size();
    check_count(weight_absmax.size(), channels);
    std::vector<double> logs(channels, 0.0);
    const auto alive = [&](size_t j) { return activation_absmax[j] > 0 && weight_absmax[j] > 0; };
    double sum = 0, count = 0;
    for (size_t j = 0; j < channels; ++j) {
        check_magnitude("activation", j, activation_absmax[j]);
        check_magnitude("weights", j, weight_absmax[j]);
        if (!alive(j)) continue;
        logs[j] = alpha * std::log(static_cast<double>(activation_absmax[j])) -
                  (1 - alpha) * std::log(static_cast<double>(weight_absmax[j]));
        sum += logs[j];
        ++count;
    }
    std::vector<float> factors(channels, 1.0f);
    for (size_t j = 0; j < channels; ++j)
        if (alive(j)) factors[j] = static_cast<float>(std::clamp(std::exp(logs[j] - sum / count), 1e-3, 1e3));
    return factors;
}

std::vector<float> column_absmax(const DenseTensor &tensor) {
    require_finite(tensor);
    std::vector<float> highest(tensor.cols, 0.0f);
    for (size_t i = 0; i < tensor.values.size(); ++i) {
        float &so_far = highest[i % tensor.cols];
        so_far = std::max(so_far, std::fabs(tensor.values[i]));
    }
    return highest;
}

}  // namespace adder
