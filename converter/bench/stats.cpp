// Median, quantiles and spread of samples.
// SPDX-License-Identifier: MIT
#include "converter/bench/stats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace adder {

double Samples::quantile(double share) const {
    if (values_.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const double at = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(at);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double Samples::spread_percent() const {
    const double middle = median();
    Samples deviations;
    for (const double value : values_) deviations.add(std::fabs(value - middle));
    return 100 * deviations.median() / middle;
}

}  // namespace adder
