// Blocked accumulation of y x^T.
// SPDX-License-Identifier: MIT
#include "converter/hessian.h"

#include <algorithm>
#include <cmath>

#include "converter/error.h"
#include "kernels/float_mode.h"
#include "kernels/kernels.h"

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
    const uint32_t tile_cols = (cols_ + tile - 1) / tile;
    pool.run(static_cast<uint32_t>(sums_.size() / (tile * tile)), [&](uint32_t index, uint32_t) {
        uint32_t tile_row = 0, tile_col = index;
        if (symmetric_)
            for (; tile_col > tile_row; tile_col -= tile_row) ++tile_row;
        else
            tile_row = index / tile_cols, tile_col = index % tile_cols;
        add_tile(y, x, tokens, tile_row, tile_col);
    });
    tokens_ += tokens;
}

void MomentSum::add_tile(const TokenRows &y, const TokenRows &x, size_t tokens, uint32_t tile_row,
                         uint32_t tile_col) {
    constexpr uint32_t depth = tile;  // tokens
    static constexpr float one = 1.0f;
    const FloatModeScope mode;
    const uint32_t first_row = tile_row * tile, rows = std::min(tile, rows_ - first_row);
    const uint32_t first_col = tile_col * tile, cols = std::min(tile, cols_ - first_col);
    // x is the product's matrix, [tiles][depth][8 columns], and each row of y^T, [rows][depth], a token of it.
    std::vector<float> packed_x(size_t{tile} * depth), packed_y(size_t{tile} * depth),
        partial(size_t{tile} * tile);
    double *const sums = &sums_[first_of(tile_row, tile_col)];
    for (size_t first = 0; first < tokens; first += depth) {
        const uint32_t count = static_cast<uint32_t>(std::min<size_t>(depth, tokens - first));
        for (uint32_t t = 0; t < depth; ++t) {
            const bool present = t < count;  // zeros behind the last token
            const float *const from_x = x.values + (first + t) * x.stride + first_col;
            const float *const from_y = y.values + (first + t) * y.stride + first_row;
            for (uint32_t col = 0; col < tile; ++col)
                packed_x[(size_t{col / tile_size} * depth + t) * tile_size + col % tile_size] =
                    present && col < cols ? from_x[col] : 0.0f;
            for (uint32_t row = 0; row < rows; ++row)
                packed_y[size_t{row} * depth + t] = present ? from_y[row] : 0.0f;
        }
        Matrix matrix{};
        matrix.weights = packed_x.data();
        matrix.tiles = round_up_to_tile(cols) / tile_size;
        matrix.cols = depth;
        MatmulArgs args{};
        args.tile_end = matrix.tiles;
        args.tokens = rows;
        args.x = packed_y.data();
        args.x_stride = depth;
        args.x_scale = &one;
        args.out = partial.data();
        args.out_stride = tile;
        kernels_best()->matmul_f32(matrix, args);
        for (uint32_t row = 0; row < rows; ++row)
            for (uint32_t col = 0; col < cols; ++col)
                sums[row * tile + col] += static_cast<double>(partial[row * tile + col]);
    }
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
