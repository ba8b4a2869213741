// Samples of a measurement on a machine that others use as well: the median, and how far the others lie from it.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

namespace adder {

class Samples {
  public:
    void add(double value) { values_.push_back(value); }
    bool empty() const { return values_.empty(); }
    double median() const { return quantile(0.5); }
    double least() const { return quantile(0); }
    double most() const { return quantile(1); }
    // The value below which that share of the samples lies, interpolated between neighbours; NaN without samples.
    double quantile(double share) const;
    // Median absolute deviation from the median, in percent of the median.
    double spread_percent() const;

  private:
    std::vector<double> values_;
};

}  // namespace adder
