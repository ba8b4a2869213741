// Second moments of the inputs of a linear layer: what GPTQ minimizes against.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/quantize/product.h"

namespace adder {

// Vectors of consecutive tokens: [tokens][stride], the first so many of each.
struct TokenRows {
    const float *values;
    size_t stride;
};

// The sum of y x^T over tokens, [rows][cols], in doubles: tiles of 128 x 128, summed as floats over 1024 tokens at a time
// by the runtime's matrix product. Threads share the tiles and every element is summed by one of them in the order of
// tokens: the result depends on the order and the sizes of the calls, not on the threads or the instruction set.
class MomentSum {
  public:
    // symmetric: y is x, and only tiles on and below the diagonal are kept.
    MomentSum(uint32_t rows, uint32_t cols, bool symmetric);

    void add(const TokenRows &y, const TokenRows &x, size_t tokens, ThreadPool &pool);

    uint32_t rows() const { return rows_; }
    uint32_t cols() const { return cols_; }
    uint64_t tokens() const { return tokens_; }
    // An element of the sum divided by the tokens; 0 before the first add.
    double mean(uint32_t row, uint32_t col) const;

  private:
    static constexpr uint32_t tile = 128, row_step = 32;
    static constexpr uint32_t depth = 1024;  // tokens that are summed as floats
    size_t first_of(uint32_t tile_row, uint32_t tile_col) const;
    void take(const TokenRows &y, const TokenRows &x, uint32_t count, ThreadPool &pool);

    uint32_t rows_, cols_;
    bool symmetric_;
    uint64_t tokens_ = 0;
    std::vector<double> sums_;
    // Working memory, kept from call to call.
    std::optional<PackedMatrix> packed_;       // x
    std::vector<float> columns_;               // y^T, [rows][tokens, and some more]
    std::vector<std::vector<float>> partial_;  // of each thread, a tile
};

// H = X^T X / n of [n][cols] inputs X, symmetric; for the error E = W - Q of a weight matrix's row, E H E^T is the mean
// square of the error of its output. Memory: cols * (cols + 128) * 4 bytes (107 MB for 5120 columns), and 8 KB a column
// for work.
class HessianSum {
  public:
    explicit HessianSum(uint32_t cols) : sum_(cols, cols, true) {}

    // Adds inputs [tokens][stride], the first cols() of each.
    void add(const float *inputs, size_t tokens, size_t stride, ThreadPool &pool) {
        sum_.add({inputs, stride}, {inputs, stride}, tokens, pool);
    }

    uint32_t cols() const { return sum_.cols(); }
    uint64_t tokens() const { return sum_.tokens(); }

    // An element of H, [row][col]; 0 before the first add.
    double mean(uint32_t row, uint32_t col) const { return sum_.mean(row, col); }

    // The diagonal divided by its mean, for the scale search (round_int4); all 1 if it is zero. Throws Error(bad_input)
    // naming the column if an input was not finite.
    std::vector<float> importance() const;

  private:
    MomentSum sum_;
};

}  // namespace adder
