// Blocked accumulation of x^T x.
// SPDX-License-Identifier: MIT
#include "converter/hessian.h"

#include <algorithm>
#include <cmath>

#include "converter/axpy.h"
#include "converter/error.h"

namespace adder {

HessianSum::HessianSum(uint32_t cols) : cols_(cols) {
    const size_t tiles = (size_t{cols} + tile - 1) / tile;
    sums_.assign(tiles * (tiles + 1) / 2 * tile * tile, 0.0);
}

void HessianSum::add(const float *inputs, size_t tokens, size_t stride, ThreadPool &pool) {
    const uint32_t tiles = (cols_ + tile - 1) / tile;
    pool.run(tiles * (tiles + 1) / 2, [&](uint32_t index, uint32_t) {
        uint32_t tile_row = 0;
        for (uint32_t left = index; left > tile_row; left -= tile_row) ++tile_row;
        const uint32_t tile_col = index - tile_row * (tile_row + 1) / 2;
        const uint32_t first_row = tile_row * tile, first_col = tile_col * tile;
        const uint32_t rows = std::min(tile, cols_ - first_row), cols = std::min(tile, cols_ - first_col);
        double *sums = tile_at(tile_row, tile_col);
        float partial[tile * tile];
        for (size_t first = 0; first < tokens; first += tile) {
            const size_t depth = std::min<size_t>(tile, tokens - first);
            const float *block = inputs + first * stride;
            std::fill_n(partial, tile * tile, 0.0f);
            for (uint32_t row = 0; row < rows; ++row)
                add_rows(partial + row * tile, cols, block + first_row + row, stride, block + first_col,
                         stride, depth);
            for (size_t i = 0; i < tile * tile; ++i) sums[i] += static_cast<double>(partial[i]);
        }
    });
    tokens_ += tokens;
}

double HessianSum::mean(uint32_t row, uint32_t col) const {
    if (tokens_ == 0) return 0;
    if (row < col) std::swap(row, col);
    const size_t tile_row = row / tile, tile_col = col / tile;
    const size_t first = (tile_row * (tile_row + 1) / 2 + tile_col) * tile * tile;
    return sums_[first + size_t{row % tile} * tile + col % tile] / static_cast<double>(tokens_);
}

std::vector<float> HessianSum::importance() const {
    double sum = 0;
    for (uint32_t col = 0; col < cols_; ++col) {
        const double value = mean(col, col);
        if (!std::isfinite(value)) bad_input("the inputs of column %u are not finite or too large", col);
        sum += value;
    }
    std::vector<float> result(cols_, 1.0f);
    if (sum > 0)
        for (uint32_t col = 0; col < cols_; ++col)
            result[col] = static_cast<float>(mean(col, col) / (sum / cols_));
    return result;
}

}  // namespace adder
