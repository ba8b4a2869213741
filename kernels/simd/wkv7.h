// RWKV-7's recurrence.
// SPDX-License-Identifier: MIT
//
// The 8 lanes are 8 values of a head; the state is [value tiles][keys][8 values], and what belongs to a key is broadcast. Both
// sums over the keys are chains of additions, so several tiles of a head go side by side, which share all that is broadcast.
// The state of a head stays in the first-level cache from token to token.
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

constexpr uint32_t wkv7_tiles = registers >= 16 ? 4 : registers >= 8 ? 2 : 1;

// A head at a token: where its channels stand, in what is laid out by tokens and in the vectors of the model.
struct Wkv7Head {
    const Wkv7Args &args;
    size_t at, channel;
    const float *vector(uint32_t which) const {
        return args.key_vectors + size_t{args.channels} * which + channel;
    }
};

// `First`: with a value gate.
template <bool First>
inline void wkv7_prepare(const Wkv7Head &head) {
    const Wkv7Args &args = head.args;
    float *const w = args.w + head.at, *const k = args.k + head.at, *const v = args.v + head.at;
    float *const a = args.a + head.at, *const kk = args.kk + head.at;
    const float *const k_k = head.vector(0), *const k_a = head.vector(1);
    const Constant one = broadcast(1.0f);
    f32x8 lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < args.head_dim; i += 8) {
        f32x8 s[First ? 3 : 2];
        s[0] = load(w + i);
        s[1] = load(a + i);
        if constexpr (First) s[2] = load(args.y + head.at + i);
        sigmoid_f32(s);
        f32x8 decay[1] = {s[0] * broadcast(wkv7_decay)};
        exp2_f32(decay);
        store(w + i, decay[0]);
        store(a + i, s[1]);
        const f32x8 key = load(k + i), scaled = key * load(k_k + i);
        lanes = lanes + scaled * scaled;
        store(kk + i, scaled);
        store(k + i, key * (one + (s[1] - one) * load(k_a + i)));
        const f32x8 value = load(v + i);
        if constexpr (First)
            store(v + i, value + (load(args.v_first + head.at + i) - value) * s[2]);
        else if (args.v_first != nullptr)
            store(args.v_first + head.at + i, value);
    }
    const float norm = sqrt_f32(sum_lanes(lanes));
    const Constant inverse = broadcast(1.0f / (norm > 1e-12f ? norm : 1e-12f));
    for (uint32_t i = 0; i < args.head_dim; i += 8) {
        const f32x8 unit = load(kk + i) * inverse;
        store(kk + i, unit);
        store(a + i, unit * load(a + i));
    }
}

// `Tiles` tiles of values from channel `i` of the head on.
template <uint32_t Tiles>
inline void wkv7_rows(const Wkv7Head &head, uint32_t i) {
    const Wkv7Args &args = head.args;
    const float *const r = args.r + head.at, *const w = args.w + head.at, *const k = args.k + head.at;
    const float *const b = args.a + head.at, *const kk = args.kk + head.at;
    const size_t keys = args.head_dim, next = 8 * keys;
    float *const state = args.state + (head.channel + i) * keys;
    f32x8 sa[Tiles], y[Tiles], v[Tiles];
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j) {
        sa[j] = y[j] = broadcast(0.0f);
        v[j] = load(args.v + head.at + i + 8 * j);
    }
    for (size_t n = 0; n < keys; ++n) {
        const Constant key = broadcast(kk[n]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < Tiles; ++j) sa[j] = sa[j] - load(state + next * j + 8 * n) * key;
    }
    for (size_t n = 0; n < keys; ++n) {
        const Constant decay = broadcast(w[n]), rate = broadcast(b[n]), key = broadcast(k[n]);
        const Constant query = broadcast(r[n]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < Tiles; ++j) {
            float *const at = state + next * j + 8 * n;
            const f32x8 S = (load(at) * decay + sa[j] * rate) + v[j] * key;
            store(at, S);
            y[j] = y[j] + S * query;
        }
    }
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j) store(args.y + head.at + i + 8 * j, y[j]);
}

inline void wkv7_finish(const Wkv7Head &head) {
    const Wkv7Args &args = head.args;
    const float *const r = args.r + head.at, *const k = args.k + head.at, *const v = args.v + head.at;
    const float *const y = args.y + head.at, *const r_k = head.vector(2);
    const float *const weight = args.norm + head.channel, *const bias = weight + args.channels;
    float *const g = args.g + head.at;
    f32x8 lanes = broadcast(0.0f), bonuses = broadcast(0.0f);
    for (uint32_t i = 0; i < args.head_dim; i += 8) {
        lanes = lanes + load(y + i);
        bonuses = bonuses + (load(r + i) * load(k + i)) * load(r_k + i);
    }
    const float width = static_cast<float>(args.head_dim);
    const Constant mean = broadcast(sum_lanes(lanes) / width), bonus = broadcast(sum_lanes(bonuses));
    lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < args.head_dim; i += 8) {
        const f32x8 d = load(y + i) - mean;
        lanes = lanes + d * d;
    }
    const Constant inverse = broadcast(1.0f / sqrt_f32(sum_lanes(lanes) / width + args.epsilon));
    for (uint32_t i = 0; i < args.head_dim; i += 8) {
        const f32x8 normal = ((load(y + i) - mean) * inverse) * load(weight + i) + load(bias + i);
        store(g + i, (normal + load(v + i) * bonus) * load(g + i));
    }
}

}  // namespace

void wkv7(const Wkv7Args &args) {
    for (uint32_t h = args.head_begin; h < args.head_end; ++h)
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const size_t channel = size_t{args.head_dim} * h;
            const Wkv7Head head{args, size_t{args.stride} * t + channel, channel};
            if (args.takes_first)
                wkv7_prepare<true>(head);
            else
                wkv7_prepare<false>(head);
            uint32_t i = 0;
            for (constexpr uint32_t step = 8 * wkv7_tiles; args.head_dim - i >= step; i += step)
                wkv7_rows<wkv7_tiles>(head, i);
            for (; i < args.head_dim; i += 8) wkv7_rows<1>(head, i);
            wkv7_finish(head);
        }
}

}  // namespace ADDER_SIMD
}  // namespace adder
