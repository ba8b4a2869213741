// Lowering the error of a rounded matrix further: coordinate descent over its codes and scales.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/base/thread_pool.h"
#include "converter/quantize/hessian.h"
#include "converter/quantize/rounding.h"

namespace adder {

// Lowers E (H + damping * I) E^T of a rounded matrix further, by at most 5 sweeps of coordinate descent over its codes
// (Behdin et al., QuantEase, arXiv 2309.01885), each group's scale moved to what fits its codes best after them.
// Columns in order; the result does not depend on the number of threads. rows * cols^2 multiplications and additions a
// sweep.
void refine(const DenseTensor &tensor, const HessianSum &hessian, double damping, ThreadPool &pool,
            Int4Matrix *matrix);

}  // namespace adder
