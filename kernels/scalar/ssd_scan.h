// SSD's scan and the gated delta rule, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include <string.h>

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// Where S[n] of a tile's channel is kept, as a float or as a half.
static float ssd_load(const SsdArgs &args, size_t at) {
    return args.half_state ? f16_f32(static_cast<const uint16_t *>(args.state)[at])
                           : static_cast<const float *>(args.state)[at];
}
static void ssd_store(const SsdArgs &args, size_t at, float v) {
    if (args.half_state)
        static_cast<uint16_t *>(args.state)[at] = f32_f16(v);
    else
        static_cast<float *>(args.state)[at] = v;
}

// What a channel of the delta rule takes in: rate * (x - decay * what the state has for this key).
static float ssd_delta(const SsdArgs &args, size_t at, const float *B, float rate, float decay, float x) {
    float e = ssd_load(args, at) * B[0];
    for (uint32_t n = 1; n < args.d_state; ++n) e = e + ssd_load(args, at + 8 * n) * B[n];
    return rate * (x - decay * e);
}

// state [tiles][d_state][8]; dt [tokens][dt_stride], x [tokens][x_stride], z [tokens][z_stride]; B and C [tokens][bc_stride].
// y runs in order n = 0, 1, ... for each channel and starts as the first product.
void ssd_scan(const SsdArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const size_t channel = size_t{8} * tile;
        const uint32_t head = static_cast<uint32_t>(channel / args.head_dim);
        const size_t group = size_t{args.d_state} * (head / args.heads_per_group);
        for (uint32_t t = 0; t < args.tokens; ++t) {
            float *x = args.x + size_t{args.x_stride} * t + channel;
            const float *B = args.B + size_t{args.bc_stride} * t + group;
            const float *C = args.C + size_t{args.bc_stride} * t + group;
            float d = softplus_f32(args.dt[size_t{args.dt_stride} * t + head]);
            d = d > args.dt_low ? d : args.dt_low;
            d = d < args.dt_high ? d : args.dt_high;
            const float decay = exp2_f32(d * args.A2[head]);
            float du[8], y[8];
            if (args.beta != nullptr) {
                const float rate = sigmoid_f32(args.beta[size_t{args.dt_stride} * t + head]);
                for (uint32_t c = 0; c < 8; ++c)
                    du[c] = ssd_delta(args, channel * args.d_state + c, B, rate, decay, x[c]);
            } else {
                for (uint32_t c = 0; c < 8; ++c) du[c] = d * x[c];
            }
            for (uint32_t n = 0; n < args.d_state; ++n) {
                for (uint32_t c = 0; c < 8; ++c) {
                    const size_t at = channel * args.d_state + 8 * n + c;
                    const float S = decay * ssd_load(args, at) + du[c] * B[n];
                    ssd_store(args, at, S);
                    y[c] = n == 0 ? S * C[n] : y[c] + S * C[n];
                }
            }
            if (args.beta == nullptr)
                for (uint32_t c = 0; c < 8; ++c) y[c] = y[c] + args.D[head] * x[c];
            if (args.z == nullptr) {
                memcpy(x, y, sizeof y);
            } else {
                float *z = args.z + size_t{args.z_stride} * t + channel;
                for (uint32_t c = 0; c < 8; ++c) z[c] = y[c] * silu_f32(z[c]);
            }
        }
    }
}

}  // namespace scalar
}  // namespace adder
