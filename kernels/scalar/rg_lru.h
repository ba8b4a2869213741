// The scan of RG-LRU, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// decay and state [tiles][8]; i and r [tokens][gate_stride], x and y [tokens][xy_stride].
void rg_lru(const RgLruArgs &args) {
    for (uint32_t t = 0; t < args.tokens; ++t) {
        const size_t gates = size_t{args.gate_stride} * t, xy = size_t{args.xy_stride} * t;
        const bool first = args.first && t == 0;
        for (uint32_t c = 8 * args.tile_begin; c < 8 * args.tile_end; ++c) {
            const float l = args.decay[c] * sigmoid_f32(args.r[gates + c]);
            const Exp2Parts squared = exp2_parts(l + l);
            const float left = (1.0f - squared.power) - squared.rest;
            const float m = sqrt_f32(left > 0.0f ? left : 0.0f);
            const float v = sigmoid_f32(args.i[gates + c]) * args.x[xy + c];
            const float h = first ? v : exp2_f32(l) * args.state[c] + m * v;
            args.state[c] = h;
            args.y[xy + c] = gelu_f32(args.y[xy + c]) * h;
        }
    }
}

}  // namespace scalar
}  // namespace adder
