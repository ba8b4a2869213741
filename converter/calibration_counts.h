// Histograms as text: how a calibration file writes the counts of a channel.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace adder {

// Bins from the first to the last that holds something. A count has base 26, A to Z and last a to z ("b" is 1, "Ba" 26,
// "BBa" 702); as many empty bins as a decimal number says are left out. A histogram of nothing is an empty text.
std::string counts_to_text(const uint32_t *counts, size_t bins);

// Fills counts[0..bins). Throws Error(bad_input) naming `what` and the character if the text is no such histogram, has
// more bins, or a count is beyond 32 bits.
void counts_from_text(std::string_view text, const std::string &what, uint32_t *counts, size_t bins);

}  // namespace adder
