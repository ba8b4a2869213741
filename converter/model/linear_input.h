// The inputs of the linear layers, as layer_forward leaves them behind.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/import/config.h"
#include "runtime/layer.h"

namespace adder {

// The inputs of a linear layer for a chunk of tokens: [tokens][stride], the first `width` of each.
struct LinearInputs {
    const float *values;
    uint32_t width, stride, tokens;
};

// Those of a layer whose linear layers take floats, without padding. The head's are those of in_proj.
LinearInputs linear_inputs(Role role, const ModelConfig &config, const Shape &shape,
                           const ChunkBuffers &buffers, uint32_t tokens);

// What the codes of a token's input stand for: v divided by the smoothing factors (empty: none), then transformed if
// `input` is hadamard. In place, `width` floats.
void fold_input(Input input, const std::vector<float> &factors, float *v, uint32_t width);

}  // namespace adder
