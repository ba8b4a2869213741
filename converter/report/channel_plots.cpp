// Drawing profiles of channels and strips of outliers.
// SPDX-License-Identifier: MIT
#include "converter/report/channel_plots.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/report/svg.h"

namespace adder {
namespace {

// A round number at or above `value`: 1, 2 or 5 times a power of ten.
double round_up(double value) {
    if (!(value > 0)) return 1;
    const double power = std::pow(10.0, std::floor(std::log10(value)));
    const double part = value / power;
    return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

}  // namespace

std::string svg_channels(const std::string &title, const std::vector<float> &absmax,
                         const std::vector<double> &thresholds) {
    constexpr double width = 232, height = 118, left = 34, right = 8, top = 20, bottom = 20;
    const double floor = height - bottom;
    const size_t channels = absmax.size();
    const float highest = *std::max_element(absmax.begin(), absmax.end());
    const double top_value = round_up(static_cast<double>(highest));
    const auto y_of = [&](double value) { return floor - value / top_value * (floor - top); };
    const size_t places = std::min<size_t>(channels, static_cast<size_t>(width - left - right));
    const auto x_of = [&](size_t place) {
        return left +
               (static_cast<double>(place) + 0.5) * (width - left - right) / static_cast<double>(places);
    };
    std::vector<float> place_max(places, 0.0f);
    for (size_t i = 0; i < channels; ++i) {
        float &place = place_max[i * places / channels];
        place = std::max(place, absmax[i]);
    }

    std::string svg = svg_open(width, height, title);
    svg += svg_text(left, 12, "start", title, svg_title);
    for (double part : {0.5, 1.0}) {
        svg += svg_line(left, y_of(part * top_value), width - right, y_of(part * top_value), svg_grid);
        svg += svg_text(left - 4, y_of(part * top_value) + 4, "end", format("%g", part * top_value), svg_soft);
    }
    std::string path = format("<path class=\"s0\" d=\"M%.1f %.1f", left, floor);
    for (size_t i = 0; i < places; ++i)
        path += format("L%.1f %.1f", x_of(i), y_of(static_cast<double>(place_max[i])));
    svg += path + format("L%.1f %.1fZ\"/>\n", width - right, floor);
    if (!thresholds.empty() && thresholds[0] <= top_value)
        svg += svg_line(left, y_of(thresholds[0]), width - right, y_of(thresholds[0]),
                        std::string(svg_axis) + " stroke-dasharray=\"3 3\"");
    for (size_t i = 0; i < channels; ++i) {
        const double value = static_cast<double>(absmax[i]);
        size_t beyond = 0;
        while (beyond < thresholds.size() && value > thresholds[beyond]) ++beyond;
        if (beyond == 0) continue;
        svg +=
            format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%s\"><title>channel %zu: %.4g</title>"
                   "</circle>\n",
                   x_of(i * places / channels), y_of(value), 2.0 + 0.5 * static_cast<double>(beyond),
                   beyond == 1   ? "s4"
                   : beyond == 2 ? "s1"
                                 : "s3",
                   i, value);
    }
    svg += svg_line(left, floor, width - right, floor, svg_axis);
    svg += svg_text(left, height - 6, "start", "0", svg_soft) +
           svg_text((left + width - right) / 2, height - 6, "middle", "channel", svg_soft) +
           svg_text(width - right, height - 6, "end", format("%zu", channels - 1), svg_soft);
    return svg + "</svg>\n";
}

std::string svg_persistence(const std::string &title, uint32_t channels,
                            const std::vector<std::vector<uint32_t>> &outliers) {
    constexpr double width = 900, left = 64, right = 16, bars = 44, top = 24;
    const double row = std::clamp(240.0 / static_cast<double>(outliers.size()), 4.0, 12.0);
    const double strip = top + bars + 8, floor = strip + row * static_cast<double>(outliers.size());
    const double height = floor + 34;
    const double step = (width - left - right) / channels, mark = std::max(step, 2.5);
    std::vector<uint32_t> layers(channels, 0);
    for (const std::vector<uint32_t> &layer : outliers)
        for (uint32_t channel : layer) ++layers[channel];
    const uint32_t most = std::max(1u, *std::max_element(layers.begin(), layers.end()));
    const auto x_of = [&](uint32_t channel) { return left + step * channel + step / 2 - mark / 2; };

    std::string svg = svg_open(width, height, title);
    svg += svg_text(left, 14, "start", title, svg_title);
    svg += svg_text(left - 6, top + 10, "end", format("%u", most), svg_soft) +
           svg_text(left - 6, top + bars, "end", "layers", svg_soft);
    svg += svg_line(left, top + bars, width - right, top + bars, svg_axis);
    for (uint32_t i = 0; i < channels; ++i)
        if (layers[i] > 0) {
            const double tall = bars * layers[i] / most;
            svg += format(
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"s1\"><title>channel "
                "%u: %u layers</title></rect>\n",
                x_of(i), top + bars - tall, mark, tall, i, layers[i]);
        }
    svg += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"cell\"/>\n", left,
                  strip, width - left - right, floor - strip);
    for (size_t layer = 0; layer < outliers.size(); ++layer)
        for (uint32_t channel : outliers[layer])
            svg += format(
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"s0\"><title>layer "
                "%zu, channel %u</title></rect>\n",
                x_of(channel), strip + row * static_cast<double>(layer), mark, row - 0.5, layer, channel);
    svg += svg_text(left - 6, strip + 9, "end", "layer 0", svg_soft) +
           svg_text(left - 6, floor, "end", format("%zu", outliers.size() - 1), svg_soft);
    svg += svg_text(left, floor + 16, "start", "0", svg_soft) +
           svg_text((left + width - right) / 2, floor + 16, "middle", "channel", svg_soft) +
           svg_text(width - right, floor + 16, "end", format("%u", channels - 1), svg_soft);
    return svg + "</svg>\n";
}

}  // namespace adder
