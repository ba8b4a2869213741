// Finds the grid that a model was trained on: its weights are, but for the checkpoint's rounding, codes times scales.
// SPDX-License-Identifier: MIT
//
// Such a matrix is to be stored as it is: its codes are what the training chose, and a search or GPTQ would move them.
// A weight lies on a grid if code * scale is within half a bfloat16 unit of it (a relative 2^-9 to 2^-8): checkpoints
// are mostly rounded to bfloat16. That every weight of a matrix does so by chance is out of the question, except where
// a group has two or three weights only; and then it costs no more than the rounding of the checkpoint did.
#pragma once

#include <optional>

#include "converter/quantize/rounding.h"

namespace adder {

// Groups of `group` weights (0: whole rows), codes -8..7, bfloat16 scales of either sign. The weight of largest
// magnitude may have any code; -8 is tried first.
std::optional<Int4Matrix> find_int4_grid(const DenseTensor &tensor, uint32_t group);

// The same with scales of binary16, and exactly: every weight is a code times a scale. Weights of Q4_0 in GGUF files
// are.
std::optional<Int4Matrix> find_half_grid(const DenseTensor &tensor, uint32_t group);

// Codes -127..127, the weight of largest magnitude of a row (or of the tensor) at +-127, any float scale. absmax / 127
// does not find it in a rounded checkpoint: an error of 2^-9 in the scale is half a unit of the larger codes. The
// scale is narrowed down to the interval that all weights allow.
std::optional<Int8Matrix> find_int8_grid(const DenseTensor &tensor, Granularity granularity);

}  // namespace adder
