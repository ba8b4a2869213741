// Calibration: what the inputs of the linear layers are like on a text, and the scales and factors that follow.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/float_model.h"
#include "converter/plan.h"
#include "converter/rounding.h"

namespace adder {

// What calibration decided for the input of one linear layer.
struct InputScales {
    float scale = 0;  // of the codes, v / factor = code * scale; 0 for a float input or one scale a token
    std::vector<float> factors;  // smoothing, one a column; empty: none
    // The weights rounded with the Hessian of this input, where the plan asks for it and they lie on no grid already.
    std::optional<Int4Matrix> rounded;
};

struct Calibration {
    struct Layer {
        InputScales in_proj, x_proj, dt_proj, out_proj;
        const InputScales &of(Role role) const;
        InputScales &of(Role role);
    };
    std::vector<Layer> layers;
    InputScales head;
    std::vector<std::string> notes;  // what was done other than the plan asks, a sentence each

    const InputScales &of(Role role, uint32_t layer) const;
    InputScales &of(Role role, uint32_t layer);
};

// Runs the sequences through the float model: once for the ranges of all channels, from which the smoothing factors
// follow, and once more, layer by layer, for searched scales and for the Hessians that GPTQ rounds with. The result
// does not depend on the number of threads. Throws Error(bad_input) naming layer and input if an activation is not
// finite.
Calibration calibrate(FloatModel &model, const std::vector<Tokens> &sequences, const Plan &model_plan,
                      ThreadPool &pool);

}  // namespace adder
