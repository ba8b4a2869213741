// Cholesky factorization of large symmetric matrices.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/base/thread_pool.h"

namespace adder {

// Replaces the lower triangle of a symmetric matrix [size][size] by L with L L^T = the matrix; what is above the
// diagonal is neither read nor kept. False if the matrix is not positive definite (or not finite): its contents are
// lost. The result does not depend on the number of threads. size^3 / 3 multiplications and additions.
bool cholesky(double *matrix, uint32_t size, ThreadPool &pool);

}  // namespace adder
