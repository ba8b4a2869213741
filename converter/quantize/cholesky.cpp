// Blocked Cholesky factorization.
// SPDX-License-Identifier: MIT
//
// Right-looking (Golub and Van Loan, Matrix Computations, 4.2): factor a block on the diagonal, solve the panel below
// it, subtract the panel's products from the rest.
#include "converter/quantize/cholesky.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize/axpy.h"

namespace adder {
namespace {

constexpr uint32_t block = 64;

// The block [count][count] at `corner`, in place.
bool factor_block(double *corner, size_t stride, uint32_t count) {
    for (uint32_t row = 0; row < count; ++row) {
        double *const values = corner + row * stride;
        for (uint32_t col = 0; col <= row; ++col) {
            const double *const other = corner + col * stride;
            double value = values[col];
            for (uint32_t k = 0; k < col; ++k) value -= values[k] * other[k];
            if (col < row)
                values[col] = value / other[col];
            else if (value > 0 && std::isfinite(value))
                values[col] = std::sqrt(value);
            else
                return false;
        }
    }
    return true;
}

}  // namespace

bool cholesky(double *matrix, uint32_t size, ThreadPool &pool) {
    const size_t stride = size;
    std::vector<double> transposed;  // [block][rows below], the panel negated
    for (uint32_t first = 0; first < size; first += block) {
        const uint32_t count = std::min(block, size - first), next = first + count, below = size - next;
        double *const corner = matrix + first * stride + first;
        if (!factor_block(corner, stride, count)) return false;
        transposed.resize(size_t{count} * below);
        const uint32_t tiles = (below + block - 1) / block;
        pool.run(tiles, [&](uint32_t tile, uint32_t) {
            for (uint32_t i = tile * block; i < std::min(below, (tile + 1) * block); ++i) {
                double *const values = matrix + (next + i) * stride + first;
                for (uint32_t col = 0; col < count; ++col) {
                    double value = values[col];
                    for (uint32_t k = 0; k < col; ++k) value -= values[k] * corner[col * stride + k];
                    values[col] = value / corner[col * stride + col];
                    transposed[size_t{col} * below + i] = -values[col];
                }
            }
        });
        pool.run(tiles, [&](uint32_t index, uint32_t) {
            const uint32_t last = tiles - 1 - index;  // the longest first
            const uint32_t first_row = last * block, end = std::min(below, first_row + block);
            for (uint32_t col = 0; col < end; col += block)
                for (uint32_t i = first_row; i < end; ++i) {
                    double *const values = matrix + (next + i) * stride;
                    const uint32_t width = std::min(block, below - col);
                    add_rows(values + next + col, width, values + first, 1, transposed.data() + col, below,
                             count);
                }
        });
    }
    return true;
}

}  // namespace adder
