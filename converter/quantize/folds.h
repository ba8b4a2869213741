// What is folded into the columns of a weight matrix: per-channel factors, and a block Hadamard transform.
// SPDX-License-Identifier: MIT
//
// For y = W v, any invertible T gives y = (W T)(T^-1 v). Here T = diag(f), or diag(f) * blockdiag(H, H, ...) with the
// 64-point orthonormal Hadamard matrix H (H H = I). The converter computes W T, in double and rounded once; the runtime
// computes T^-1 v: v_j / f_j, then a fast Walsh-Hadamard transform of each 64 channels.
// Xiao et al., SmoothQuant, arXiv 2211.10438, equation 4; Ashkboos et al., QuaRot, arXiv 2404.00456.
#pragma once

#include <cstdint>
#include <vector>

#include "converter/quantize/dense.h"

namespace adder {

// W diag(f), f [cols].
void fold_factors(DenseTensor *tensor, const std::vector<float> &factors);

// W diag(f) blockdiag(H): H[i][j] = (-1)^popcount(i & j) / 8. f [cols], or empty for none. Throws Error(bad_input) if
// the number of columns is no multiple of 64.
void fold_hadamard(DenseTensor *tensor, const std::vector<float> &factors);

// v[i] = sum over j < size of (-1)^popcount(i & j) * v[j]: the unnormalised transform, its own inverse but for the size, a
// power of two.
void walsh_hadamard(double *values, uint32_t size);

}  // namespace adder
