// The selective scan with softplus, skip and gate.
// SPDX-License-Identifier: MIT
//
// The 8 lanes are the 8 channels of a tile; A2 and state are [tiles][d_state][8], B and C are broadcast. y is summed in
// order n = 0, 1, ... and begins as the first product. The work is cut into units, a tile at one token. Softplus and the
// gate are chains of 200 cycles, so they run for several units in step: tokens of a tile in a chunk, tiles otherwise. A
// tile's state (d_state * 32 bytes) stays in the first-level cache for all tokens of the chunk.
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

// h = exp2(d * A2) * h + du * B for N values of n; y takes h * C, in order.
template <int N>
inline f32x8 scan_step(const float *A2, float *state, f32x8 d, f32x8 du, const float *B, const float *C,
                       f32x8 y) {
    f32x8 h[N];
    for (int i = 0; i < N; ++i) h[i] = d * load(A2 + 8 * i);
    exp2_f32(h);
    for (int i = 0; i < N; ++i) {
        h[i] = h[i] * load(state + 8 * i) + du * broadcast(B[i]);
        store(state + 8 * i, h[i]);
        y = y + h[i] * broadcast(C[i]);
    }
    return y;
}

// Tile tile + i * tile_step at token token + i * token_step, for i = 0 .. N-1 in this order. Flat, for the sake of the stack: a
// call would save registers on Helium.
template <int N>
[[gnu::flatten]] inline void scan_units(const ScanArgs &args, uint32_t tile, uint32_t tile_step,
                                        uint32_t token, uint32_t token_step) {
    const uint32_t d_state = args.d_state;
    f32x8 d[N], u[N], y[N], gate[N];
    for (int i = 0; i < N; ++i) {
        const size_t channel = 8 * (tile + size_t{tile_step} * static_cast<uint32_t>(i));
        const size_t t = token + size_t{token_step} * static_cast<uint32_t>(i);
        d[i] = load(args.dt + args.dt_stride * t + channel);
        u[i] = load(args.u + args.uz_stride * t + channel);
        gate[i] = load(args.z + args.uz_stride * t + channel);
    }
    softplus_f32(d);
    silu_f32(gate);
    for (int i = 0; i < N; ++i) {
        const size_t channel = 8 * (tile + size_t{tile_step} * static_cast<uint32_t>(i));
        const size_t t = token + size_t{token_step} * static_cast<uint32_t>(i);
        const float *A2 = args.A2 + channel * d_state;
        float *state = args.state + channel * d_state;
        const float *B = args.B + args.bc_stride * t;
        const float *C = args.C + args.bc_stride * t;
        const f32x8 delta = d[i];
        const f32x8 du = delta * u[i];
        f32x8 sum = broadcast(-0.0f);  // -0 + a = a for every a: y begins as the first product
        constexpr uint32_t step = in_step;
        for (uint32_t left = d_state / step; left != 0; --left) {
            sum = scan_step<in_step>(A2, state, delta, du, B, C, sum);
            A2 += 8 * step;
            state += 8 * step;
            B += step;
            C += step;
        }
        for (uint32_t n = 0; n < d_state % step; ++n)
            sum = scan_step<1>(A2 + 8 * n, state + 8 * n, delta, du, B + n, C + n, sum);
        y[i] = sum;
    }
    for (int i = 0; i < N; ++i) {
        const size_t channel = 8 * (tile + size_t{tile_step} * static_cast<uint32_t>(i));
        const size_t t = token + size_t{token_step} * static_cast<uint32_t>(i);
        y[i] = y[i] + load(args.D + channel) * u[i];
        const f32x8 g = y[i] * gate[i];
        if (args.codes == nullptr)
            store(args.z + args.uz_stride * t + channel, g);
        else
            store_codes(args.codes + args.codes_stride * t + channel,
                        q8_f32(g, load(args.multipliers + channel), broadcast(args.limit)));
    }
}

}  // namespace

void scan(const ScanArgs &args) {
    constexpr uint32_t step = in_step;
    uint32_t tile = args.tile_begin;
    if (args.tokens < step) {
        for (; args.tile_end - tile >= step; tile += step)
            for (uint32_t token = 0; token < args.tokens; ++token)
                scan_units<in_step>(args, tile, 1, token, 0);
    }
    for (; tile < args.tile_end; ++tile) {
        uint32_t token = 0;
        for (; args.tokens - token >= step; token += step) scan_units<in_step>(args, tile, 0, token, 1);
        for (; token < args.tokens; ++token) scan_units<1>(args, tile, 0, token, 0);
    }
}

}  // namespace ADDER_SIMD
}  // namespace adder
