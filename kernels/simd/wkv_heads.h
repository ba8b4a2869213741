// The recurrence of RWKVs with a matrix for each head.
// SPDX-License-Identifier: MIT
//
// The 8 lanes are 8 values of a head; the state is [value tiles][keys][8 values], and what belongs to a key is broadcast. The sum
// over the keys is a chain of additions, so several tiles of a head go side by side, which share all that is broadcast.
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

constexpr uint32_t wkv_tiles = registers >= 16 ? 4 : registers >= 8 ? 2 : 1;

// A head at a token: where its channels stand, in what is laid out by tokens and in the vectors of the model.
struct WkvHead {
    const WkvHeadsArgs &args;
    size_t at, channel;
};

// `Tiles` tiles of values from channel `i` of the head on.
template <uint32_t Tiles>
inline void wkv_rows(const WkvHead &head, uint32_t i, Constant bonus) {
    const WkvHeadsArgs &args = head.args;
    const float *const r = args.r + head.at, *const k = args.k + head.at, *const w = args.w + head.channel;
    const size_t keys = args.head_dim, next = 8 * keys;
    float *const state = args.state + (head.channel + i) * keys;
    f32x8 y[Tiles], v[Tiles];
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j) {
        y[j] = broadcast(0.0f);
        v[j] = load(args.v + head.at + i + 8 * j);
    }
    for (size_t n = 0; n < keys; ++n) {
        const Constant decay = broadcast(w[n]), key = broadcast(k[n]), query = broadcast(r[n]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < Tiles; ++j) {
            float *const at = state + next * j + 8 * n;
            const f32x8 S = load(at);
            y[j] = y[j] + S * query;
            store(at, S * decay + v[j] * key);
        }
    }
#pragma GCC unroll 8
    for (uint32_t j = 0; j < Tiles; ++j) store(args.y + head.at + i + 8 * j, y[j] + v[j] * bonus);
}

inline float wkv_bonus(const WkvHead &head) {
    const WkvHeadsArgs &args = head.args;
    f32x8 lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < args.head_dim; i += 8)
        lanes = lanes + (load(args.r + head.at + i) * load(args.bonus + head.channel + i)) *
                            load(args.k + head.at + i);
    return sum_lanes(lanes);
}

inline void wkv_finish(const WkvHead &head) {
    const WkvHeadsArgs &args = head.args;
    const float *const y = args.y + head.at;
    const float *const weight = args.norm + head.channel, *const bias = weight + args.channels;
    f32x8 lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < args.head_dim; i += 8) lanes = lanes + load(y + i);
    const float width = static_cast<float>(args.head_dim);
    const Constant mean = broadcast(sum_lanes(lanes) / width);
    lanes = broadcast(0.0f);
    for (uint32_t i = 0; i < args.head_dim; i += 8) {
        const f32x8 d = load(y + i) - mean;
        lanes = lanes + d * d;
    }
    const Constant inverse = broadcast(1.0f / sqrt_f32(sum_lanes(lanes) / width + args.epsilon));
    for (uint32_t i = 0; i < args.head_dim; i += 8) {
        f32x8 out = ((load(y + i) - mean) * inverse) * load(weight + i) + load(bias + i);
        if (args.g != nullptr) {
            f32x8 gate[1] = {load(args.g + head.at + i)};
            silu_f32(gate);
            out = out * gate[0];
        }
        store(args.r + head.at + i, out);
    }
}

}  // namespace

void wkv_heads(const WkvHeadsArgs &args) {
    for (uint32_t h = args.head_begin; h < args.head_end; ++h)
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const size_t channel = size_t{args.head_dim} * h;
            const WkvHead head{args, size_t{args.stride} * t + channel, channel};
            const Constant bonus = broadcast(wkv_bonus(head));
            uint32_t i = 0;
            for (constexpr uint32_t step = 8 * wkv_tiles; args.head_dim - i >= step; i += step)
                wkv_rows<wkv_tiles>(head, i, bonus);
            for (; i < args.head_dim; i += 8) wkv_rows<1>(head, i, bonus);
            wkv_finish(head);
        }
}

}  // namespace ADDER_SIMD
}  // namespace adder
