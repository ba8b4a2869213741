// The depthwise causal convolution, with SiLU or without, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// weight [tiles][d_conv][8], state [tiles][d_conv-1][8], x [tokens][x_stride]. The state is the window that
// slides.
template <bool activated>
static void conv(const ConvArgs &args) {
    const uint32_t history = args.d_conv - 1;
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const size_t channel = size_t{8} * tile;
        const float *weight = args.weight + channel * args.d_conv;
        const float *bias = args.bias + channel;
        float *state = args.state + channel * history;
        for (uint32_t t = 0; t < args.tokens; ++t) {
            float *x = args.x + size_t{args.x_stride} * t + channel;
            float acc[8];
            for (uint32_t c = 0; c < 8; ++c) acc[c] = bias[c];
            for (uint32_t k = 0; k < history; ++k) {
                for (uint32_t c = 0; c < 8; ++c) {
                    const float input = state[8 * k + c];
                    acc[c] = acc[c] + weight[8 * k + c] * input;
                    state[8 * k + c] = k + 1 < history ? state[8 * (k + 1) + c] : x[c];
                }
            }
            for (uint32_t c = 0; c < 8; ++c) acc[c] = acc[c] + weight[8 * history + c] * x[c];
            for (uint32_t c = 0; c < 8; ++c) x[c] = activated ? silu_f32(acc[c]) : acc[c];
            if (args.codes != nullptr) {
                int8_t *codes = args.codes + size_t{args.codes_stride} * t + channel;
                for (uint32_t c = 0; c < 8; ++c)
                    codes[c] = q8_f32(x[c], args.multipliers[channel + c], args.limit);
            }
        }
    }
}

}  // namespace scalar
}  // namespace adder
