// GPTQ: rounding of a weight matrix column by column, where later columns make up for the errors of earlier ones.
// SPDX-License-Identifier: MIT
//
// Frantar et al., GPTQ, arXiv 2210.17323. With U^T U = H^-1, U upper triangular, the paper quantizes column j to q_j
// and subtracts (w_j - q_j) / U_jj * U_jk from the columns k > j. With R = U^-1, so that H = R R^T, the same values are
//   w_j + sum over k < j of (w_k - q_k) * R_kj / R_jj,   w the weights as they were:
// no inverse is needed, only one Cholesky factorization. (Chen et al., The Geometry of LLM Quantization: GPTQ as
// Babai's Nearest Plane Algorithm, arXiv 2507.18553.) Columns go in descending order of diag(H); scales are fixed
// beforehand.
#pragma once

#include <string>
#include <vector>

#include "converter/quantize/hessian.h"
#include "converter/quantize/product.h"
#include "converter/quantize/rounding.h"

namespace adder {

// The order of the columns and the factor of one Hessian. Memory: while it is made 12, then 4 * cols^2 bytes.
class GptqFactor {
  public:
    // H + damping * mean(diag H) * I is factored. If that fails, it is tried with 10 and 100 times the damping; if
    // those fail too, the factor is that of the identity, which rounds to nearest. Throws Error(bad_input) if H is not
    // finite.
    GptqFactor(const HessianSum &hessian, ThreadPool &pool, double damping = 0.01);

    uint32_t cols() const { return cols_; }
    // What was done other than asked, one sentence for the conversion's list of differences; empty if nothing was.
    const std::string &note() const { return note_; }

    // What was added to the diagonal; 0 if the factor is the identity.
    double damping() const { return damping_; }

    // Column of the matrix that goes last, last but one, ...
    const std::vector<uint32_t> &reversed_order() const { return order_; }
    // [cols][cols] lower triangular, rows and columns in reversed order: R with both reversed.
    const PackedMatrix &lower() const { return lower_; }

  private:
    uint32_t cols_;
    double damping_ = 0;
    std::string note_;
    std::vector<uint32_t> order_;
    PackedMatrix lower_;
};

// Replaces the codes of a matrix; its scales stay. `matrix` is `tensor` rounded (round_int8, round_int4). The result
// does not depend on the number of threads. rows * cols^2 / 2 multiplications and additions.
void gptq(const DenseTensor &tensor, const GptqFactor &factor, ThreadPool &pool, Int8Matrix *matrix);
void gptq(const DenseTensor &tensor, const GptqFactor &factor, ThreadPool &pool, Int4Matrix *matrix);

// The mean square of the error of the layer's output, summed over its rows: trace of E H E^T, E = rounded - tensor.
double output_error(const DenseTensor &tensor, const DenseTensor &rounded, const HessianSum &hessian,
                    ThreadPool &pool);

}  // namespace adder
