// GPTQ in tiles of rows: products with all finished columns a block at a time, then column by column within the block.
// SPDX-License-Identifier: MIT
#include "converter/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "converter/axpy.h"
#include "converter/cholesky.h"
#include "converter/error.h"

namespace adder {
namespace {

constexpr uint32_t block = 64;     // columns
constexpr uint32_t row_tile = 16;  // rows that use a part of the factor while it is in the cache

}  // namespace

GptqFactor::GptqFactor(const HessianSum &hessian, ThreadPool &pool, double damping)
    : cols_(hessian.cols()), order_(hessian.cols()), lower_(size_t{hessian.cols()} * hessian.cols()) {
    hessian.importance();  // refuses what is not finite
    std::iota(order_.begin(), order_.end(), 0u);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](uint32_t a, uint32_t b) { return hessian.mean(a, a) > hessian.mean(b, b); });
    std::reverse(order_.begin(), order_.end());

    double mean = 0;
    for (uint32_t col = 0; col < cols_; ++col) mean += hessian.mean(col, col) / cols_;
    if (mean > 0) {
        std::vector<double> matrix(lower_.size());
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
            for (uint32_t row = 0; row < cols_; ++row)
                for (uint32_t col = 0; col <= row; ++col)
                    lower_[size_t{row} * cols_ + col] = static_cast<float>(matrix[size_t{row} * cols_ + col]);
            return;
        }
        note_ =
            "GPTQ was left out, as the Hessian is not positive definite: the weights are rounded to nearest";
    } else {
        note_ = "GPTQ was left out, as all inputs were zero: the weights are rounded to nearest";
    }
    for (uint32_t col = 0; col < cols_; ++col) lower_[size_t{col} * cols_ + col] = 1.0f;
}

namespace {

// One tile of rows. scale(row, col) gives the scale of a weight. Columns are in the factor's reversed order, and so
// are done from the last to the first.
template <typename Matrix>
class TileRounder {
  public:
    TileRounder(const DenseTensor &tensor, const GptqFactor &factor, float lowest, float highest)
        : tensor_(tensor), factor_(factor), lowest_(lowest), highest_(highest),
          errors_(size_t{row_tile} * tensor.cols) {}

    void run(uint32_t first_row, Matrix *matrix) {
        const uint32_t cols = tensor_.cols, rows = std::min(row_tile, tensor_.rows - first_row);
        const float *const lower = factor_.lower();
        for (uint32_t end = cols; end > 0;) {
            const uint32_t first = (end - 1) / block * block;
            for (uint32_t r = 0; r < rows; ++r) {
                // sum over the finished columns k of error_k * L_kj, for the columns j of this block
                float sums[block] = {};
                float *const errors = &errors_[size_t{r} * cols];
                add_rows(sums, end - first, errors + end, 1, lower + size_t{end} * cols + first, cols,
                         cols - end);
                round_block(first_row + r, first, end, sums, errors, matrix);
            }
            end = first;
        }
    }

  private:
    void round_block(uint32_t row, uint32_t first, uint32_t end, float *sums, float *errors, Matrix *matrix) {
        const size_t cols = tensor_.cols;
        for (uint32_t j = end; j-- > first;) {
            const float *const lower = factor_.lower() + j * cols;
            const uint32_t col = factor_.reversed_order()[j];
            const float weight = tensor_.values[row * cols + col], scale = matrix->scale(row, col);
            const float target = weight + sums[j - first] / lower[j];
            const float code = round_code(target / scale, lowest_, highest_);
            matrix->codes[row * cols + col] = static_cast<int8_t>(code);
            errors[j] = weight - code * scale;
            for (uint32_t i = first; i < j; ++i) sums[i - first] += errors[j] * lower[i];
        }
    }

    const DenseTensor &tensor_;
    const GptqFactor &factor_;
    float lowest_, highest_;
    std::vector<float> errors_;  // [row_tile][cols], weight - code * scale
};

template <typename Matrix>
void run_tiles(const DenseTensor &tensor, const GptqFactor &factor, ThreadPool &pool, float lowest,
               float highest, Matrix *matrix) {
    require_finite(tensor);
    if (factor.cols() != tensor.cols)
        fail(ExitCode::failure, "a Hessian of %u columns for a matrix of %u", factor.cols(), tensor.cols);
    std::vector<TileRounder<Matrix>> members(pool.size(),
                                             TileRounder<Matrix>(tensor, factor, lowest, highest));
    pool.run((tensor.rows + row_tile - 1) / row_tile,
             [&](uint32_t tile, uint32_t member) { members[member].run(tile * row_tile, matrix); });
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
