// RWKV-4's recurrence: the 8 lanes are the 8 channels of a tile, and several tiles go side by side.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

template <int Tiles>
void wkv4_tiles(const Wkv4Args &args, uint32_t tile) {
    const size_t place = tile - args.tile_begin;
    const float *const vectors = args.vectors + 16 * place;
    float *const state = args.state + 8 * place;
    const size_t stride = args.state_stride;
    const Constant zero = broadcast(0.0f);
    f32x8 aa[Tiles], bb[Tiles], pp[Tiles];
    for (int i = 0; i < Tiles; ++i) {
        aa[i] = load(state + 8 * i);
        bb[i] = load(state + stride + 8 * i);
        pp[i] = load(state + 2 * stride + 8 * i);
    }
    for (uint32_t t = 0; t < args.tokens; ++t) {
        const size_t at = size_t{args.stride} * t + 8 * tile;
        f32x8 k[Tiles], v[Tiles], y[Tiles], e[Tiles], f[Tiles];
        for (int i = 0; i < Tiles; ++i) {
            k[i] = load(args.k + at + 8 * i) * broadcast(log2_e);
            v[i] = load(args.v + at + 8 * i);
            pp[i] = zero_unless_greater(pp[i], bb[i], zero) +
                    zero_unless_greater(broadcast(wkv4_lowest), broadcast(wkv4_none), bb[i]);
            const f32x8 now = load(vectors + 16 * i + 8) + k[i], p = max(pp[i], now);
            e[i] = pp[i] - p;
            f[i] = now - p;
        }
        exp2_f32(e);
        exp2_f32(f);
        for (int i = 0; i < Tiles; ++i) {
            y[i] = (e[i] * aa[i] + f[i] * v[i]) / (e[i] * bb[i] + f[i]);
            const f32x8 after = pp[i] + load(vectors + 16 * i);
            pp[i] = max(after, k[i]);
            e[i] = after - pp[i];
            f[i] = k[i] - pp[i];
        }
        exp2_f32(e);
        exp2_f32(f);
        for (int i = 0; i < Tiles; ++i) {
            aa[i] = e[i] * aa[i] + f[i] * v[i];
            bb[i] = e[i] * bb[i] + f[i];
            k[i] = load(args.r + at + 8 * i);
        }
        sigmoid_f32(k);
        for (int i = 0; i < Tiles; ++i) store(args.r + at + 8 * i, k[i] * y[i]);
    }
    for (int i = 0; i < Tiles; ++i) {
        store(state + 8 * i, aa[i]);
        store(state + stride + 8 * i, bb[i]);
        store(state + 2 * stride + 8 * i, pp[i]);
    }
}

}  // namespace

void wkv4(const Wkv4Args &args) {
    constexpr uint32_t step = in_step;
    uint32_t tile = args.tile_begin;
    for (; args.tile_end - tile >= step; tile += step) wkv4_tiles<in_step>(args, tile);
    for (; tile < args.tile_end; ++tile) wkv4_tiles<1>(args, tile);
}

}  // namespace ADDER_SIMD
}  // namespace adder
