// Calibration: what the inputs of the linear layers are like on a text, and the scales and factors that follow.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "converter/calibrate/calibration.h"
#include "converter/calibrate/file.h"
#include "converter/model/float_model.h"
#include "converter/plan/plan.h"

namespace adder {

// Runs the sequences through the float model for the statistics of all channels, from which smoothing factors and scales
// follow layer by layer; and once more for scales of what a Hadamard transform makes of them, where the plan has one. The
// result does not depend on the number of threads. Throws Error(bad_input) naming layer and input if an activation is not
// finite. `known` has the statistics of these very sequences, which then need no run; null: they are not known.
Calibration calibrate(FloatModel &model, const std::vector<Tokens> &sequences, const Plan &plan,
                      const CalibrationFile *known = nullptr);

// The same from a file of such statistics, of this checkpoint. `plan` must ask for no more than they tell:
// require_no_text.
Calibration calibrate(const CalibrationFile &file, const Checkpoint &checkpoint, const Plan &plan);

// The statistics alone, for a file: those of a layer when all sequences are through it, in the order of
// Plan::each_input, on the calling thread.
using StatisticsSink = std::function<void(Role role, uint32_t block, const ChannelStatistics &statistics)>;
void collect_statistics(FloatModel &model, const std::vector<Tokens> &sequences, const StatisticsSink &take);

// The same as the text of a calibration file.
std::string calibration_json(FloatModel &model, const CalibrationSource &source,
                             const std::vector<Tokens> &sequences);

}  // namespace adder
