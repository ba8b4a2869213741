// Pictures of channels as SVG for pages of page.h: the range of every channel, and where outliers are.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adder {

// The largest magnitude of each channel as a profile, a horizontal line at `thresholds[0]`, and the channels above it as
// points, coloured by how many of the ascending thresholds they are above. More channels than the picture is wide share
// a place, the highest of them is drawn. 232 by 118 units.
std::string svg_channels(const std::string &title, const std::vector<float> &absmax,
                         const std::vector<double> &thresholds);

// One row a layer and one place a channel: a mark where the channel is an outlier; above it, in how many layers it is.
// `outliers` has the channels of each layer, ascending.
std::string svg_persistence(const std::string &title, uint32_t channels,
                            const std::vector<std::vector<uint32_t>> &outliers);

}  // namespace adder
