// Attention: lanes are places for scores, and channels of values for what they weigh.
//
// 32 places of keys and values stay in the first-level cache for the heads that share them.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

constexpr uint32_t attend_heads = 8;  // that go through some places one after the other
constexpr int attend_tiles = registers >= 8 ? 4 : 1;

// What keys and values are kept as.
struct KeptFloats {
    using Number = float;
    static constexpr bool scaled = false;
    static f32x8 widened(const Number *at) { return load(at); }
};
struct KeptHalves {
    using Number = uint16_t;
    static constexpr bool scaled = false;
    static f32x8 widened(const Number *at) { return halves_load(at); }
};
struct KeptCodes {
    using Number = int8_t;
    static constexpr bool scaled = true;
    static f32x8 widened(const Number *at) { return codes_widen(at); }
};

// The scores of Tiles tiles of places from `first` on, a multiple of 8.
template <class Kept, int Tiles>
inline void attend_scores(const AttendArgs &args, uint32_t head, size_t group, uint32_t first, float *s) {
    using Number = typename Kept::Number;
    const float *const q = args.q + size_t{head} * args.head_dim;
    const Number *const k =
        static_cast<const Number *>(args.k) + first / 8 * args.k_tile + 8 * group * args.head_dim;
    f32x8 sum[Tiles];
    for (int i = 0; i < Tiles; ++i) sum[i] = broadcast(0.0f);
    for (size_t d = 0; d < args.head_dim; ++d) {
        const Constant by = broadcast(q[d]);
#pragma GCC unroll 8
        for (int i = 0; i < Tiles; ++i)
            sum[i] = sum[i] + Kept::widened(k + static_cast<size_t>(i) * args.k_tile + 8 * d) * by;
    }
    const float *const scales = args.k_scale + (Kept::scaled ? first / 8 * args.scale_tile + 8 * group : 0);
    for (int i = 0; i < Tiles; ++i) {
        if constexpr (Kept::scaled) sum[i] = sum[i] * load(scales + static_cast<size_t>(i) * args.scale_tile);
        store(s + 8 * i, sum[i]);
    }
}

// What `count` places add to Tiles tiles of a head's output; the values are from the first of them on.
template <class Kept, int Tiles>
inline void attend_values(const AttendArgs &args, const typename Kept::Number *v, uint32_t count,
                          const float *p, float factor, float *out) {
    f32x8 o[Tiles];
    for (int i = 0; i < Tiles; ++i) o[i] = load(out + 8 * i) * broadcast(factor);
    for (uint32_t first = 0; first < count; first += 8, v += args.v_tile) {
        const size_t places = count - first < 8 ? count - first : 8;
        for (size_t j = 0; j < places; ++j) {
            const Constant by = broadcast(p[first + j]);
#pragma GCC unroll 8
            for (int i = 0; i < Tiles; ++i)
                o[i] = o[i] + Kept::widened(v + static_cast<size_t>(i) * args.v_channels + 8 * j) * by;
        }
    }
    for (int i = 0; i < Tiles; ++i) store(out + 8 * i, o[i]);
}

// A head at `count` places from `first` on.
template <class Kept>
inline void attend_block(const AttendArgs &args, uint32_t head, size_t group, uint32_t first, uint32_t count,
                         float *highest, float *sum) {
    float s[attend_places];
    const uint32_t padded = round_up_to_tile(count);
    uint32_t j = 0;
    for (constexpr uint32_t step = 8 * attend_tiles; padded - j >= step; j += step)
        attend_scores<Kept, attend_tiles>(args, head, group, first + j, s + j);
    for (; j < padded; j += 8) attend_scores<Kept, 1>(args, head, group, first + j, s + j);
    for (j = count; j < padded; ++j) s[j] = s[0];
    f32x8 largest = broadcast(*highest);
    for (j = 0; j < padded; j += 8) largest = max(load(s + j), largest);
    const float top = max_lanes(largest + broadcast(0.0f));
    f32x8 exponent[1] = {broadcast(*highest - top)};
    exp2_f32(exponent);
    float factors[8];
    store(factors, exponent[0]);
    *highest = top;
    f32x8 lanes = load(sum) * exponent[0];
    for (j = 0; j < padded; j += 8) {
        f32x8 p[1] = {load(s + j) - broadcast(top)};
        exp2_f32(p);
        store(s + j, p[0]);
    }
    for (j = count; j < padded; ++j) s[j] = 0.0f;
    for (j = 0; j < padded; j += 8) lanes = lanes + load(s + j);
    store(sum, lanes);
    if constexpr (Kept::scaled) {
        const float *scales = args.v_scale + first / 8 * args.scale_tile + 8 * group;
        for (j = 0; j < padded; j += 8, scales += args.scale_tile) store(s + j, load(s + j) * load(scales));
    }
    using Number = typename Kept::Number;
    const Number *const v = static_cast<const Number *>(args.v) + first / 8 * args.v_tile +
                            group * args.head_dim / 8 * args.v_channels;
    float *const out = args.out + size_t{head} * args.head_dim;
    uint32_t d = 0;
    for (constexpr uint32_t step = 8 * attend_tiles; args.head_dim - d >= step; d += step)
        attend_values<Kept, attend_tiles>(args, v + size_t{d / 8} * args.v_channels, count, s, factors[0],
                                          out + d);
    for (; d < args.head_dim; d += 8)
        attend_values<Kept, 1>(args, v + size_t{d / 8} * args.v_channels, count, s, factors[0], out + d);
}

template <class Kept>
void attend_to(const AttendArgs &args) {
    for (uint32_t head = args.head_begin, end; head < args.head_end; head = end) {
        const uint32_t group = head / args.heads_per_group;
        end = (group + 1) * args.heads_per_group;
        if (end > args.head_end) end = args.head_end;
        if (end - head > attend_heads) end = head + attend_heads;
        const uint32_t heads = end - head;
        float highest[attend_heads], sum[attend_heads][8];
        for (uint32_t i = 0; i < heads; ++i) {
            highest[i] = -0x1.fffffep+127f;
            store(sum[i], broadcast(0.0f));
            float *const out = args.out + size_t{head + i} * args.head_dim;
            for (uint32_t d = 0; d < args.head_dim; d += 8) store(out + d, broadcast(0.0f));
        }
        for (uint32_t first = 0; first < args.keys; first += attend_places) {
            const uint32_t count = args.keys - first < attend_places ? args.keys - first : attend_places;
            for (uint32_t i = 0; i < heads; ++i)
                attend_block<Kept>(args, head + i, group, first, count, &highest[i], sum[i]);
        }
        for (uint32_t i = 0; i < heads; ++i) {
            const Constant inverse = broadcast(1.0f / sum_lanes(load(sum[i])));
            float *const out = args.out + size_t{head + i} * args.head_dim;
            for (uint32_t d = 0; d < args.head_dim; d += 8) store(out + d, load(out + d) * inverse);
        }
    }
}

}  // namespace

void attend(const AttendArgs &args) {
    if (!ADDER_CACHE || args.type == KeptType::f32) return attend_to<KeptFloats>(args);
    if (args.type == KeptType::f16) return attend_to<KeptHalves>(args);
    attend_to<KeptCodes>(args);
}

}  // namespace ADDER_SIMD
}  // namespace adder
