// Where an element lies in the tiled layouts of kernels.h: the one place that states the index formulas.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace adder {

// int8 weights, [tiles][cols/4][8 rows][4 cols]; cols is a multiple of 8. Counted in bytes.
static constexpr size_t q8_index(size_t row, size_t col, size_t cols) {
    return row / 8 * (8 * cols) + col / 4 * 32 + row % 8 * 4 + col % 4;
}

// float weights, [tiles][cols][8 rows]. Counted in floats.
static constexpr size_t f32_index(size_t row, size_t col, size_t cols) {
    return row / 8 * (8 * cols) + col * 8 + row % 8;
}

// int4 weights, [tiles][cols/8][8 rows][4 bytes]; cols is a multiple of 8. Byte j of a row's 4 holds column j of the 8
// in bits 0..3 and column j+4 in bits 4..7, each as code + 8; codes are in [-8, 7], and padding is code 0.
struct Q4Index {
    size_t byte;
    unsigned shift;  // the code is ((weights[byte] >> shift) & 15) - 8
};
static constexpr Q4Index q4_index(size_t row, size_t col, size_t cols) {
    return {row / 8 * (4 * cols) + col / 8 * 32 + row % 8 * 4 + col % 4, col % 8 < 4 ? 0u : 4u};
}

// The groups of a row of int4 weights, and their scales, [tiles][groups][8 rows]. Counted in scales.
static constexpr size_t group_count(size_t cols, size_t group) { return (cols + group - 1) / group; }
static constexpr size_t group_scale_index(size_t row, size_t col, size_t cols, size_t group) {
    return row / 8 * (8 * group_count(cols, group)) + col / group * 8 + row % 8;
}

// What a channel has `count` of: A2, the scan state, the convolution's weights and state, [tiles][count][8
// channels].
static constexpr size_t channel_index(size_t channel, size_t k, size_t count) {
    return channel / 8 * (8 * count) + k * 8 + channel % 8;
}

}  // namespace adder
