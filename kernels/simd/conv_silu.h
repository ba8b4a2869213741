// The depthwise causal convolution, with SiLU or without.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

// The convolution of Tiles neighbouring tiles over all tokens, the window of the last History inputs in registers.
// Several tiles run in step because SiLU is a chain of 80 cycles. weight [History+1][8], state [History][8] a tile.
template <bool Activated, uint32_t History, int Tiles>
void conv_tiles(const ConvArgs &args, uint32_t tile) {
    const size_t channel = size_t{8} * tile;
    const float *weight = args.weight + channel * (History + 1);
    float *state = args.state + channel * History;
    f32x8 window[Tiles][History + 1];
    for (int i = 0; i < Tiles; ++i)
        for (uint32_t k = 0; k < History; ++k)
            window[i][k] = load(state + 8 * (History * static_cast<uint32_t>(i) + k));
    for (uint32_t t = 0; t < args.tokens; ++t) {
        float *x = args.x + size_t{args.x_stride} * t + channel;
        f32x8 u[Tiles];
        for (int i = 0; i < Tiles; ++i) {
            const float *w = weight + 8 * (History + 1) * static_cast<uint32_t>(i);
            window[i][History] = load(x + 8 * i);
            u[i] = load(args.bias + channel + 8 * static_cast<uint32_t>(i));
            for (uint32_t k = 0; k <= History; ++k) u[i] = u[i] + load(w + 8 * k) * window[i][k];
            for (uint32_t k = 0; k < History; ++k) window[i][k] = window[i][k + 1];
        }
        if (Activated) silu_f32(u);
        for (int i = 0; i < Tiles; ++i) {
            const size_t c = channel + 8 * static_cast<uint32_t>(i);
            store(x + 8 * i, u[i]);
            if (args.codes != nullptr)
                store_codes(args.codes + size_t{args.codes_stride} * t + c,
                            q8_f32(u[i], load(args.multipliers + c), broadcast(args.limit)));
        }
    }
    for (int i = 0; i < Tiles; ++i)
        for (uint32_t k = 0; k < History; ++k)
            store(state + 8 * (History * static_cast<uint32_t>(i) + k), window[i][k]);
}

// One tile for any d_conv; the state is the window.
template <bool Activated>
void conv_tile_any(const ConvArgs &args, uint32_t tile) {
    const size_t channel = size_t{8} * tile;
    const uint32_t history = args.d_conv - 1;
    const float *weight = args.weight + channel * args.d_conv;
    float *state = args.state + channel * history;
    for (uint32_t t = 0; t < args.tokens; ++t) {
        float *x = args.x + size_t{args.x_stride} * t + channel;
        const f32x8 newest = load(x);
        f32x8 u[1] = {load(args.bias + channel)};
        for (uint32_t k = 0; k < history; ++k) {
            const f32x8 input = load(state + 8 * k);
            const f32x8 next = k + 1 < history ? load(state + 8 * (k + 1)) : newest;
            u[0] = u[0] + load(weight + 8 * k) * input;
            store(state + 8 * k, next);
        }
        u[0] = u[0] + load(weight + 8 * history) * newest;
        if (Activated) silu_f32(u);
        store(x, u[0]);
        if (args.codes != nullptr)
            store_codes(args.codes + size_t{args.codes_stride} * t + channel,
                        q8_f32(u[0], load(args.multipliers + channel), broadcast(args.limit)));
    }
}

template <bool Activated>
void conv_channels(const ConvArgs &args) {
    constexpr uint32_t step = in_step;
    uint32_t tile = args.tile_begin;
    if (registers >= 8 && args.d_conv == 4) {  // of which the window takes four
        for (; args.tile_end - tile >= step; tile += step) conv_tiles<Activated, 3, in_step>(args, tile);
        for (; tile < args.tile_end; ++tile) conv_tiles<Activated, 3, 1>(args, tile);
    }
    for (; tile < args.tile_end; ++tile) conv_tile_any<Activated>(args, tile);
}

}  // namespace

void conv_silu(const ConvArgs &args) { conv_channels<true>(args); }

}  // namespace ADDER_SIMD
}  // namespace adder
