// Calibration: what the inputs of the linear layers are like on a text, and the scales and factors that follow.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "converter/calibration.h"
#include "converter/float_model.h"
#include "converter/plan.h"

namespace adder {

// Runs the sequences through the float model for the statistics of all channels, from which smoothing factors and scales
// follow layer by layer; and once more for scales of what a Hadamard transform makes of them, where the plan has one. The
// result does not depend on the number of threads. Throws Error(bad_input) naming layer and input if an activation is not
// finite.
Calibration calibrate(FloatModel &model, const std::vector<Tokens> &sequences, const Plan &plan);

}  // namespace adder
