// Weights for inputs that are not quite what they should be: ridge regression with the factor that GPTQ has anyway.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/quantize/gptq.h"

namespace adder {

// Moves the weights to where the mean square of (wanted output - weights * x) is least, with the factor's damping
// towards where they are (ridge regression); for inputs x that are not those of the float model. The step is
// G (H + damping)^-1, G the mean of (wanted output - weights * x) x^T.
// missing: d x^T, so that x + d is the float model's input, and G = weights * missing.
void fit_inputs(DenseTensor *weights, const MomentSum &missing, const GptqFactor &factor, ThreadPool &pool);
// outputs: (wanted output) x^T, so that G = outputs - weights * H.
void fit_outputs(DenseTensor *weights, const MomentSum &outputs, const HessianSum &hessian,
                 const GptqFactor &factor, ThreadPool &pool);

}  // namespace adder
