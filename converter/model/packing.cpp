// Where each element goes.
// SPDX-License-Identifier: MIT
#include "converter/model/packing.h"

#include <algorithm>
#include <cstring>

#include "kernels/layout.h"

namespace adder {

Packing::Packing(const ModelShape &shape, Role role, uint32_t block) {
    const BlockView view = shape.view(block);
    const TensorRow &row = *find_row(*view.kind, role);
    const TensorExtent extent = tensor_extent(row, view.dims, Dtype::f32);
    matrix_ = row.form == Form::matrix;
    rows_ = extent.rows;
    cols_ = extent.cols;
    for (uint32_t part = 0; part < row.rows.count; ++part)
        for (uint32_t i = 0; i < view.dims[row.rows.part[part]]; ++i)
            padded_row_.push_back(row.rows.padded(view.dims, part) + i);
}

void Packing::floats(const DenseTensor &tensor, float *out) const {
    std::memset(out, 0, size_t{rows_} * cols_ * sizeof(float));
    for (uint32_t row = 0; row < tensor.rows; ++row)
        for (uint32_t col = 0; col < tensor.cols; ++col) {
            const size_t index = matrix_ ? f32_index(padded_row_[row], col, cols_)
                                         : channel_index(padded_row_[row], col, cols_);
            out[index] = tensor.values[size_t{row} * tensor.cols + col];
        }
}

void Packing::int8_codes(const DenseTensor &tensor, const std::vector<int8_t> &codes, int8_t *out) const {
    std::memset(out, 0, size_t{rows_} * cols_);
    for (uint32_t row = 0; row < tensor.rows; ++row)
        for (uint32_t col = 0; col < tensor.cols; ++col)
            out[q8_index(padded_row_[row], col, cols_)] = codes[size_t{row} * tensor.cols + col];
}

void Packing::int8_scales(const std::vector<float> &scales, float *out) const {
    if (scales.size() == 1) {
        *out = scales[0];
        return;
    }
    std::fill_n(out, rows_, 1.0f);
    for (uint32_t row = 0; row < scales.size(); ++row) out[padded_row_[row]] = scales[row];
}

void Packing::int4_codes(const DenseTensor &tensor, const std::vector<int8_t> &codes, uint8_t *out) const {
    std::memset(out, 0x88, size_t{rows_} * cols_ / 2);  // code 0 is nibble 8
    for (uint32_t row = 0; row < tensor.rows; ++row)
        for (uint32_t col = 0; col < tensor.cols; ++col) {
            const Q4Index at = q4_index(padded_row_[row], col, cols_);
            const unsigned nibble = static_cast<unsigned>(codes[size_t{row} * tensor.cols + col] + 8);
            out[at.byte] = static_cast<uint8_t>((out[at.byte] & ~(15u << at.shift)) | nibble << at.shift);
        }
}

void Packing::int4_scales(uint32_t rows, uint32_t group, const std::vector<uint16_t> &scales, uint16_t one,
                          uint16_t *out) const {
    const size_t padded_groups = (cols_ + group - 1) / group;
    std::fill_n(out, rows_ * padded_groups, one);
    const size_t groups = scales.size() / rows;
    for (uint32_t row = 0; row < rows; ++row)
        for (size_t g = 0; g < groups; ++g)
            out[group_scale_index(padded_row_[row], g * group, cols_, group)] = scales[row * groups + g];
}

}  // namespace adder
