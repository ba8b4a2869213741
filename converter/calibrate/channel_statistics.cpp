// Counting, and errors from the counts.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/channel_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace adder {
namespace {

float float_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// The integral from 0 to y of (clamp(round(t), -limit, limit) - t)^2, y >= 0: 1/12 a code, and a cubic in the last.
double error_integral(double y, double limit) {
    const double code = std::min(std::nearbyint(y), limit), rest = y - code;
    return code / 12 + rest * rest * rest / 3;
}

uint32_t magnitude_bits(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits & 0x7fffffff;
}

}  // namespace

ChannelStatistics::ChannelStatistics(uint64_t tokens, const std::vector<float> &absmax,
                                     std::vector<uint32_t> counts)
    : tokens_(tokens), counts_(std::move(counts)) {
    for (const float value : absmax) absmax_bits_.push_back(magnitude_bits(value));
}

uint32_t ChannelStatistics::bin_of(float magnitude) {
    const uint32_t top = magnitude_bits(magnitude) >> mantissa_shift;
    return top >= first_bits ? std::min(top - first_bits, bin_count - 1) : no_bin;
}

void ChannelStatistics::add(const float *values, uint32_t channels, size_t stride, uint32_t tokens) {
    if (absmax_bits_.size() < channels) {
        absmax_bits_.resize(channels, 0);
        counts_.resize(size_t{channels} * bin_count, 0);
    }
    tokens_ += tokens;
    // A channel at a time: all counts together are more than a cache holds.
    for (uint32_t channel = 0; channel < channels; ++channel) {
        uint32_t highest = absmax_bits_[channel];
        uint32_t *const counts = &counts_[size_t{channel} * bin_count];
        for (uint32_t t = 0; t < tokens; ++t) {
            const float value = values[t * stride + channel];
            highest = std::max(highest, magnitude_bits(value));
            const uint32_t bin = bin_of(value);
            if (bin != no_bin) ++counts[bin];
        }
        absmax_bits_[channel] = highest;
    }
}

void ChannelStatistics::merge(const ChannelStatistics &other) {
    if (absmax_bits_.size() < other.absmax_bits_.size()) {
        absmax_bits_.resize(other.absmax_bits_.size(), 0);
        counts_.resize(other.counts_.size(), 0);
    }
    tokens_ += other.tokens_;
    for (size_t i = 0; i < other.absmax_bits_.size(); ++i)
        absmax_bits_[i] = std::max(absmax_bits_[i], other.absmax_bits_[i]);
    for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
}

float ChannelStatistics::absmax(uint32_t channel) const { return float_of(absmax_bits_[channel]); }

std::vector<float> ChannelStatistics::absmax() const {
    std::vector<float> all;
    for (uint32_t bits : absmax_bits_) all.push_back(float_of(bits));
    return all;
}

uint32_t ChannelStatistics::first_bin(uint32_t channel) const {
    const uint32_t last = bin_of(absmax(channel));
    return last == no_bin || last < kept_bins ? 0 : last + 1 - kept_bins;
}

std::vector<uint32_t> ChannelStatistics::counts(uint32_t channel) const {
    const auto begin = counts_.begin() + static_cast<ptrdiff_t>(size_t{channel} * bin_count);
    std::vector<uint32_t> counts(begin, begin + bin_count);
    std::fill_n(counts.begin(), first_bin(channel), 0u);
    return counts;
}

template <typename Body>
void ChannelStatistics::each_bin(uint32_t channel, const Body &body) const {
    const double highest = static_cast<double>(absmax(channel));
    const uint32_t *const counts = &counts_[size_t{channel} * bin_count];
    for (uint32_t bin = first_bin(channel); bin < bin_count; ++bin) {
        if (counts[bin] == 0) continue;
        const double from = static_cast<double>(float_of((first_bits + bin) << mantissa_shift));
        const double end = static_cast<double>(float_of((first_bits + bin + 1) << mantissa_shift));
        body(from, bin + 1 < bin_count ? std::min(end, highest) : highest, static_cast<double>(counts[bin]));
    }
}

double ChannelStatistics::mean_square(uint32_t channel) const {
    double sum = 0;
    each_bin(channel, [&](double from, double to, double count) {
        sum += count * (from * from + from * to + to * to) / 3;
    });
    return tokens_ == 0 ? 0 : sum / static_cast<double>(tokens_);
}

double ChannelStatistics::mean_squared_error(uint32_t channel, double scale, double limit) const {
    double sum = 0;
    each_bin(channel, [&](double from, double to, double count) {
        const double low = from / scale, high = to / scale;
        if (high < 0.5)  // code 0
            sum += count * (low * low + low * high + high * high) / 3;
        else if (high - low > 1e-9 * high)
            sum += count * (error_integral(high, limit) - error_integral(low, limit)) / (high - low);
        else
            sum += count * std::pow(low - std::min(std::nearbyint(low), limit), 2);
    });
    return tokens_ == 0 ? 0 : sum * scale * scale / static_cast<double>(tokens_);
}

}  // namespace adder
