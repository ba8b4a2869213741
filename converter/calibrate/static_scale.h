// Static scales of activations from what calibration saw: absmax, a percentile, or the least squared error.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "converter/calibrate/channel_statistics.h"

namespace adder {

// Counts of magnitudes in bins: 64 an octave from 2^-24 to 2^24, of equal width within an octave, so that a bin is at
// most 1/64 of its magnitude wide. Counts are integers: threads may each fill one of their own, and in whatever order
// they are merged, the result is the same. 24 KB.
class MagnitudeHistogram {
  public:
    void add(float value);
    void add(const float *values, size_t count) {
        for (size_t i = 0; i < count; ++i) add(values[i]);
    }
    void merge(const MagnitudeHistogram &other);

    uint64_t count() const { return count_; }
    // The largest magnitude, exactly; infinite or NaN if any value was.
    float absmax() const;
    // The magnitude that `percent` of the values do not exceed, to a bin's width; absmax at 100.
    float percentile(double percent) const;
    // sum (q * scale - v)^2, q = v / scale rounded and clamped to -limit..limit, of values spread evenly over their bins.
    double squared_error(double scale, double limit = 127) const;

  private:
    static constexpr uint32_t bin_count = 48 * 64;
    static constexpr uint32_t mantissa_shift = 23 - 6;
    static constexpr uint32_t first_bits = (127u - 24) << 6;  // 2^-24, exponent and 6 bits of the mantissa
    static float lower_end(uint32_t bin);

    std::array<uint64_t, bin_count> bins_{};
    uint64_t below_ = 0;  // magnitudes below the first bin; those beyond the last are in the last
    uint64_t count_ = 0;
    uint32_t absmax_bits_ = 0;  // as an integer: magnitudes < infinity < NaN
};

// The ways to choose the scale s of v = q * s, q in -limit..limit. Each gives 1 if all values are (as good as) zero, and
// throws Error(bad_input) if one was not finite.
float absmax_scale(const MagnitudeHistogram &histogram, double limit = 127);
// percentile / limit: what lies above is clamped.
float percentile_scale(const MagnitudeHistogram &histogram, double percent, double limit = 127);
// Of c * absmax / limit, c on 36 geometric steps 1.0 .. 0.08, the one with the least squared error.
float mse_scale(const MagnitudeHistogram &histogram, double limit = 127);

// Step 0..35 of mse_scale's c.
double mse_step(int index);
constexpr int mse_steps = 36;

// The same from the statistics of an input's channels: the one with the least sum of w_j * (q * scale - v_j / f_j)^2 over
// the channels j, which is stored as well unless least_error is null. factors f: empty for none; weights w: empty for 1. 1
// if all inputs are zero.
float channel_mse_scale(const ChannelStatistics &statistics, const std::vector<float> &factors,
                        const std::vector<double> &weights, double limit, double *least_error);

}  // namespace adder
