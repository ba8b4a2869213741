// Drawing scatter plots.
// SPDX-License-Identifier: MIT
#include "converter/report/scatter_plot.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/report/svg.h"

namespace adder {
namespace {

constexpr double width = 560, height = 360;
constexpr double left = 64, right = 16, top = 32, bottom = 48;

// An axis from `low` to `high`, drawn from `begin` to `end`.
struct Axis {
    double low, high, begin, end, step;

    Axis(double lowest, double highest, double first, double last, int ticks) : begin(first), end(last) {
        if (!(highest > lowest)) {
            const double margin = std::max(std::fabs(lowest) * 0.05, 0.5);
            lowest -= margin;
            highest += margin;
        }
        const double raw = (highest - lowest) / ticks;
        const double power = std::pow(10.0, std::floor(std::log10(raw)));
        step = power * (raw / power > 5 ? 10 : raw / power > 2 ? 5 : raw / power > 1 ? 2 : 1);
        low = std::floor(lowest / step) * step;
        high = std::ceil(highest / step) * step;
    }
    double at(double value) const { return begin + (value - low) / (high - low) * (end - begin); }
    int count() const { return static_cast<int>(std::lround((high - low) / step)); }
    std::string tick(int i) const {
        const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
        return format("%.*f", std::min(digits, 8), low + i * step);
    }
};

std::string axes(const Axis &x, const Axis &y, const Plot &plot) {
    std::string svg;
    for (int i = 0; i <= x.count(); ++i) {
        const double at = x.at(x.low + i * x.step);
        svg += svg_line(at, y.begin, at, y.end, svg_grid) +
               svg_text(at, y.begin + 16, "middle", x.tick(i), svg_soft);
    }
    for (int i = 0; i <= y.count(); ++i) {
        const double at = y.at(y.low + i * y.step);
        svg += svg_line(x.begin, at, x.end, at, svg_grid) +
               svg_text(x.begin - 6, at + 4, "end", y.tick(i), svg_soft);
    }
    svg += svg_line(x.begin, y.begin, x.end, y.begin, svg_axis) +
           svg_line(x.begin, y.begin, x.begin, y.end, svg_axis);
    svg += svg_text((x.begin + x.end) / 2, height - 12, "middle", plot.x_label, svg_soft);
    const double middle = (y.begin + y.end) / 2;
    svg += svg_text(14, middle, "middle", plot.y_label,
                    std::string(svg_soft) + format(" transform=\"rotate(-90 14 %.1f)\"", middle));
    return svg + svg_text(width / 2, 18, "middle", plot.title, svg_title);
}

}  // namespace

std::string svg_scatter(const Plot &plot) {
    std::vector<PlotPoint> points;
    for (const PlotPoint &p : plot.points)
        if (std::isfinite(p.x) && std::isfinite(p.y)) points.push_back(p);
    std::string svg = svg_open(width, height, plot.title);
    if (points.empty()) return svg + svg_text(width / 2, height / 2, "middle", "no figures") + "</svg>\n";
    const auto error = [](const PlotPoint &p) { return std::isfinite(p.error) ? p.error : 0.0; };
    double x_low = points[0].x, x_high = x_low, y_low = points[0].y, y_high = y_low;
    for (const PlotPoint &p : points) {
        x_low = std::min(x_low, p.x);
        x_high = std::max(x_high, p.x);
        y_low = std::min(y_low, p.y - error(p));
        y_high = std::max(y_high, p.y + error(p));
    }
    const Axis x(x_low, x_high, left, width - right, 6), y(y_low, y_high, height - bottom, top, 5);
    svg += axes(x, y, plot);
    for (size_t i = 0; i < points.size(); ++i) {
        const PlotPoint &p = points[i];
        const std::string colour = "s" + std::to_string(i % 8);
        const double px = x.at(p.x), py = y.at(p.y);
        if (error(p) > 0)
            svg += svg_line(px, y.at(p.y - error(p)), px, y.at(p.y + error(p)),
                            "class=\"" + colour + " stroke\"");
        svg += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"%s\"/>\n", px, py, colour.c_str());
        const bool flip = px > (left + width - right) / 2;
        // Neighbours of about the same size do not write over each other: above and below in turn.
        svg += svg_text(px + (flip ? -7 : 7), i % 2 == 0 ? py - 6 : py + 14, flip ? "end" : "start", p.label);
    }
    return svg + "</svg>\n";
}

}  // namespace adder
