// Products of large matrices by the runtime's float kernel: a matrix packed for it, and rows times a part of it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/base/thread_pool.h"
#include "kernels/kernels.h"

namespace adder {

// Half-open.
struct Span {
    uint32_t begin, end;
};

// A matrix [depth][width] of floats in the order in which the kernel reads it: slices of 64 in depth, of each slice tiles
// of 8 columns, [tiles][64][8]. Columns after the last are zeros.
class PackedMatrix {
  public:
    static constexpr uint32_t slice = 64;

    PackedMatrix(uint32_t depth, uint32_t width);
    // value(k, column) gives the elements; the threads share the slices.
    template <typename Value>
    PackedMatrix(uint32_t depth, uint32_t width, ThreadPool &pool, const Value &value)
        : PackedMatrix(depth, width) {
        fill(pool, value);
    }

    template <typename Value>
    void fill(ThreadPool &pool, const Value &value) {
        pool.run((depth_ + slice - 1) / slice, [&](uint32_t index, uint32_t) {
            const uint32_t first = index * slice, count = depth_ - first < slice ? depth_ - first : slice;
            float *out = &values_[size_t{first} * width_padded_];
            for (uint32_t tile = 0; tile < width_padded_; tile += tile_size)
                for (uint32_t k = first; k < first + count; ++k)
                    for (uint32_t column = tile; column < tile + tile_size; ++column)
                        *out++ = column < width_ ? value(k, column) : 0.0f;
        });
    }

    uint32_t depth() const { return depth_; }
    uint32_t width() const { return width_; }
    float at(uint32_t k, uint32_t column) const {
        const uint32_t first = k / slice * slice, count = depth_ - first < slice ? depth_ - first : slice;
        return values_[size_t{first} * width_padded_ + size_t{column / tile_size} * tile_size * count +
                       size_t{k - first} * tile_size + column % tile_size];
    }

    // A part of it, [rows][stride].
    void copy(Span rows, Span columns, float *out, size_t stride) const {
        for (uint32_t k = rows.begin; k < rows.end; ++k)
            for (uint32_t column = columns.begin; column < columns.end; ++column)
                out[size_t{k - rows.begin} * stride + column - columns.begin] = at(k, column);
    }

    // out[row][c - columns.begin] += factor * sum over k in `span` of x[row][k] * (*this)[k][c], for c in `columns`,
    // whose beginning is a multiple of 8, and up to the next multiple after its end: out_stride has room for that. The
    // beginning of `span` is a multiple of 64. Each slice is summed in order and then added, so that a row's result
    // depends on nothing but the row and the matrix, on every machine.
    void add_product(float factor, const float *x, size_t x_stride, uint32_t rows, Span span, Span columns,
                     float *out, size_t out_stride) const;

  private:
    uint32_t depth_, width_, width_padded_;
    const KernelTable *kernels_;
    std::vector<float> values_;
};

// Rows that go through a packed matrix together, a part of it at a time while that is in the cache.
constexpr uint32_t product_rows = 64;

}  // namespace adder
