// How the sums of a tile become the results of a matrix product: for the scalar kernels and for those that widen only the sums.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

namespace adder {

// v = acc * (scale[r] * x_scale[t]);  if bias: v = v + bias[r];  out = add ? out + v : v.
static inline void finish_tile(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token,
                               const float acc[8]) {
    const size_t row = size_t{8} * tile;
    const float x_scale = args.x_scale[size_t{args.x_scale_stride} * token];
    float *out = args.out + size_t{args.out_stride} * token;
    for (uint32_t r = 0; r < 8; ++r) {
        const float scale = matrix.scale == nullptr ? 1.0f : matrix.scale[matrix.scale_per_row ? row + r : 0];
        float v = acc[r] * (scale * x_scale);
        if (matrix.bias != nullptr) v = v + matrix.bias[row + r];
        out[row + r] = args.add ? out[row + r] + v : v;
    }
}

}  // namespace adder
