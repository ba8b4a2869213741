// GPTQ in tiles of rows: products with all finished columns per block at a time, then column by column within the block.
// SPDX-License-Identifier: MIT
#include "converter/quantize/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "converter/base/error.h"
#include "converter/quantize/axpy.h"
#include "converter/quantize/cholesky.h"

namespace adder {
namespace {

constexpr uint32_t block = PackedMatrix::slice;  // columns

}  // namespace

GptqFactor::GptqFactor(const HessianSum &hessian, ThreadPool &pool, double damping)
    : cols_(hessian.cols()), order_(hessian.cols()), lower_(hessian.cols(), hessian.cols()) {
    hessian.importance();  // refuses what is not finite
    std::iota(order_.begin(), order_.end(), 0u);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](uint32_t a, uint32_t b) { return hessian.mean(a, a) > hessian.mean(b, b); });
    std::reverse(order_.begin(), order_.end());

    double mean = 0;
    for (uint32_t col = 0; col < cols_; ++col) mean += hessian.mean(col, col) / cols_;
    if (mean > 0) {
        std::vector<double> matrix(size_t{cols_} * cols_);
        double tried = damping;
        for (int attempt = 0; attempt < 3; ++attempt, tried *= 10) {
            pool.run(cols_, [&](uint32_t row, uint32_t) {
                for (uint32_t col = 0; col <= row; ++col)
                    matrix[size_t{row} * cols_ + col] =
                        hessian.mean(order_[row], order_[col]) + (row == col ? tried * mean : 0.0);
            });
            if (!cholesky(matrix.data(), cols_, pool)) continue;
            damping_ = tried * mean;
            if (tried != damping)
                note_ = format("GPTQ needed a damping of %g in place of %g", tried, damping);
            lower_.fill(pool, [&](uint32_t row, uint32_t col) {
                return col <= row ? static_cast<float>(matrix[size_t{row} * cols_ + col]) : 0.0f;
            });
            return;
        }
        note_ =
            "GPTQ was left out, as the Hessian is not positive definite: the weights are rounded to nearest";
    } else {
        note_ = "GPTQ was left out, as all inputs were zero: the weights are rounded to nearest";
    }
    lower_.fill(pool, [](uint32_t row, uint32_t col) { return row == col ? 1.0f : 0.0f; });
}

namespace {

// One tile of rows. scale(row, col) gives the scale of a weight. Columns are in the factor's reversed order, and so
// are done from the last to the first.
template <typename Matrix>
class TileRounder {
  public:
    TileRounder(const DenseTensor &tensor, const GptqFactor &factor, float lowest, float highest)
        : tensor_(tensor), factor_(factor), lowest_(lowest), highest_(highest),
          errors_(size_t{product_rows} * tensor.cols), sums_(size_t{product_rows} * block),
          corner_(size_t{block} * block) {}

    void run(uint32_t first_row, Matrix *matrix) {
        const uint32_t cols = tensor_.cols, rows = std::min(product_rows, tensor_.rows - first_row);
        for (uint32_t end = cols; end > 0;) {
            const uint32_t first = (end - 1) / block * block;
            // sum over the finished columns k of error_k * L_kj, for the columns j of this block
            std::fill(sums_.begin(), sums_.end(), 0.0f);
            factor_.lower().add_product(1, errors_.data(), cols, rows, {end, cols}, {first, end},
                                        sums_.data(), block);
            factor_.lower().copy({first, end}, {first, end}, corner_.data(), block);
            for (uint32_t r = 0; r < rows; ++r)
                round_block(first_row + r, first, end, &sums_[size_t{r} * block], &errors_[size_t{r} * cols],
                            matrix);
            end = first;
        }
    }

  private:
    void round_block(uint32_t row, uint32_t first, uint32_t end, float *sums, float *errors, Matrix *matrix) {
        const size_t cols = tensor_.cols;
        for (uint32_t j = end; j-- > first;) {
            const float *const lower = &corner_[size_t{j - first} * block];
            const uint32_t col = factor_.reversed_order()[j];
            const float weight = tensor_.values[row * cols + col], scale = matrix->scale(row, col);
            const float target = weight + sums[j - first] / lower[j - first];
            const float code = round_code(target / scale, lowest_, highest_);
            matrix->codes[row * cols + col] = static_cast<int8_t>(code);
            errors[j] = weight - code * scale;
            for (uint32_t i = 0; i < j - first; ++i) sums[i] += errors[j] * lower[i];
        }
    }

    const DenseTensor &tensor_;
    const GptqFactor &factor_;
    float lowest_, highest_;
    std::vector<float> errors_;  // [product_rows][cols], weight - code * scale
    std::vector<float> sums_;    // [product_rows][block]
    std::vector<float> corner_;  // [block][block], the factor's part on the diagonal
};

template <typename Matrix>
void run_tiles(const DenseTensor &tensor, const GptqFactor &factor, ThreadPool &pool, float lowest,
               float highest, Matrix *matrix) {
    require_finite(tensor);
    if (factor.cols() != tensor.cols)
        fail(ExitCode::failure, "a Hessian of %u columns for a matrix of %u", factor.cols(), tensor.cols);
    std::vector<TileRounder<Matrix>> members(pool.size(),
                                             TileRounder<Matrix>(tensor, factor, lowest, highest));
    pool.run((tensor.rows + product_rows - 1) / product_rows,
             [&](uint32_t tile, uint32_t member) { members[member].run(tile * product_rows, matrix); });
}

}  // namespace

void gptq(const DenseTensor &tensor, const GptqFactor &factor, ThreadPool &pool, Int8Matrix *matrix) {
    run_tiles(tensor, factor, pool, -127, 127, matrix);
}

void gptq(const DenseTensor &tensor, const GptqFactor &factor, ThreadPool &pool, Int4Matrix *matrix) {
    run_tiles(tensor, factor, pool, -8, 7, matrix);
}

double output_error(const DenseTensor &tensor, const DenseTensor &rounded, const HessianSum &hessian,
                    ThreadPool &pool) {
    const uint32_t cols = tensor.cols;
    std::vector<double> dense(size_t{cols} * cols), rows(tensor.rows);
    pool.run(cols, [&](uint32_t row, uint32_t) {
        for (uint32_t col = 0; col < cols; ++col) dense[size_t{row} * cols + col] = hessian.mean(row, col);
    });
    pool.run(tensor.rows, [&](uint32_t row, uint32_t) {
        std::vector<double> error(cols), product(cols, 0.0);
        for (uint32_t col = 0; col < cols; ++col) {
            const size_t i = size_t{row} * cols + col;
            error[col] = static_cast<double>(rounded.values[i]) - static_cast<double>(tensor.values[i]);
        }
        add_rows(product.data(), cols, error.data(), 1, dense.data(), cols, cols);
        rows[row] = std::inner_product(error.begin(), error.end(), product.begin(), 0.0);
    });
    return std::accumulate(rows.begin(), rows.end(), 0.0);
}

}  // namespace adder
