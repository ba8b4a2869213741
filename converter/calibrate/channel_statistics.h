// What calibration sees of the input of a linear layer: for each channel its largest magnitude and a histogram of magnitudes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace adder {

// Per-channel counts of magnitudes, in eight equal bins per octave, from 2^-20 to 2^16. Fine enough for
// any smoothing to be applied afterwards, as it multiplies a whole channel. What lies 12 octaves below a channel's largest
// magnitude does not count: with any scale that is tried (0.08 of that of the largest magnitude, at least) its code is 0,
// and a sum over 1 / 2^24 of the channel's power changes no choice. Counts are integers: threads may each fill
// statistics of their own, and in whatever order they are merged, the result is the same. 1.2 KB a channel.
class ChannelStatistics {
    static constexpr uint32_t octave_bits = 3, lowest_exponent = 20, octaves = 36;

  public:
    static constexpr uint32_t bin_count = octaves << octave_bits;
    static constexpr uint32_t no_bin = ~0u;
    static constexpr uint32_t kept_bins = 12 << octave_bits;
    // Where a magnitude is counted; no_bin below the first bin.
    static uint32_t bin_of(float magnitude);

    ChannelStatistics() = default;
    // absmax: [channels], finite; counts: [channels][bin_count].
    ChannelStatistics(uint64_t tokens, const std::vector<float> &absmax, std::vector<uint32_t> counts);

    // Of one token, or of several, [tokens][stride].
    void add(const float *values, uint32_t channels) { add(values, channels, channels, 1); }
    void add(const float *values, uint32_t channels, size_t stride, uint32_t tokens);
    void merge(const ChannelStatistics &other);

    uint32_t channels() const { return static_cast<uint32_t>(absmax_bits_.size()); }
    uint64_t tokens() const { return tokens_; }
    // Exactly; infinite or NaN if any value was.
    float absmax(uint32_t channel) const;
    std::vector<float> absmax() const;
    // The counts of all bins, [bin_count], 0 where they do not count.
    std::vector<uint32_t> counts(uint32_t channel) const;
    // The mean of v^2, of values spread evenly over their bins.
    double mean_square(uint32_t channel) const;
    // The mean of (q * scale - v)^2, q = v / scale rounded and clamped to -limit..limit.
    double mean_squared_error(uint32_t channel, double scale, double limit) const;

  private:
    static constexpr uint32_t mantissa_shift = 23 - octave_bits;
    static constexpr uint32_t first_bits = (127 - lowest_exponent) << octave_bits;
    // The lowest bin that counts. It rises with the largest magnitude: what was left out on one side of a merge would be
    // left out of the sum.
    uint32_t first_bin(uint32_t channel) const;
    // Calls body(from, to, count) for the bins of a channel that hold something. The last ends at the largest magnitude.
    template <typename Body>
    void each_bin(uint32_t channel, const Body &body) const;

    uint64_t tokens_ = 0;
    std::vector<uint32_t> absmax_bits_;  // [channels], as integers: magnitudes < infinity < NaN
    std::vector<uint32_t> counts_;       // [channels][bin_count]; magnitudes below the first bin are in none
};

}  // namespace adder
