// The functions of docs/numerics.md, one float at a time: exp2, exp, silu, log1p, softplus, q8. No libm.
// SPDX-License-Identifier: MIT
//
// Each is an exact sequence of float32 operations. Every SIMD form repeats it lane by lane, so neither the
// operations nor their order may change without changing the law. Comparisons are written as `a < b ? a : b`,
// the meaning of SSE's minps(a, b): where a is NaN the answer is b.
#pragma once

#include <stdint.h>
#include <string.h>

#include "adder/config.h"

namespace adder {

// 1.5 * 2^23: adding it leaves the rounded integer in the low bits of the sum, for |v| < 2^22.
static constexpr float round_magic = 12582912.0f;
static constexpr float log2_e = 0x1.715476p+0f;
static constexpr float twice_log2_e = 0x1.715476p+1f;

// 2^f = 1 + f * (c1 + f * (c2 + ...)), f in [-1/2, 1/2]. Minimax in relative error with c0 = 1.
static constexpr float exp2_c1 = 0x1.62e42ap-1f;
static constexpr float exp2_c2 = 0x1.ebf9b6p-3f;
static constexpr float exp2_c3 = 0x1.c6b7p-5f;
static constexpr float exp2_c4 = 0x1.3ceaaep-7f;
static constexpr float exp2_c5 = 0x1.5bba32p-10f;

// log(1 + t) = 2s * (1 + s^2 * (p0 + s^2 * (p1 + ...))), s = t / (2 + t), t in [0, 1]. Minimax in relative
// error.
static constexpr float log1p_p0 = 0x1.555502p-2f;
static constexpr float log1p_p1 = 0x1.99d208p-3f;
static constexpr float log1p_p2 = 0x1.1ebd0ap-3f;
static constexpr float log1p_p3 = 0x1.1ed7d2p-3f;

// GELU: the cube's factor, and -2 sqrt(2/pi) log2(e).
static constexpr float gelu_cubic = 0.044715f;
static constexpr float gelu_factor = -0x1.26aec2p+1f;

// sin(2 pi f) = f * (s0 + f^2 * (s1 + ...)), cos(2 pi f) = 1 + f^2 * (c0 + f^2 * (c1 + ...)), f in [-1/8, 1/8]. With the rounding
// of their evaluation within 8.82e-8 of the truth.
static constexpr float sine_0 = 0x1.921fb6p+2f;
static constexpr float sine_1 = -0x1.4abbeep+5f;
static constexpr float sine_2 = 0x1.466be6p+6f;
static constexpr float sine_3 = -0x1.2f7c3ep+6f;
static constexpr float cosine_0 = -0x1.3bd3ccp+4f;
static constexpr float cosine_1 = 0x1.03c1b6p+6f;
static constexpr float cosine_2 = -0x1.55b684p+6f;
static constexpr float cosine_3 = 0x1.d61e28p+5f;

static inline uint32_t float_bits(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline float float_from_bits(uint32_t bits) {
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// Exact: a bfloat16 is the upper half of a float.
static inline float bf16_f32(uint16_t bits) { return float_from_bits(static_cast<uint32_t>(bits) << 16); }

// A binary16 as a float: exact, subnormals and infinities too; a NaN becomes quiet and keeps its sign and payload. No step
// depends on how subnormal floats are treated.
static inline float f16_f32(uint16_t half) {
    const uint32_t magnitude = half & 0x7fffu, sign = static_cast<uint32_t>(half & 0x8000u) << 16;
    uint32_t bits = (magnitude << 13) + (112u << 23);  // the exponent's bias is 127, not 15
    if (magnitude < 0x0400) {
        bits = float_bits(float_from_bits(bits + (1u << 23)) -
                          0x1p-14f);  // the leading one that a subnormal lacks
    } else if (magnitude >= 0x7c00) {
        bits = bits + (112u << 23);
        if (magnitude > 0x7c00) bits = bits | 0x00400000u;
    }
    return float_from_bits(bits | sign);
}

// The scale of a group of int4 weights, exactly.
static inline float group_scale_f32(uint16_t bits, bool half) {
    return ADDER_HALF_SCALES && half ? f16_f32(bits) : bf16_f32(bits);
}

// The binary16 next to v, half to even; beyond +-65504, the largest, that one. NaN: a quiet one of v's sign and the upper bits
// of its payload. The results of magnitudes below 2^-14 are subnormal, and exact multiples of 2^-24 as others are of theirs.
static inline uint16_t f32_f16(float v) {
    const uint32_t sign = float_bits(v) & 0x80000000u;
    uint32_t magnitude = float_bits(v) ^ sign, half;
    if (magnitude > 0x7f800000) {
        half = 0x7e00u | (magnitude >> 13 & 0x03ff);
    } else if (magnitude < 0x38800000) {
        half = float_bits(float_from_bits(magnitude) + 0.5f) - 0x3f000000u;  // 0.5 has a last bit of 2^-24
    } else {
        magnitude = magnitude < 0x477fe000 ? magnitude : 0x477fe000;
        half = (magnitude - (112u << 23) + 0x0fff + (magnitude >> 13 & 1)) >> 13;
    }
    return static_cast<uint16_t>(half | sign >> 16);
}

// 2^t for t in [-125, 126].
static inline float exp2_inside(float t) {
    const float rounded = t + round_magic;
    const float f = t - (rounded - round_magic);
    float p = exp2_c5;
    p = p * f + exp2_c4;
    p = p * f + exp2_c3;
    p = p * f + exp2_c2;
    p = p * f + exp2_c1;
    p = p * f + 1.0f;
    return float_from_bits(float_bits(p) + (float_bits(rounded) << 23));
}

// 2^t; beyond the ends of [-125, 126] the value there. NaN: 2^-125.
// Not up to 127: a compiler that knows the divisor to be 2^127 may multiply by 2^-127 instead, which is
// subnormal, and flushing makes it zero (gcc 12 did so to silu). The reciprocal of 2^126 is normal.
static inline float exp2_f32(float t) {
    // Where a comparison is four instructions, one tells what is usual. Not with MVE, whose "less or equal" holds for NaNs:
    // clang 14 takes it in vectors for that of IEEE.
#if __ARM_ARCH_PROFILE == 'M' && !defined(__ARM_FEATURE_MVE)
    if (__builtin_expect(__builtin_fabsf(t) <= 125.0f, true)) return exp2_inside(t);
#endif
    t = t > -125.0f ? t : -125.0f;
    t = t < 126.0f ? t : 126.0f;
    return exp2_inside(t);
}

static inline float exp_f32(float x) { return exp2_f32(x * log2_e); }

static inline float silu_f32(float x) { return x / (1.0f + exp_f32(-x)); }

static inline float sigmoid_f32(float x) { return 1.0f / (1.0f + exp_f32(-x)); }

// GELU by its form with tanh, x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) = x / (1 + exp(-2 sqrt(2/pi) (...))).
static inline float gelu_f32(float x) {
    const float u = x + gelu_cubic * ((x * x) * x);
    return x / (1.0f + exp2_f32(u * gelu_factor));
}

// 2^t as the sum of a power of two and the rest, which is small where t is: 1 - 2^t keeps its digits as (1 - power) - rest. For
// the same t as exp2_f32, NaN too.
struct Exp2Parts {
    float power, rest;
};
static inline Exp2Parts exp2_parts(float t) {
    t = t > -125.0f ? t : -125.0f;
    t = t < 126.0f ? t : 126.0f;
    const float rounded = t + round_magic;
    const float f = t - (rounded - round_magic);
    float p = exp2_c5;
    p = p * f + exp2_c4;
    p = p * f + exp2_c3;
    p = p * f + exp2_c2;
    p = p * f + exp2_c1;
    const float power = float_from_bits(float_bits(1.0f) + (float_bits(rounded) << 23));
    return {power, power * (p * f)};
}

// e / (e + 2), e = exp(2x) - 1 without the digits that the 1 would cost near 0. NaN: -1.
static inline float tanh_f32(float x) {
    const Exp2Parts parts = exp2_parts(x * twice_log2_e);
    const float e = parts.rest + (parts.power - 1.0f);
    return e / (e + 2.0f);
}

// The tree of rmsnorm's eight lanes.
static inline float sum_lanes(const float *l) {
    return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

// Sine and cosine of an angle in turns of 2^32: that of the nearest quarter turn is left out, and what remains is in [-1/8, 1/8].
struct Turn {
    float sine, cosine;
};
static inline Turn turn_f32(uint32_t angle) {
    const uint32_t quarters = (angle + 0x20000000u) >> 30;
    const float f = static_cast<float>(static_cast<int32_t>(angle - (quarters << 30))) * 0x1p-32f;
    const float f2 = f * f;
    float s = sine_3;
    s = s * f2 + sine_2;
    s = s * f2 + sine_1;
    s = s * f2 + sine_0;
    s = s * f;
    float c = cosine_3;
    c = c * f2 + cosine_2;
    c = c * f2 + cosine_1;
    c = c * f2 + cosine_0;
    c = c * f2 + 1.0f;
    const bool odd = (quarters & 1) != 0;
    const float sine = odd ? c : s, cosine = odd ? s : c;
    return {(quarters & 2) != 0 ? -sine : sine, ((quarters + 1) & 2) != 0 ? -cosine : cosine};
}

// log(1 + t), t in [0, 1].
static inline float log1p_f32(float t) {
    const float s = t / (2.0f + t);
    const float s2 = s * s;
    float p = log1p_p3;
    p = p * s2 + log1p_p2;
    p = p * s2 + log1p_p1;
    p = p * s2 + log1p_p0;
    const float twice = s + s;
    return twice + twice * (s2 * p);
}

// log(1 + e^x). NaN: the value at -infinity.
static inline float softplus_f32(float x) {
    const float positive = x > 0.0f ? x : 0.0f;
    return positive + log1p_f32(exp_f32(-__builtin_fabsf(x)));
}

// v * m clamped to [-limit, limit], then rounded half to even. NaN: limit. The limit is the largest code, an integer in
// [1, 127]: 127 for codes of 8 bits, 7 for 4.
static inline int8_t q8_f32(float v, float m, float limit) {
    float scaled = v * m;
    scaled = scaled < limit ? scaled : limit;
    scaled = scaled > -limit ? scaled : -limit;
    return static_cast<int8_t>(static_cast<int32_t>((scaled + round_magic) - round_magic));
}

// The scale of codes up to `limit` for values up to `absmax` in magnitude (not negative, not a NaN), and what to multiply
// by. Below 2^-119 absmax / 127 would be subnormal, so such values, and all zeros, become codes 0 of scale 1.
struct DynamicScale {
    float scale, multiplier;
};
static inline DynamicScale dynamic_scale(float absmax, float limit) {
    if (!(absmax >= 0x1p-119f)) return {1.0f, 0.0f};
    const float most = 0x1.fffffep+127f;
    absmax = absmax < most ? absmax : most;
    return {absmax / limit, limit / absmax};
}

// Correctly rounded. The builtin is the machine's instruction where -fno-math-errno is given; else libm is called to set
// errno for NaN.
static inline float sqrt_f32(float v) { return __builtin_sqrtf(v); }

}  // namespace adder
