// Blocked accumulation of y x^T.
// SPDX-License-Identifier: MIT
#include "converter/quantize/hessian.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"

namespace adder {

MomentSum::MomentSum(uint32_t rows, uint32_t cols, bool symmetric)
    : rows_(rows), cols_(cols), symmetric_(symmetric) {
    const uint32_t tile_rows = (rows + tile - 1) / tile, tile_cols = (cols + tile - 1) / tile;
    sums_.assign(symmetric ? first_of(tile_rows, 0) : size_t{tile_rows} * tile_cols * tile * tile, 0.0);
}

size_t MomentSum::first_of(uint32_t tile_row, uint32_t tile_col) const {
    const size_t tile_cols = (cols_ + tile - 1) / tile;
    const size_t index =
        symmetric_ ? size_t{tile_row} * (tile_row + 1) / 2 + tile_col : tile_row * tile_cols + tile_col;
    return index * tile * tile;
}

void MomentSum::add(const TokenRows &y, const TokenRows &x, size_t tokens, ThreadPool &pool) {
    for (size_t first = 0; first < tokens; first += depth) {
        const uint32_t count = static_cast<uint32_t>(std::min<size_t>(depth, tokens - first));
        take({y.values + first * y.stride, y.stride}, {x.values + first * x.stride, x.stride}, count, pool);
    }
    tokens_ += tokens;
}

void MomentSum::take(const TokenRows &y, const TokenRows &x, uint32_t count, ThreadPool &pool) {
    const uint32_t tile_cols = (cols_ + tile - 1) / tile, tile_rows = (rows_ + tile - 1) / tile;
    // Not a power of two, or all rows of a column would want the same few lines of the cache.
    const size_t stride = count + 16;
    columns_.resize(size_t{rows_} * stride);
    partial_.resize(pool.size());
    for (std::vector<float> &sum : partial_) sum.resize(size_t{tile} * tile);
    if (!packed_ || packed_->depth() != count) packed_ = PackedMatrix(count, cols_);
    packed_->fill(pool, [&](uint32_t t, uint32_t col) { return x.values[t * x.stride + col]; });
    pool.run((rows_ + row_step - 1) / row_step, [&](uint32_t index, uint32_t) {
        const uint32_t begin = index * row_step, end = std::min(rows_, begin + row_step);
        for (uint32_t t = 0; t < count; ++t)
            for (uint32_t row = begin; row < end; ++row)
                columns_[row * stride + t] = y.values[t * y.stride + row];
    });
    const uint32_t tiles = symmetric_ ? tile_rows * (tile_rows + 1) / 2 : tile_rows * tile_cols;
    pool.run(tiles, [&](uint32_t index, uint32_t member) {
        uint32_t tile_row = 0, tile_col = index;
        if (symmetric_)
            for (; tile_col > tile_row; tile_col -= tile_row) ++tile_row;
        else
            tile_row = index / tile_cols, tile_col = index % tile_cols;
        const uint32_t row = tile_row * tile, rows = std::min(tile, rows_ - row), col = tile_col * tile;
        const bool diagonal = symmetric_ && tile_row == tile_col;
        std::vector<float> &sum = partial_[member];
        std::fill(sum.begin(), sum.end(), 0.0f);
        // Of a tile on the diagonal what lies below it, and a little more.
        const uint32_t step = diagonal ? row_step : rows;
        for (uint32_t first = 0; first < rows; first += step) {
            const uint32_t some = std::min(step, rows - first), most = diagonal ? first + some : tile;
            packed_->add_product(1, &columns_[(row + first) * stride], stride, some, {0, count},
                                 {col, std::min(col + most, cols_)}, &sum[size_t{first} * tile], tile);
        }
        double *const sums = &sums_[first_of(tile_row, tile_col)];
        for (size_t i = 0; i < sum.size(); ++i) sums[i] += static_cast<double>(sum[i]);
    });
}

double MomentSum::mean(uint32_t row, uint32_t col) const {
    if (tokens_ == 0) return 0;
    if (symmetric_ && row < col) std::swap(row, col);
    return sums_[first_of(row / tile, col / tile) + size_t{row % tile} * tile + col % tile] /
           static_cast<double>(tokens_);
}

std::vector<float> HessianSum::importance() const {
    double sum = 0;
    for (uint32_t col = 0; col < cols(); ++col) {
        const double value = mean(col, col);
        if (!std::isfinite(value)) bad_input("the inputs of column %u are not finite or too large", col);
        sum += value;
    }
    std::vector<float> result(cols(), 1.0f);
    if (sum > 0)
        for (uint32_t col = 0; col < cols(); ++col)
            result[col] = static_cast<float>(mean(col, col) / (sum / cols()));
    return result;
}

}  // namespace adder
