// Rounding of weight matrices to int8 and int4: scales by absmax or by a search for the least squared error, and codes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/quantize/dense.h"
#include "converter/quantize/halves.h"
#include "runtime/blob.h"

namespace adder {

// Half to even, then clamped: lowest and highest are integers of at most 2^22. The lowest for NaN.
inline float round_code(float value, float lowest, float highest) {
    // Two choices, not one in the other: so that loops over it vectorize.
    const float above = value > lowest ? value : lowest;
    const float inside = above < highest ? above : highest;
    constexpr float shift = 12582912.0f;  // 1.5 * 2^23: the sum's unit is 1
    return (inside + shift) - shift;
}

// weight = code * scale. codes [rows][cols], -127..127; scales [rows], or one for all.
struct Int8Matrix {
    uint32_t rows, cols;
    std::vector<int8_t> codes;
    std::vector<float> scales;

    float scale(uint32_t row, uint32_t /*col*/ = 0) const { return scales[scales.size() == 1 ? 0 : row]; }
};

// weight = code * scale, a scale for each `group` weights along a row; the last group of a row may be shorter. Scales
// may be negative, so that the weight of largest magnitude can have code -8 whatever its sign.
struct Int4Matrix {
    uint32_t rows, cols, group;
    std::vector<int8_t> codes;     // [rows][cols], -8..7
    std::vector<uint16_t> scales;  // [rows][groups()], bfloat16, never zero
    bool halves = false;           // the scales are binary16

    uint32_t groups() const { return (cols + group - 1) / group; }
    float scale(uint32_t row, uint32_t col) const {
        const uint16_t bits = scales[size_t{row} * groups() + col / group];
        return halves ? float_of_f16(bits) : float_of_bf16(bits);
    }
};

DenseTensor dequantize(const Int8Matrix &matrix);
DenseTensor dequantize(const Int4Matrix &matrix);

// Throws Error(bad_input) naming row and column if a value is not finite. All functions that round call it.
void require_finite(const DenseTensor &tensor);

// sum (rounded - tensor)^2 / sum tensor^2; 0 where all weights are zero.
double relative_squared_error(const DenseTensor &tensor, const DenseTensor &rounded);

// int8 scales: absmax / 127 of the tensor or of each row; 1 where all weights are zero.
std::vector<float> absmax_scales(const DenseTensor &tensor, Granularity granularity);

// Nearest codes for given scales ([rows] or one), as absmax_scales gives them. (On adder-13m a search over clipped
// scales finds none with less error than absmax at 8 bits.)
Int8Matrix round_int8(const DenseTensor &tensor, std::vector<float> scales);

// Nearest codes with searched scales: for each group the one of +-absmax / 8 * f, f on 27 geometric steps 1.10 .. 0.45,
// rounded to bfloat16 before it is tried, with the least sum of importance[column] * (code * scale - weight)^2.
// `importance`: [cols] of finite values not below zero, as the diagonal of a Hessian; empty: all are 1. `group`: 0 for
// whole rows.
Int4Matrix round_int4(const DenseTensor &tensor, uint32_t group, const std::vector<float> &importance,
                      ThreadPool &pool);

}  // namespace adder
