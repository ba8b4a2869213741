// What calibration decides for the inputs of the linear layers.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/blob.h"

namespace adder {

// What calibration decided for the input of one linear layer.
struct InputScales {
    float scale = 0;  // of the codes, v / factor = code * scale; 0 for a float input or one scale a token
    float alpha = 0;  // the strength of the smoothing
    std::vector<float> factors;  // smoothing, one a column; empty: none
};

struct Calibration {
    struct Layer {
        InputScales in_proj, x_proj, dt_proj, out_proj;
        const InputScales &of(Role role) const;
        InputScales &of(Role role);
    };
    std::vector<Layer> layers;
    InputScales head;
    std::vector<std::string> notes;  // what is odd about the inputs, a sentence each

    const InputScales &of(Role role, uint32_t layer) const;
    InputScales &of(Role role, uint32_t layer);
};

}  // namespace adder
