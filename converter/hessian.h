// The mean of x^T x over the inputs of a linear layer: what GPTQ minimizes against.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/thread_pool.h"

namespace adder {

// H = X^T X / n of [n][cols] inputs X, symmetric; for the error E = W - Q of a weight matrix's row, E H E^T is the mean
// square of the error of its output.
//
// Memory: cols * (cols + 64) * 4 bytes (105 MB for 5120 columns): doubles, in tiles of 64x64, of which only those on
// and below the diagonal are kept. Inputs are summed as floats over 64 tokens at a time, which then go into the
// doubles.
class HessianSum {
  public:
    explicit HessianSum(uint32_t cols);

    // Adds inputs [tokens][stride], the first cols() of each. Threads share the tiles and every element is summed by
    // one of them in the order of tokens: the result depends on the order and the sizes of the calls, not on the
    // threads. So hand over whole sequences, in their order.
    void add(const float *inputs, size_t tokens, size_t stride, ThreadPool &pool);

    uint32_t cols() const { return cols_; }
    uint64_t tokens() const { return tokens_; }

    // An element of H, [row][col]; 0 before the first add.
    double mean(uint32_t row, uint32_t col) const;

    // The diagonal divided by its mean, for the scale search (round_int4); all 1 if it is zero. Throws Error(bad_input)
    // naming the column if an input was not finite.
    std::vector<float> importance() const;

  private:
    static constexpr uint32_t tile = 64;
    double *tile_at(uint32_t tile_row, uint32_t tile_col) {
        return &sums_[(size_t{tile_row} * (tile_row + 1) / 2 + tile_col) * tile * tile];
    }

    uint32_t cols_;
    uint64_t tokens_ = 0;
    std::vector<double> sums_;
};

}  // namespace adder
