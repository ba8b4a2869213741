// Small scatter plots as SVG 1.1, for pages of page.h.
// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace adder {

struct PlotPoint {
    std::string label;  // stands beside the point
    double x, y;
    double error =
        std::numeric_limits<double>::quiet_NaN();  // half the length of the bar around y; NaN or 0: none
};

struct Plot {
    std::string title, x_label, y_label;
    std::vector<PlotPoint> points;  // those that are not finite are left out
};

// One <svg> element, 560 by 360 units. Axes begin where the points do, with ticks at 1, 2 or 5 times a power of ten.
std::string svg_scatter(const Plot &plot);

}  // namespace adder
