// The factors of smoothing: how much of the difficulty of activations goes into the weights, channel by channel.
// SPDX-License-Identifier: MIT
//
// converter/quantize/folds.h says what is done with them. Xiao et al., SmoothQuant, arXiv 2211.10438, equation 4.
#pragma once

#include <cstdint>
#include <vector>

#include "converter/quantize/dense.h"

namespace adder {

// f_j = a_j^alpha / w_j^(1 - alpha) of the channels j, divided by the geometric mean, and clamped to 1e-3 .. 1e3. 1 for
// a channel whose a_j or w_j is zero; it does not count in the mean. a_j: largest magnitude of the activation, w_j: of
// the weights' column. alpha: 0..1, how much of the difficulty goes into the weights. Throws Error(bad_input) naming
// the channel if a value is negative or not finite.
std::vector<float> smoothing_factors(const std::vector<float> &activation_absmax,
                                     const std::vector<float> &weight_absmax, double alpha);

// The largest magnitude of each column.
std::vector<float> column_absmax(const DenseTensor &tensor);

}  // namespace adder
