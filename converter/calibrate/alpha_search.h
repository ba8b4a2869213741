// The search for the strength of smoothing of a static input, over the statistics of its channels.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "converter/calibrate/channel_statistics.h"
#include "converter/plan/recipe.h"
#include "converter/quantize/dense.h"

namespace adder {

struct SmoothingChoice {
    float alpha;
    std::vector<float> factors;  // empty: none
    float scale;                 // of the input's codes
    double error;                // of the layer's output, estimated: mean square, summed over its rows
};

// Of alpha 0 (no smoothing), 0.1, ... 1.0 the one with the least error of the layer's output, where errors of different
// channels and of different weights count as independent: sum over j of |W_j f_j|^2 * E(v_j / f_j's error^2) from the
// input's codes, and of E(v_j^2) / f_j^2 * (step^2 / 12, for each row) from the weights'.
SmoothingChoice search_alpha(const ChannelStatistics &statistics, const DenseTensor &weights,
                             const LinearPlan &plan, double limit);

}  // namespace adder
