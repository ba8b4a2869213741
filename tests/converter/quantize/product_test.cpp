// Products by a packed matrix against sums in doubles: widths and depths that fill no tile and no slice, and parts of both.
// SPDX-License-Identifier: MIT
#include "converter/quantize/product.h"

#include <gtest/gtest.h>

#include <cmath>

namespace adder {
namespace {

float value_of(uint32_t k, uint32_t column) { return std::sin(static_cast<float>(k * 31 + column * 17)); }

TEST(PackedMatrix, HoldsWhatItWasGiven) {
    ThreadPool pool(2);
    const PackedMatrix matrix(70, 13, pool, value_of);
    float part[3 * 5];
    matrix.copy({63, 66}, {7, 12}, part, 5);
    for (uint32_t k = 0; k < 70; ++k)
        for (uint32_t column = 0; column < 13; ++column) ASSERT_EQ(matrix.at(k, column), value_of(k, column));
    for (uint32_t i = 0; i < 15; ++i) EXPECT_EQ(part[i], value_of(63 + i / 5, 7 + i % 5));
}

TEST(PackedMatrix, AddsProductsOfItsParts) {
    ThreadPool pool(3);
    constexpr uint32_t rows = 7, stride = 16;
    for (const uint32_t depth : {1u, 64u, 130u}) {
        const PackedMatrix matrix(depth, 21, pool, value_of);
        std::vector<float> x(size_t{rows} * depth);
        for (size_t i = 0; i < x.size(); ++i) x[i] = std::cos(static_cast<float>(i));
        for (const Span span : {Span{0, depth}, Span{depth / 64 * 64, depth}, Span{depth, depth}})
            for (const Span columns : {Span{0, 8}, Span{8, 21}, Span{16, 17}}) {
                std::vector<float> out(size_t{rows} * stride, 0.5f);
                matrix.add_product(-2, x.data(), depth, rows, span, columns, out.data(), stride);
                for (uint32_t row = 0; row < rows; ++row)
                    for (uint32_t column = columns.begin; column < columns.end; ++column) {
                        double expected = 0.5;
                        for (uint32_t k = span.begin; k < span.end; ++k)
                            expected -= 2 * static_cast<double>(x[row * depth + k]) *
                                        static_cast<double>(value_of(k, column));
                        ASSERT_NEAR(out[row * stride + column - columns.begin], expected, 1e-4)
                            << depth << " " << span.begin << " " << columns.begin;
                    }
            }
    }
}

}  // namespace
}  // namespace adder
