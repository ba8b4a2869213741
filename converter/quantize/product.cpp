// The kernel's arguments for one slice after the other.
// SPDX-License-Identifier: MIT
#include "converter/quantize/product.h"

#include <algorithm>

#include "kernels/float_mode.h"

namespace adder {

PackedMatrix::PackedMatrix(uint32_t depth, uint32_t width)
    : depth_(depth), width_(width), width_padded_(round_up_to_tile(width)), kernels_(kernels_best()),
      values_(size_t{depth} * width_padded_) {}

void PackedMatrix::add_product(float factor, const float *x, size_t x_stride, uint32_t rows, Span span,
                               Span columns, float *out, size_t out_stride) const {
    const FloatModeScope mode;
    MatmulArgs args{};
    args.tile_end = (std::min(columns.end, width_) - columns.begin + (tile_size - 1)) / tile_size;
    args.tokens = rows;
    args.x_stride = static_cast<uint32_t>(x_stride);
    args.x_scale = &factor;
    args.out = out;
    args.out_stride = static_cast<uint32_t>(out_stride);
    args.add = true;
    for (uint32_t first = span.begin; first < span.end; first += slice) {
        const uint32_t stored = std::min(slice, depth_ - first);
        Matrix matrix{};
        matrix.weights = &values_[size_t{first} * width_padded_ + size_t{columns.begin} * stored];
        matrix.tiles = args.tile_end;
        matrix.cols = stored;
        args.x = x + first;
        kernels_->matmul_f32(matrix, args);
    }
}

}  // namespace adder
