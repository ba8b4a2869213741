// SSD's scan with softplus, skip and gate, and the gated delta rule.
// SPDX-License-Identifier: MIT
//
// The 8 lanes are the 8 channels of a tile; the state is [tiles][d_state][8], B and C are broadcast. y is summed in order
// n = 0, 1, ... and begins as the first product. That sum is a chain of additions, so several tiles of a head go side by side,
// which share decay, B and C. Delta and decay are of a head: they are made for 8 heads at once, and for some tokens. All of
// these tokens pass over some tiles before the next tiles' turn, so that the state stays in the first-level cache; there the
// delta rule passes over it twice.
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

constexpr uint32_t ssd_tokens = registers >= 8 ? 16 : 4;  // 64 bytes of stack each
constexpr uint32_t ssd_tiles = registers >= 16 ? 4 : registers >= 8 ? 2 : 1;

// Of 8 heads at some tokens; of the delta rule the sigmoid of beta in the place of delta.
struct SsdHeads {
    float delta[ssd_tokens][8], decay[ssd_tokens][8];
};

// N tokens from `first` on. `Delta` here and below: of the delta rule.
template <int N, bool Delta>
inline void ssd_heads(const SsdArgs &args, uint32_t head, uint32_t token, uint32_t first, SsdHeads *heads) {
    const f32x8 A2 = load(args.A2 + head);
    f32x8 d[N];
    for (uint32_t i = 0; i < N; ++i)
        d[i] = load(args.dt + size_t{args.dt_stride} * (token + first + i) + head);
    softplus_f32(d);
    for (uint32_t i = 0; i < N; ++i) {
        d[i] = at_most(at_least(d[i], broadcast(args.dt_low)), broadcast(args.dt_high));
        if constexpr (!Delta) store(heads->delta[first + i], d[i]);
        d[i] = d[i] * A2;
    }
    exp2_f32(d);
    for (uint32_t i = 0; i < N; ++i) store(heads->decay[first + i], d[i]);
    if constexpr (Delta) {
        for (uint32_t i = 0; i < N; ++i)
            d[i] = load(args.beta + size_t{args.dt_stride} * (token + first + i) + head);
        sigmoid_f32(d);
        for (uint32_t i = 0; i < N; ++i) store(heads->delta[first + i], d[i]);
    }
}

// steps: values of n that are best taken together.
struct FloatState {
    using Element = float;
    static constexpr size_t steps = 1;
    static f32x8 get(const float *at) { return load(at); }
    static void put(float *at, f32x8 v) { store(at, v); }
};
struct HalfState {
    using Element = uint16_t;
    static constexpr size_t steps = 2;
    static f32x8 get(const uint16_t *at) { return halves_load(at); }
    static void put(uint16_t *at, f32x8 v) { halves_store(at, v); }
    static void put(uint16_t *at, f32x8 first, f32x8 second) { halves_store(at, first, second); }
};

// What is the same for all n of some tiles at a token: decay, and of each tile d * x; and y, the sum so far.
template <uint32_t Tiles>
struct SsdToken {
    const float *B, *C;
    Constant decay;
    f32x8 du[Tiles], y[Tiles];
};

// S[n] and S[n+1] of these tiles, whose states are `next` elements apart.
template <class State, uint32_t Tiles>
[[gnu::always_inline]] inline void ssd_two_steps(typename State::Element *state, size_t next, size_t n,
                                                 SsdToken<Tiles> &token) {
    const Constant b0 = broadcast(token.B[n]), b1 = broadcast(token.B[n + 1]);
    const Constant c0 = broadcast(token.C[n]), c1 = broadcast(token.C[n + 1]);
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j) {
        typename State::Element *const at = state + next * j + 8 * n;
        const f32x8 first = State::get(at) * token.decay + token.du[j] * b0;
        const f32x8 second = State::get(at + 8) * token.decay + token.du[j] * b1;
        State::put(at, first, second);
        token.y[j] = token.y[j] + first * c0;
        token.y[j] = token.y[j] + second * c1;
    }
}

// S[n] of these tiles, whose states are `next` elements apart.
template <class State, uint32_t Tiles>
[[gnu::always_inline]] inline void ssd_step(typename State::Element *state, size_t next, size_t n,
                                            SsdToken<Tiles> &token) {
    const Constant b = broadcast(token.B[n]), c = broadcast(token.C[n]);
    f32x8 S[Tiles];
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j)
        S[j] = State::get(state + next * j + 8 * n) * token.decay + token.du[j] * b;
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j) {
        State::put(state + next * j + 8 * n, S[j]);
        token.y[j] = token.y[j] + S[j] * c;
    }
}

// du of the delta rule, of values x; `rate` is the sigmoid of beta.
template <class State, uint32_t Tiles>
[[gnu::always_inline]] inline void ssd_delta(const typename State::Element *state, size_t next, size_t d_state,
                                             const float *x, float rate, SsdToken<Tiles> &token) {
    f32x8 error[Tiles];
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j) error[j] = broadcast(-0.0f);
    for (size_t n = 0; n < d_state; ++n) {
        const Constant key = broadcast(token.B[n]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < Tiles; ++j) error[j] = error[j] + State::get(state + next * j + 8 * n) * key;
    }
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j)
        token.du[j] = (load(x + 8 * j) - error[j] * token.decay) * broadcast(rate);
}

// `Tiles` tiles of a head for `count` tokens; delta and decay [count][8] begin at the head's lane. Returns Tiles.
template <class State, uint32_t Tiles, bool Delta>
uint32_t ssd_block(const SsdArgs &args, uint32_t tile, uint32_t head, uint32_t first, uint32_t count,
                   const float *delta, const float *decay) {
    using Element = typename State::Element;
    const size_t channel = size_t{8} * tile, d_state = args.d_state, next = 8 * d_state;
    Element *const state = static_cast<Element *>(args.state) + channel * d_state;
    const size_t group = d_state * (head / args.heads_per_group);
    [[maybe_unused]] Constant D;
    if constexpr (!Delta) D = broadcast(args.D[head]);
    for (uint32_t i = 0; i < count; ++i) {
        const size_t t = first + i;
        float *const x = args.x + args.x_stride * t + channel;
        SsdToken<Tiles> token;
        token.B = args.B + args.bc_stride * t + group;
        token.C = args.C + args.bc_stride * t + group;
        token.decay = broadcast(decay[8 * i]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < Tiles; ++j) {
            if constexpr (!Delta) token.du[j] = load(x + 8 * j) * broadcast(delta[8 * i]);
            token.y[j] = broadcast(-0.0f);  // -0 + a = a for every a: y begins as the first product
        }
        if constexpr (Delta) ssd_delta<State>(state, next, d_state, x, delta[8 * i], token);
        // The first token fetches the tiles after the next: a tile is often a page, where the hardware's prefetch ends.
        constexpr size_t line = 8 / sizeof(Element);
        const char *const ahead =
            reinterpret_cast<const char *>(state) + (i == 0 ? 2 * Tiles * next * sizeof(Element) : 0);
        size_t n = 0;
        for (; registers >= 8 && d_state - n >= line; n += line) {
#pragma GCC unroll 8
            for (uint32_t j = 0; j < Tiles; ++j)
                __builtin_prefetch(ahead + (next * j + 8 * n) * sizeof(Element), 0, 2);
#pragma GCC unroll 8
            for (size_t k = 0; k < line; k += State::steps)
                if constexpr (State::steps == 2)
                    ssd_two_steps<State>(state, next, n + k, token);
                else
                    ssd_step<State>(state, next, n + k, token);
        }
        for (; n < d_state; ++n) ssd_step<State>(state, next, n, token);
        f32x8 y[Tiles];
#pragma GCC unroll 8
        for (uint32_t j = 0; j < Tiles; ++j)
            if constexpr (Delta)
                y[j] = token.y[j];
            else
                y[j] = token.y[j] + load(x + 8 * j) * D;
        float *const z = args.z != nullptr ? args.z + args.z_stride * t + channel : nullptr;
        if (z != nullptr) {
            f32x8 gate[Tiles];
#pragma GCC unroll 8
            for (uint32_t j = 0; j < Tiles; ++j) gate[j] = load(z + 8 * j);
            silu_f32(gate);
#pragma GCC unroll 8
            for (uint32_t j = 0; j < Tiles; ++j) y[j] = y[j] * gate[j];
        }
        float *const out = z != nullptr ? z : x;
#pragma GCC unroll 8
        for (uint32_t j = 0; j < Tiles; ++j) store(out + 8 * j, y[j]);
    }
    return Tiles;
}

// All tiles from `tile` to `end`, of heads within the 8 from `first` on, for `count` tokens.
template <class State, bool Delta>
void ssd_range(const SsdArgs &args, uint32_t tile, uint32_t end, uint32_t first, uint32_t token,
               uint32_t count, const SsdHeads &heads) {
    const uint32_t head_tiles = args.head_dim / 8;
    while (tile < end) {
        const uint32_t head = tile / head_tiles, head_end = (head + 1) * head_tiles;
        const uint32_t left = (head_end < end ? head_end : end) - tile;
        const float *const delta = heads.delta[0] + (head - first), *const decay =
                                                                        heads.decay[0] + (head - first);
        if (ssd_tiles >= 4 && left >= 4)
            tile += ssd_block<State, (ssd_tiles < 4 ? ssd_tiles : 4), Delta>(args, tile, head, token, count,
                                                                             delta, decay);
        else if (ssd_tiles >= 2 && left >= 2)
            tile += ssd_block<State, (ssd_tiles < 2 ? ssd_tiles : 2), Delta>(args, tile, head, token, count,
                                                                             delta, decay);
        else
            tile += ssd_block<State, 1, Delta>(args, tile, head, token, count, delta, decay);
    }
}

// Where there are both, out of line: in one function the frame would be larger than that of either.
template <bool Delta>
#if ADDER_DELTA_RULE
[[gnu::noinline]]
#endif
inline void
ssd_chunk(const SsdArgs &args) {
    const uint32_t head_tiles = args.head_dim / 8;
    SsdHeads heads;
    for (uint32_t tile = args.tile_begin, end; tile < args.tile_end; tile = end) {
        const uint32_t first = tile / head_tiles & ~7u;
        end = (first + 8) * head_tiles;
        if (end > args.tile_end) end = args.tile_end;
        for (uint32_t token = 0, count; token < args.tokens; token += count) {
            count = args.tokens - token < ssd_tokens ? args.tokens - token : ssd_tokens;
            uint32_t i = 0;
            for (constexpr uint32_t step = in_step; count - i >= step; i += step)
                ssd_heads<in_step, Delta>(args, first, token, i, &heads);
            for (; i < count; ++i) ssd_heads<1, Delta>(args, first, token, i, &heads);
            if (args.half_state)
                ssd_range<HalfState, Delta>(args, tile, end, first, token, count, heads);
            else
                ssd_range<FloatState, Delta>(args, tile, end, first, token, count, heads);
        }
    }
}

}  // namespace

void ssd_scan(const SsdArgs &args) {
    if (args.beta != nullptr)
        ssd_chunk<true>(args);
    else
        ssd_chunk<false>(args);
}

}  // namespace ADDER_SIMD
}  // namespace adder
