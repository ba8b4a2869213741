// The transform of one vector, and of matrices made of them.
// SPDX-License-Identifier: MIT
#include "converter/quantize/rotation.h"

#include <cmath>

#include "converter/base/error.h"
#include "converter/base/random.h"
#include "converter/quantize/folds.h"

namespace adder {

Rotation::Rotation(uint32_t width) : block_(width & (~width + 1)), signs_(width) {
    if (block_ < smallest_block)
        bad_input("a rotation needs a d_model that is a multiple of %u, and it is %u", smallest_block, width);
    RandomNumbers random(1);
    for (double &sign : signs_)
        sign = (random.next() >> 63 != 0 ? -1 : 1) / std::sqrt(static_cast<double>(block_));
}

void Rotation::rotate(double *v) const {
    for (uint32_t i = 0; i < width(); ++i) v[i] *= signs_[i];
    for (uint32_t first = 0; first < width(); first += block_) walsh_hadamard(v + first, block_);
}

void Rotation::rotate_rows(float *values, size_t rows) const {
    std::vector<double> v(width());
    for (size_t row = 0; row < rows; ++row, values += width()) {
        for (uint32_t i = 0; i < width(); ++i) v[i] = static_cast<double>(values[i]);
        rotate(v.data());
        for (uint32_t i = 0; i < width(); ++i) values[i] = static_cast<float>(v[i]);
    }
}

void Rotation::rotate_columns(float *values, size_t cols) const {
    std::vector<double> v(width());
    for (size_t col = 0; col < cols; ++col) {
        for (uint32_t i = 0; i < width(); ++i) v[i] = static_cast<double>(values[i * cols + col]);
        rotate(v.data());
        for (uint32_t i = 0; i < width(); ++i) values[i * cols + col] = static_cast<float>(v[i]);
    }
}

}  // namespace adder
