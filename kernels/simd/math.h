// The functions of kernels/scalar/math.h on eight lanes, operation by operation. The ground of kernels/simd.
// SPDX-License-Identifier: MIT
//
// kernels/simd holds kernels that are written once for every instruction set. A file of an ISA includes its vector header
// (x86/vector_avx2.h, x86/vector_avx512.h, arm/vector_neon.h, ...) and then headers of this folder: helpers are static, and
// kernels are defined in the ISA's namespace, which the vector header names with ADDER_SIMD. So each ISA has functions of its
// own, and the linker never finds two of which it may keep the wrong one.
//
// A vector header provides, as static inline functions:
//     f32x8, i32x8                8 lanes each: the rows, channels or elements of a tile
//     registers, in_step          what the register file holds, and how many chains of operations fit side by side
//     + - * /                     of f32x8, each rounded
//     min(a, b), max(a, b)        a < b ? a : b and a > b ? a : b, lane by lane: b where one is a NaN
//     at_most(v, b), at_least(v, b)    the same two, v being a result (a quiet NaN, if one) and b a number
//     load, store                 of any alignment
//     broadcast                   a float in all lanes, or what becomes one as an operand
//     flip_signs, magnitude, negative_magnitude      on the sign bits alone
//     swap1, swap2, swap4         lane i changes places with lane i ^ 1, 2, 4
//     sum_lanes                   ((l0+l4) + (l2+l6)) + ((l1+l5) + (l3+l7))
//     max_lanes                   of lanes that are no NaNs, and zeros of one sign
//     zero_unless_greater(v, a, b)        a > b ? v : 0
//     load_bits, bits, from_bits, add, shift_left<N>      of i32x8
//     byte_at<N>, nibble_at<N>    of each 32-bit lane: byte N with its sign, four bits 4N.. without
//     to_float, round             int32 to float, rounded to nearest; float to int32, half to even
//     scales_load                 8 bfloat16 as floats
//     halves_load, halves_store   f16_f32 and f32_f16 of 8 in memory; half.h has them for who lacks the instructions.
//                                 halves_store(out, first, second): of 16
//     codes_widen                 8 int8 as floats
//     store_codes                 the low bytes of 8 or of 4 times 8 lanes; they are in [-128, 127]
//     pin                         keeps a vector's place in the order of instructions
#pragma once

#include "kernels/kernels.h"
#include "kernels/scalar/math.h"

#if !defined(ADDER_SIMD)
#error "include the vector header of an instruction set first"
#endif

namespace adder {
namespace ADDER_SIMD {

using Constant = decltype(broadcast(0.0f));

// N vectors at a time, in step: the chain of one is about 50 cycles long, and a CPU's scheduler does not see far enough
// past it to find the next.
template <int N>
[[gnu::always_inline]] static inline void exp2_f32(f32x8 (&t)[N]) {
    const Constant magic = broadcast(round_magic);
    const Constant coefficients[] = {broadcast(exp2_c4), broadcast(exp2_c3), broadcast(exp2_c2),
                                     broadcast(exp2_c1), broadcast(1.0f)};
    f32x8 rounded[N], p[N];
    for (int i = 0; i < N; ++i) {
        t[i] = at_least(t[i], broadcast(-125.0f));
        pin(t[i]);
    }
    for (int i = 0; i < N; ++i) {
        t[i] = at_most(t[i], broadcast(126.0f));
        pin(t[i]);
    }
    for (int i = 0; i < N; ++i) {
        rounded[i] = t[i] + magic;
        pin(rounded[i]);
    }
    for (int i = 0; i < N; ++i) {
        t[i] = t[i] - (rounded[i] - magic);
        pin(t[i]);
    }
    for (int i = 0; i < N; ++i) p[i] = broadcast(exp2_c5);
#pragma GCC unroll 8
    for (const Constant &c : coefficients) {
        for (int i = 0; i < N; ++i) {
            p[i] = p[i] * t[i];
            pin(p[i]);
        }
        for (int i = 0; i < N; ++i) {
            p[i] = p[i] + c;
            pin(p[i]);
        }
    }
    for (int i = 0; i < N; ++i) t[i] = from_bits(add(bits(p[i]), shift_left<23>(bits(rounded[i]))));
}

template <int N>
static inline void silu_f32(f32x8 (&x)[N]) {
    f32x8 e[N];
    for (int i = 0; i < N; ++i) e[i] = flip_signs(x[i], broadcast(-0.0f)) * broadcast(log2_e);
    exp2_f32(e);
    for (int i = 0; i < N; ++i) x[i] = x[i] / (broadcast(1.0f) + e[i]);
}

template <int N>
static inline void sigmoid_f32(f32x8 (&x)[N]) {
    for (int i = 0; i < N; ++i) x[i] = flip_signs(x[i], broadcast(-0.0f)) * broadcast(log2_e);
    exp2_f32(x);
    for (int i = 0; i < N; ++i) x[i] = f32x8(broadcast(1.0f)) / (broadcast(1.0f) + x[i]);
}

template <int N>
static inline void gelu_f32(f32x8 (&x)[N]) {
    f32x8 e[N];
    for (int i = 0; i < N; ++i)
        e[i] = (x[i] + ((x[i] * x[i]) * x[i]) * broadcast(gelu_cubic)) * broadcast(gelu_factor);
    exp2_f32(e);
    for (int i = 0; i < N; ++i) x[i] = x[i] / (broadcast(1.0f) + e[i]);
}

// t becomes the power.
template <int N>
static inline void exp2_parts(f32x8 (&t)[N], f32x8 (&rest)[N]) {
    const Constant magic = broadcast(round_magic);
    const Constant coefficients[] = {broadcast(exp2_c4), broadcast(exp2_c3), broadcast(exp2_c2),
                                     broadcast(exp2_c1)};
    f32x8 rounded[N], p[N];
    for (int i = 0; i < N; ++i) {
        t[i] = at_most(at_least(t[i], broadcast(-125.0f)), broadcast(126.0f));
        rounded[i] = t[i] + magic;
        pin(rounded[i]);
        t[i] = t[i] - (rounded[i] - magic);
        p[i] = broadcast(exp2_c5);
    }
#pragma GCC unroll 8
    for (const Constant &c : coefficients)
        for (int i = 0; i < N; ++i) {
            p[i] = p[i] * t[i] + c;
            pin(p[i]);
        }
    for (int i = 0; i < N; ++i) {
        const f32x8 power = from_bits(add(bits(broadcast(1.0f)), shift_left<23>(bits(rounded[i]))));
        rest[i] = power * (p[i] * t[i]);
        t[i] = power;
    }
}

template <int N>
static inline void tanh_f32(f32x8 (&x)[N]) {
    f32x8 rest[N];
    for (int i = 0; i < N; ++i) x[i] = x[i] * broadcast(twice_log2_e);
    exp2_parts(x, rest);
    for (int i = 0; i < N; ++i) {
        const f32x8 e = rest[i] + (x[i] - broadcast(1.0f));
        x[i] = e / (e + broadcast(2.0f));
    }
}

// t in [0, 1].
template <int N>
static inline void log1p_f32(f32x8 (&t)[N]) {
    const Constant coefficients[] = {broadcast(log1p_p2), broadcast(log1p_p1), broadcast(log1p_p0)};
    f32x8 s[N], s2[N], p[N];
    for (int i = 0; i < N; ++i) {
        s[i] = t[i] / (broadcast(2.0f) + t[i]);
        pin(s[i]);
    }
    for (int i = 0; i < N; ++i) {
        s2[i] = s[i] * s[i];
        pin(s2[i]);
    }
    for (int i = 0; i < N; ++i) p[i] = broadcast(log1p_p3);
#pragma GCC unroll 8
    for (const Constant &c : coefficients) {
        for (int i = 0; i < N; ++i) {
            p[i] = p[i] * s2[i] + c;
            pin(p[i]);
        }
    }
    for (int i = 0; i < N; ++i) {
        const f32x8 twice = s[i] + s[i];
        t[i] = twice + twice * (s2[i] * p[i]);
    }
}

template <int N>
static inline void softplus_f32(f32x8 (&x)[N]) {
    f32x8 e[N];
    for (int i = 0; i < N; ++i) e[i] = negative_magnitude(x[i]) * broadcast(log2_e);
    exp2_f32(e);
    log1p_f32(e);
    for (int i = 0; i < N; ++i) x[i] = max(x[i], broadcast(0.0f)) + e[i];
}

// Codes of at most `limit` in magnitude.
static inline i32x8 q8_f32(f32x8 v, f32x8 m, f32x8 limit) {
    const f32x8 scaled = at_most(v * m, limit);
    return round(at_least(scaled, flip_signs(limit, broadcast(-0.0f))));
}

}  // namespace ADDER_SIMD
}  // namespace adder
