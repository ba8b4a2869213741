// Lines over named places, on a logarithmic axis, as SVG for pages of page.h.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace adder {

struct Series {
    std::string name;
    std::vector<double> values;  // at each place; what is not above 0 is left out
};

// One <svg> element, 560 units wide, with a legend under it. Of more than eight series those beyond have dashed lines.
std::string svg_series(const std::string &title, const std::string &x_label, const std::string &y_label,
                       const std::vector<std::string> &places, const std::vector<Series> &series);

}  // namespace adder
