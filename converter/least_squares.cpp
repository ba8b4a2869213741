// Weights for inputs that are not quite what they should be: ridge regression with the factor that GPTQ has anyway.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "converter/axpy.h"
#include "converter/gptq.h"

namespace adder {
namespace {

constexpr uint32_t lanes = 8;  // rows that are solved for side by side

// One tile of rows: weights += g (H + damping)^-1. g: [cols][lanes], columns in the factor's reversed order; lost.
void solve(const GptqFactor &factor, double *g) {
    const uint32_t cols = factor.cols();
    for (uint32_t i = 0; i < cols; ++i) {  // L y = g
        const float *const row = factor.lower() + size_t{i} * cols;
        double sum[lanes];
        std::copy_n(g + size_t{i} * lanes, lanes, sum);
        for (uint32_t k = 0; k < i; ++k)
            for (uint32_t lane = 0; lane < lanes; ++lane)
                sum[lane] -= static_cast<double>(row[k]) * g[size_t{k} * lanes + lane];
        for (uint32_t lane = 0; lane < lanes; ++lane)
            g[size_t{i} * lanes + lane] = sum[lane] / static_cast<double>(row[i]);
    }
    for (uint32_t i = cols; i-- > 0;) {  // L^T x = y
        const float *const row = factor.lower() + size_t{i} * cols;
        double x[lanes];
        for (uint32_t lane = 0; lane < lanes; ++lane)
            x[lane] = g[size_t{i} * lanes + lane] /= static_cast<double>(row[i]);
        for (uint32_t k = 0; k < i; ++k)
            for (uint32_t lane = 0; lane < lanes; ++lane)
                g[size_t{k} * lanes + lane] -= static_cast<double>(row[k]) * x[lane];
    }
}

// gradient(row, out) fills in a row of the cross moment that is missing, [cols].
template <typename Gradient>
void fit(DenseTensor *weights, const GptqFactor &factor, ThreadPool &pool, const Gradient &gradient) {
    const uint32_t cols = weights->cols;
    pool.run((weights->rows + lanes - 1) / lanes, [&](uint32_t tile, uint32_t) {
        const uint32_t first = tile * lanes, rows = std::min(lanes, weights->rows - first);
        std::vector<double> g(size_t{cols} * lanes, 0.0), row(cols);
        for (uint32_t lane = 0; lane < rows; ++lane) {
            std::fill(row.begin(), row.end(), 0.0);
            gradient(first + lane, row.data());
            for (uint32_t i = 0; i < cols; ++i) g[size_t{i} * lanes + lane] = row[factor.reversed_order()[i]];
        }
        solve(factor, g.data());
        for (uint32_t lane = 0; lane < rows; ++lane)
            for (uint32_t i = 0; i < cols; ++i)
                weights->values[size_t{first + lane} * cols + factor.reversed_order()[i]] +=
                    static_cast<float>(g[size_t{i} * lanes + lane]);
    });
}

template <typename Sum>
std::vector<double> dense(const Sum &sum, ThreadPool &pool) {
    std::vector<double> values(size_t{sum.cols()} * sum.cols());
    pool.run(sum.cols(), [&](uint32_t row, uint32_t) {
        for (uint32_t col = 0; col < sum.cols(); ++col)
            values[size_t{row} * sum.cols() + col] = sum.mean(row, col);
    });
    return values;
}

// out += w M, w a row of the weights.
void add_product(const DenseTensor &weights, uint32_t row, const std::vector<double> &matrix, double *out) {
    const size_t cols = weights.cols;
    const std::vector<double> w(weights.values.begin() + static_cast<ptrdiff_t>(row * cols),
                                weights.values.begin() + static_cast<ptrdiff_t>((row + 1) * cols));
    add_rows(out, cols, w.data(), 1, matrix.data(), cols, cols);
}

}  // namespace

void fit_inputs(DenseTensor *weights, const MomentSum &missing, const GptqFactor &factor, ThreadPool &pool) {
    const std::vector<double> matrix = dense(missing, pool);
    fit(weights, factor, pool, [&](uint32_t row, double *out) { add_product(*weights, row, matrix, out); });
}

void fit_outputs(DenseTensor *weights, const MomentSum &outputs, const HessianSum &hessian,
                 const GptqFactor &factor, ThreadPool &pool) {
    const std::vector<double> matrix = dense(hessian, pool);
    fit(weights, factor, pool, [&](uint32_t row, double *out) {
        add_product(*weights, row, matrix, out);
        for (uint32_t col = 0; col < weights->cols; ++col) out[col] = outputs.mean(row, col) - out[col];
    });
}

}  // namespace adder
