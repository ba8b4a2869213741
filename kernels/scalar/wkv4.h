// RWKV-4's recurrence, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// A channel's numbers stand 8 apart in vectors, and `stride` in the state.
static void wkv4_channel(const float *vector, float *state, size_t stride, float *r, float k, float v) {
    const float decay = vector[0], first = vector[8], aa = state[0], bb = state[stride];
    const float key = k * log2_e;
    const float before = (bb > 0.0f ? state[2 * stride] : 0.0f) + (wkv4_none > bb ? wkv4_lowest : 0.0f);
    const float now = first + key;
    float p = before > now ? before : now;
    float e = exp2_f32(before - p), f = exp2_f32(now - p);
    const float y = (e * aa + f * v) / (e * bb + f);
    const float after = before + decay;
    p = after > key ? after : key;
    e = exp2_f32(after - p);
    f = exp2_f32(key - p);
    state[0] = e * aa + f * v;
    state[stride] = e * bb + f;
    state[2 * stride] = p;
    *r = sigmoid_f32(*r) * y;
}

// vectors [tiles][2][8], state [3][state_stride]; r, k, v [tokens][stride].
void wkv4(const Wkv4Args &args) {
    for (uint32_t t = 0; t < args.tokens; ++t)
        for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile)
            for (uint32_t c = 0; c < 8; ++c) {
                const size_t at = size_t{args.stride} * t + 8 * tile + c;
                const size_t place = tile - args.tile_begin;
                wkv4_channel(args.vectors + 16 * place + c, args.state + 8 * place + c, args.state_stride,
                             args.r + at, args.k[at], args.v[at]);
            }
}

}  // namespace scalar
}  // namespace adder
