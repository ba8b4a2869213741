// Solving with the triangular factor, block by block.
// SPDX-License-Identifier: MIT
#include "converter/quantize/fit.h"

#include <algorithm>

namespace adder {
namespace {

constexpr uint32_t block = PackedMatrix::slice;  // columns

// What all tiles of rows share. Columns are in the factor's reversed order.
struct Solver {
    Solver(const GptqFactor &given, ThreadPool &pool)
        : factor(given), upper(given.cols(), given.cols(), pool, [&](uint32_t k, uint32_t column) {
              return k <= column ? factor.lower().at(column, k) : 0.0f;
          }) {}

    // Replaces g, [rows][cols], by g (H + damping)^-1 = g (L L^T)^-1: of each block of columns first what the blocks
    // that are done give, then the columns one by one.
    void solve(float *g, uint32_t rows) const {
        const uint32_t cols = factor.cols();
        std::vector<float> sums(size_t{product_rows} * block), corner(size_t{block} * block);
        const auto subtract = [&](const PackedMatrix &matrix, Span done, Span columns) {
            std::fill(sums.begin(), sums.end(), 0.0f);
            matrix.add_product(1, g, cols, rows, done, columns, sums.data(), block);
            for (uint32_t r = 0; r < rows; ++r)
                for (uint32_t j = columns.begin; j < columns.end; ++j)
                    g[size_t{r} * cols + j] -= sums[size_t{r} * block + j - columns.begin];
        };
        for (uint32_t first = 0; first < cols; first += block) {  // y L^T = g
            const uint32_t end = std::min(cols, first + block), count = end - first;
            subtract(upper, {0, first}, {first, end});
            upper.copy({first, end}, {first, end}, corner.data(), block);
            for (uint32_t r = 0; r < rows; ++r) {
                float *const values = g + size_t{r} * cols + first;
                for (uint32_t j = 0; j < count; ++j) {
                    const float *const row = &corner[size_t{j} * block];
                    values[j] /= row[j];
                    for (uint32_t i = j + 1; i < count; ++i) values[i] -= values[j] * row[i];
                }
            }
        }
        for (uint32_t end = cols; end > 0;) {  // x L = y
            const uint32_t first = (end - 1) / block * block;
            subtract(factor.lower(), {end, cols}, {first, end});
            factor.lower().copy({first, end}, {first, end}, corner.data(), block);
            for (uint32_t r = 0; r < rows; ++r) {
                float *const values = g + size_t{r} * cols + first;
                for (uint32_t j = end - first; j-- > 0;) {
                    const float *const row = &corner[size_t{j} * block];
                    values[j] /= row[j];
                    for (uint32_t i = 0; i < j; ++i) values[i] -= values[j] * row[i];
                }
            }
            end = first;
        }
    }

    const GptqFactor &factor;
    const PackedMatrix upper;  // the factor transposed
};

// weights += (wanted + factor * weights * matrix) (H + damping)^-1, the columns of `matrix` and of wanted(row, i) in the
// factor's order.
template <typename Wanted>
void fit(DenseTensor *weights, float sign, const PackedMatrix &matrix, const Wanted &wanted,
         const GptqFactor &factor, ThreadPool &pool) {
    const uint32_t cols = weights->cols;
    const Solver solver(factor, pool);
    pool.run((weights->rows + product_rows - 1) / product_rows, [&](uint32_t tile, uint32_t) {
        const uint32_t first = tile * product_rows, rows = std::min(product_rows, weights->rows - first);
        float *const values = &weights->values[size_t{first} * cols];
        const size_t stride = round_up_to_tile(cols);
        std::vector<float> products(size_t{rows} * stride, 0.0f), g(size_t{rows} * cols);
        matrix.add_product(sign, values, cols, rows, {0, cols}, {0, cols}, products.data(), stride);
        for (uint32_t r = 0; r < rows; ++r)
            for (uint32_t i = 0; i < cols; ++i)
                g[size_t{r} * cols + i] = products[r * stride + i] + wanted(first + r, i);
        solver.solve(g.data(), rows);
        for (uint32_t r = 0; r < rows; ++r)
            for (uint32_t i = 0; i < cols; ++i)
                values[size_t{r} * cols + factor.reversed_order()[i]] += g[size_t{r} * cols + i];
    });
}

template <typename Sum>
PackedMatrix packed(const Sum &sum, const GptqFactor &factor, ThreadPool &pool) {
    return {sum.cols(), sum.cols(), pool, [&](uint32_t row, uint32_t i) {
                return static_cast<float>(sum.mean(row, factor.reversed_order()[i]));
            }};
}

}  // namespace

void fit_inputs(DenseTensor *weights, const MomentSum &missing, const GptqFactor &factor, ThreadPool &pool) {
    fit(
        weights, 1, packed(missing, factor, pool), [](uint32_t, uint32_t) { return 0.0f; }, factor, pool);
}

void fit_outputs(DenseTensor *weights, const MomentSum &outputs, const HessianSum &hessian,
                 const GptqFactor &factor, ThreadPool &pool) {
    const auto wanted = [&](uint32_t row, uint32_t i) {
        return static_cast<float>(outputs.mean(row, factor.reversed_order()[i]));
    };
    fit(weights, -1, packed(hessian, factor, pool), wanted, factor, pool);
}

}  // namespace adder
