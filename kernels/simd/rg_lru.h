// The scan of RG-LRU: the 8 lanes are the 8 channels of a tile, and several tiles go side by side.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

// No vector layer has a square root: the compiler makes instructions of this where there are such.
inline f32x8 lru_roots(f32x8 v) {
    float lanes[8];
    store(lanes, v);
    for (float &lane : lanes) lane = sqrt_f32(lane);
    return load(lanes);
}

template <int Tiles>
void rg_lru_tiles(const RgLruArgs &args, uint32_t tile) {
    const size_t channel = size_t{8} * tile;
    f32x8 h[Tiles], decay[Tiles];
    for (int k = 0; k < Tiles; ++k) {
        h[k] = load(args.state + channel + 8 * k);
        decay[k] = load(args.decay + channel + 8 * k);
    }
    for (uint32_t t = 0; t < args.tokens; ++t) {
        const size_t gates = size_t{args.gate_stride} * t + channel, xy = size_t{args.xy_stride} * t + channel;
        f32x8 l[Tiles], v[Tiles], power[Tiles], rest[Tiles];
        for (int k = 0; k < Tiles; ++k) v[k] = load(args.i + gates + 8 * k);
        sigmoid_f32(v);
        for (int k = 0; k < Tiles; ++k) {
            v[k] = v[k] * load(args.x + xy + 8 * k);
            l[k] = load(args.r + gates + 8 * k);
        }
        if (args.first && t == 0) {
            for (int k = 0; k < Tiles; ++k) h[k] = v[k];
        } else {
            sigmoid_f32(l);
            for (int k = 0; k < Tiles; ++k) {
                l[k] = decay[k] * l[k];
                power[k] = l[k] + l[k];
            }
            exp2_parts(power, rest);
            exp2_f32(l);
            for (int k = 0; k < Tiles; ++k) {
                const f32x8 left = (f32x8(broadcast(1.0f)) - power[k]) - rest[k];
                h[k] = l[k] * h[k] + lru_roots(max(left, broadcast(0.0f))) * v[k];
            }
        }
        for (int k = 0; k < Tiles; ++k) l[k] = load(args.y + xy + 8 * k);
        gelu_f32(l);
        for (int k = 0; k < Tiles; ++k) store(args.y + xy + 8 * k, l[k] * h[k]);
    }
    for (int k = 0; k < Tiles; ++k) store(args.state + channel + 8 * k, h[k]);
}

}  // namespace

void rg_lru(const RgLruArgs &args) {
    constexpr uint32_t step = in_step;
    uint32_t tile = args.tile_begin;
    for (; args.tile_end - tile >= step; tile += step) rg_lru_tiles<in_step>(args, tile);
    for (; tile < args.tile_end; ++tile) rg_lru_tiles<1>(args, tile);
}

}  // namespace ADDER_SIMD
}  // namespace adder
