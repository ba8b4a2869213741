// Drawing series.
// SPDX-License-Identifier: MIT
#include "converter/report/series_plot.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/report/svg.h"

namespace adder {
namespace {

constexpr double width = 560, left = 62, right = 16, top = 28, bottom = 40, plot_height = 300;
constexpr double legend_row = 16, letter_width = 6;
constexpr size_t most_legend_columns = 3;
constexpr size_t most_places_named = 16;

bool is_drawn(double value) { return std::isfinite(value) && value > 0; }

// Whole decades around all values; empty where there are none.
struct Decades {
    int low = 0, high = -1;

    explicit Decades(const std::vector<Series> &series) {
        for (const Series &s : series)
            for (double value : s.values) {
                if (!is_drawn(value)) continue;
                const double decade = std::log10(value);
                const int below = static_cast<int>(std::floor(decade)),
                          above = std::max(below + 1, static_cast<int>(std::ceil(decade)));
                low = empty() ? below : std::min(low, below);
                high = std::max(high, above);
            }
    }
    bool empty() const { return high < low; }
    double y_of(double value) const {
        const double floor = plot_height - bottom;
        return floor - (std::log10(value) - low) / (high - low) * (floor - top);
    }
};

std::string draw(const Series &series, size_t index, const Decades &y, double first, double step,
                 const std::vector<std::string> &places) {
    const std::string colour = "s" + std::to_string(index % 8);
    std::string path, points;
    bool open = false;
    for (size_t i = 0; i < series.values.size(); ++i) {
        const double value = series.values[i];
        if (!is_drawn(value)) {
            open = false;
            continue;
        }
        const double px = first + step * static_cast<double>(i), py = y.y_of(value);
        path += format("%s%.1f %.1f", open ? "L" : "M", px, py);
        open = true;
        points +=
            format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"%s\"><title>", px, py, colour.c_str()) +
            xml_escape(series.name + ", " + places[i]) + format(": %.4g</title></circle>\n", value);
    }
    if (path.empty()) return "";
    return "<path class=\"" + colour + " stroke\"" + (index >= 8 ? " stroke-dasharray=\"4 3\"" : "") +
           " d=\"" + path + "\"/>\n" + points;
}

// As many as have room for the longest name.
size_t legend_columns(const std::vector<Series> &series) {
    size_t longest = 1;
    for (const Series &one : series) longest = std::max(longest, one.name.size());
    const double room = (width - left) / (24 + letter_width * static_cast<double>(longest));
    return std::clamp<size_t>(static_cast<size_t>(room), 1, most_legend_columns);
}

std::string legend(const std::vector<Series> &series) {
    const size_t columns = legend_columns(series);
    const double column = (width - left) / static_cast<double>(columns);
    std::string svg;
    for (size_t i = 0; i < series.size(); ++i) {
        const double x = left + column * static_cast<double>(i % columns),
                     y = plot_height + legend_row * static_cast<double>(i / columns) + 10;
        const std::string colour = "s" + std::to_string(i % 8);
        svg += format("<path class=\"%s stroke\"%s d=\"M%.1f %.1fh14\"/>\n", colour.c_str(),
                      i >= 8 ? " stroke-dasharray=\"4 3\"" : "", x, y - 4);
        svg +=
            format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"%s\"/>\n", x + 7, y - 4, colour.c_str());
        svg += svg_text(x + 20, y, "start", series[i].name, svg_ink);
    }
    return svg;
}

}  // namespace

std::string svg_series(const std::string &title, const std::string &x_label, const std::string &y_label,
                       const std::vector<std::string> &places, const std::vector<Series> &series) {
    const size_t columns = legend_columns(series);
    const double rows = static_cast<double>((series.size() + columns - 1) / columns);
    const double height = plot_height + legend_row * rows + 8, floor = plot_height - bottom;
    std::string svg = svg_open(width, height, title) + svg_text(left, 14, "start", title, svg_title);
    const Decades y(series);
    if (y.empty())
        return svg + svg_text(width / 2, plot_height / 2, "middle", "nothing above 0", svg_soft) + "</svg>\n";
    for (int decade = y.low; decade <= y.high; ++decade) {
        const double at = y.y_of(std::pow(10.0, decade));
        svg += svg_line(left, at, width - right, at, svg_grid) +
               svg_text(left - 6, at + 4, "end", format("%g", std::pow(10.0, decade)), svg_soft);
    }
    const double step = (width - left - right) / static_cast<double>(places.size()), first = left + step / 2;
    const size_t every = (places.size() + most_places_named - 1) / most_places_named;
    for (size_t i = 0; i < places.size(); i += every)
        svg += svg_text(first + step * static_cast<double>(i), floor + 15, "middle", places[i], svg_soft);
    svg += svg_line(left, floor, width - right, floor, svg_axis);
    svg += svg_text((left + width - right) / 2, floor + 32, "middle", x_label, svg_soft);
    const double middle = (top + floor) / 2;
    svg += svg_text(12, middle, "middle", y_label,
                    std::string(svg_soft) + format(" transform=\"rotate(-90 12 %.1f)\"", middle));
    for (size_t i = 0; i < series.size(); ++i) svg += draw(series[i], i, y, first, step, places);
    return svg + legend(series) + "</svg>\n";
}

}  // namespace adder
