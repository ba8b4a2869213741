// Calibration: the largest magnitude that each quantized activation takes on a calibration text.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/float_model.h"

namespace adder {

// absmax of the inputs of the linear layers, with float weights and activations.
struct ActivationRanges {
    struct Layer {
        float in_proj = 0, x_proj = 0, dt_proj = 0, out_proj = 0;
    };
    std::vector<Layer> layers;
    float head = 0;
};

// Runs the sequences through the model. The result does not depend on the number of threads. Throws Error(bad_input)
// naming layer and input if an activation is not finite.
ActivationRanges calibrate(FloatModel &model, const std::vector<Tokens> &sequences);

}  // namespace adder
