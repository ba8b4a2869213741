// Quantization of one tensor: folds of smoothing and rotation, then rounding, then packing.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/calibrate/calibration.h"
#include "converter/model/checkpoint.h"
#include "converter/plan/plan.h"
#include "converter/quantize/rounding.h"

namespace adder {

// Reads a tensor with everything folded in that the plan and the calibration put there. In exact arithmetic the model
// computes the same with it:
//   smoothing       columns of a linear layer times its factors; what makes its input is divided by them: the norm
//                   before it, rows of another linear layer, or the multipliers in the blob (Xiao et al., SmoothQuant,
//                   arXiv 2211.10438, equation 3)
//   Hadamard        columns in blocks of 64 times the orthonormal transform
DenseTensor read_folded(const Checkpoint &checkpoint, const Plan &plan, const Calibration &calibration,
                        Role role, uint32_t block);

// Fills in the weights and scales of a tensor in the blob, its multipliers if it has any, and the scale of its input in
// its entry of the table. `rounded`, if not null: the codes to write. Returns false where all weights of a matrix are
// zero: no error, but hardly what was meant.
bool quantize_tensor(const Checkpoint &checkpoint, const Plan &plan, const Calibration &calibration,
                     const Int4Matrix *rounded, BlobTensor *entry, uint8_t *blob);

}  // namespace adder
