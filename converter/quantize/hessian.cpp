// Blocked accumulation of y x^T.
// SPDX-License-Identifier: MIT
#include "converter/quantize/hessian.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/quantize/product.h"

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
    constexpr uint32_t depth = 1024;  // tokens
    const uint32_t tile_cols = (cols_ + tile - 1) / tile, tile_rows = (rows_ + tile - 1) / tile;
    std::vector<std::vector<float>> partial(pool.size(), std::vector<float>(size_t{tile} * tile));
    std::vector<float> columns(size_t{rows_} * std::min<size_t>(depth, tokens));  // y^T, [rows][count]
    for (size_t first = 0; first < tokens; first += depth) {
        const uint32_t count = static_cast<uint32_t>(std::min<size_t>(depth, tokens - first));
        const PackedMatrix packed(count, cols_, pool, [&](uint32_t t, uint32_t col) {
            return x.values[(first + t) * x.stride + col];
        });
        pool.run(tile_rows, [&](uint32_t index, uint32_t) {
            for (uint32_t t = 0; t < count; ++t)
                for (uint32_t row = index * tile; row < std::min(rows_, (index + 1) * tile); ++row)
                    columns[size_t{row} * count + t] = y.values[(first + t) * y.stride + row];
        });
        pool.run(static_cast<uint32_t>(sums_.size() / (tile * tile)), [&](uint32_t index, uint32_t member) {
            uint32_t tile_row = 0, tile_col = index;
            if (symmetric_)
                for (; tile_col > tile_row; tile_col -= tile_row) ++tile_row;
            else
                tile_row = index / tile_cols, tile_col = index % tile_cols;
            const uint32_t row = tile_row * tile, col = tile_col * tile;
            const Span span{0, count}, wanted{col, std::min(col + tile, cols_)};
            std::vector<float> &sum = partial[member];
            std::fill(sum.begin(), sum.end(), 0.0f);
            packed.add_product(1, &columns[size_t{row} * count], count, std::min(tile, rows_ - row), span,
                               wanted, sum.data(), tile);
            double *const sums = &sums_[first_of(tile_row, tile_col)];
            for (size_t i = 0; i < sum.size(); ++i) sums[i] += static_cast<double>(sum[i]);
        });
    }
    tokens_ += tokens;
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
