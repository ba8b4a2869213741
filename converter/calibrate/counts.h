// Histograms as text: how a calibration file writes the counts of a channel.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace adder {

// Bins that double in width from octave to octave, as those of ChannelStatistics.
constexpr size_t octave_bins = 8;

// Bins from the first to the last that holds something. A count is told by how it differs from that of the bin before,
// where an octave begins from twice that: 0, +1, -1, +2, ... are the numbers 0, 1, 2, 3, ... of base 26, A to Z and last
// a to z ("b" is 1, "Ba" 26, "BBa" 702). A decimal number stands for as many empty bins; a histogram of nothing is an
// empty text.
std::string counts_to_text(const uint32_t *counts, size_t bins);

// Fills counts[0..bins). Throws Error(bad_input) naming `what` and the character if the text is no such histogram, has
// more bins, or a count is not within 1 .. 2^32 - 1.
void counts_from_text(std::string_view text, const std::string &what, uint32_t *counts, size_t bins);

}  // namespace adder
