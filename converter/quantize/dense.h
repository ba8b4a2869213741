// A tensor in floats, as all that rounds and folds takes it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace adder {

// A tensor without padding, row-major: [rows][cols], floats.
struct DenseTensor {
    uint32_t rows, cols;
    std::vector<float> values;
};

}  // namespace adder
