// What calibration decides for the inputs of the linear layers.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "converter/plan/model_shape.h"

namespace adder {

// What calibration decided for the input of one linear layer.
struct InputScales {
    float scale = 0;  // of the codes, v / factor = code * scale; 0 for a float input or one scale per token
    float alpha = 0;  // the strength of the smoothing
    std::vector<float> factors;  // smoothing, one per column; empty: none
};

class Calibration {
  public:
    Calibration() = default;  // of nothing
    explicit Calibration(const ModelShape &shape);

    bool empty() const { return owners_.empty(); }
    // Of a linear layer, or of the embedding where that is the head.
    const InputScales &of(Role role, uint32_t block) const;
    InputScales &of(Role role, uint32_t block);

    std::vector<std::string> notes;  // what is odd about the inputs, a sentence each

  private:
    std::vector<std::map<Role, Role>> owners_;  // by block: who takes the same input first
    std::vector<std::map<Role, InputScales>> blocks_;
    InputScales head_;
};

}  // namespace adder
