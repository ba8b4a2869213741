// What blocks make of a token's position: its place in a ring, and the angles that its channels turn by.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/kernels.h"
#include "kernels/scalar/math.h"

namespace adder {

// position modulo window, at most 2^16: 16 bits at a time, since a division of 64 bits is half a kilobyte on small cores.
static inline uint32_t ring_place(uint64_t position, uint32_t window) {
    uint32_t rest = 0;
    for (int shift = 48; shift >= 0; shift -= 16)
        rest = (rest << 16 | (static_cast<uint32_t>(position >> shift) & 0xffffu)) % window;
    return rest;
}

// A fraction in 24 bits; of what a blob should not have, 0.
static inline uint32_t fraction_bits(float fraction) {
    return fraction >= 0.0f && fraction < 1.0f ? static_cast<uint32_t>(fraction * 0x1p24f) : 0;
}

// The angle at `position` in turns of 2^32, of a step of 48 bits of a turn a token. Exact but for the last cut.
static inline uint32_t angle_at(uint64_t position, float high, float low) {
    const uint64_t step = uint64_t{fraction_bits(high)} << 24 | fraction_bits(low);
    return static_cast<uint32_t>(position * step >> 16);
}

// Turns pair i of some heads, channels i and i + pairs of each.
static inline void turn_heads(float *v, uint32_t heads, uint32_t head_dim, uint32_t pairs, const Turn &turn) {
    for (uint32_t head = 0; head < heads; ++head, v += head_dim) {
        const float a = v[0], b = v[pairs];
        v[0] = a * turn.cosine - b * turn.sine;
        v[pairs] = b * turn.cosine + a * turn.sine;
    }
}

}  // namespace adder
