// The histogram, and the searches over it and over the statistics of channels.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/static_scale.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "converter/base/error.h"

namespace adder {

void MagnitudeHistogram::add(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits &= 0x7fffffff;
    absmax_bits_ = std::max(absmax_bits_, bits);
    ++count_;
    const uint32_t top = bits >> mantissa_shift;
    if (top < first_bits)
        ++below_;
    else
        ++bins_[std::min(top - first_bits, bin_count - 1)];
}

void MagnitudeHistogram::merge(const MagnitudeHistogram &other) {
    for (uint32_t bin = 0; bin < bin_count; ++bin) bins_[bin] += other.bins_[bin];
    below_ += other.below_;
    count_ += other.count_;
    absmax_bits_ = std::max(absmax_bits_, other.absmax_bits_);
}

float MagnitudeHistogram::lower_end(uint32_t bin) {
    const uint32_t bits = (first_bits + bin) << mantissa_shift;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

float MagnitudeHistogram::absmax() const {
    float value;
    std::memcpy(&value, &absmax_bits_, sizeof value);
    return value;
}

float MagnitudeHistogram::percentile(double percent) const {
    const double wanted = std::ceil(percent / 100 * static_cast<double>(count_));
    uint64_t seen = below_;
    for (uint32_t bin = 0;; ++bin) {
        if (bin == bin_count) return absmax();
        if (static_cast<double>(seen) >= wanted) return std::min(lower_end(bin), absmax());
        seen += bins_[bin];
    }
}

namespace {

// The integral from 0 to y of (clamp(round(t), -limit, limit) - t)^2, y >= 0: 1/12 a code, and a cubic in the last.
double error_integral(double y, double limit) {
    const double code = std::min(std::nearbyint(y), limit), rest = y - code;
    return code / 12 + rest * rest * rest / 3;
}

}  // namespace

double MagnitudeHistogram::squared_error(double scale, double limit) const {
    const double highest = static_cast<double>(absmax());
    double sum = 0;
    for (uint32_t bin = 0; bin < bin_count; ++bin) {
        if (bins_[bin] == 0) continue;
        const double from = static_cast<double>(lower_end(bin)) / scale;
        const double end = bin + 1 < bin_count ? static_cast<double>(lower_end(bin + 1)) : highest;
        const double to = std::min(end, highest) / scale;
        const double mean = to - from > 1e-9 * to
                                ? (error_integral(to, limit) - error_integral(from, limit)) / (to - from)
                                : std::pow(from - std::min(std::nearbyint(from), limit), 2);
        sum += static_cast<double>(bins_[bin]) * mean;
    }
    return sum * scale * scale;
}

namespace {

float finite_absmax(const MagnitudeHistogram &histogram) {
    const float highest = histogram.absmax();
    if (!std::isfinite(highest)) bad_input("an activation is not finite on the calibration text");
    return highest;
}

float scale_or_one(double scale) {
    return scale > 1e-30 ? static_cast<float>(scale) : 1.0f;  // so that its reciprocal is finite
}

}  // namespace

float absmax_scale(const MagnitudeHistogram &histogram, double limit) {
    return scale_or_one(static_cast<double>(finite_absmax(histogram)) / limit);
}

float percentile_scale(const MagnitudeHistogram &histogram, double percent, double limit) {
    const float highest = finite_absmax(histogram);
    return scale_or_one(static_cast<double>(std::min(histogram.percentile(percent), highest)) / limit);
}

double mse_step(int index) { return std::pow(0.08, index / static_cast<double>(mse_steps - 1)); }

float mse_scale(const MagnitudeHistogram &histogram, double limit) {
    const double widest = static_cast<double>(finite_absmax(histogram)) / limit;
    double best = widest, least = INFINITY;
    for (int step = 0; step < mse_steps && widest > 1e-28; ++step) {
        const double scale = widest * mse_step(step), error = histogram.squared_error(scale, limit);
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return scale_or_one(best);
}

float channel_mse_scale(const ChannelStatistics &statistics, const std::vector<float> &factors,
                        const std::vector<double> &weights, double limit, double *least_error) {
    const uint32_t channels = statistics.channels();
    const auto factor = [&](uint32_t j) { return factors.empty() ? 1.0 : static_cast<double>(factors[j]); };
    double highest = 0;
    for (uint32_t j = 0; j < channels; ++j)
        highest = std::max(highest, static_cast<double>(statistics.absmax(j)) / factor(j));
    const double widest = highest / limit;
    double best = widest, least = INFINITY;
    for (int step = 0; step < mse_steps && widest > 1e-28; ++step) {
        const double scale = widest * mse_step(step);
        double error = 0;
        for (uint32_t j = 0; j < channels; ++j) {
            const double f = factor(j), weight = weights.empty() ? 1.0 : weights[j];
            error += weight * statistics.mean_squared_error(j, scale * f, limit) / (f * f);
            if (error >= least) break;
        }
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    if (least_error) *least_error = std::isfinite(least) ? least : 0;
    return scale_or_one(best);
}

}  // namespace adder
