// Eight lanes on Helium (MVE of Armv8.1-M, Cortex-M55 and M85), as two halves: the vector layer of kernels/simd (math.h there).
// SPDX-License-Identifier: MIT
//
// MVE flushes subnormals and makes default NaNs whatever FPSCR says. It has neither division nor vectors of 64 bits to swap
// halves with: those run lane by lane. Never a fused multiply-add: products and sums are separate calls, compiled with
// -ffp-contract=off.
#pragma once

#include <arm_mve.h>

#include <stddef.h>
#include <stdint.h>

#define ADDER_SIMD helium
#include "kernels/arm/vector_halves.h"

namespace adder {
namespace helium {

static constexpr int registers = 4;  // vectors of eight that the registers hold
static constexpr int in_step = 1;    // two of four lanes: all that there are registers for

// Keeps v at its place in the order of instructions.
static inline void pin(f32x8 &v) { __asm__("" : "+w"(v.low), "+w"(v.high)); }

static inline f32x8 load(const float *v) { return {vldrwq_f32(v), vldrwq_f32(v + 4)}; }
static inline void store(float *out, f32x8 v) {
    vstrwq_f32(out, v.low);
    vstrwq_f32(out + 4, v.high);
}

// A float in all lanes: instructions take it from a general register.
struct Splat {
    float v;
    operator f32x8() const {
        const float32x4_t all = vdupq_n_f32(v);
        return {all, all};
    }
};
static inline Splat broadcast(float v) { return {v}; }

static inline f32x8 operator+(f32x8 a, Splat b) {
    return {vaddq_n_f32(a.low, b.v), vaddq_n_f32(a.high, b.v)};
}
static inline f32x8 operator+(Splat a, f32x8 b) { return b + a; }
static inline f32x8 operator-(f32x8 a, Splat b) {
    return {vsubq_n_f32(a.low, b.v), vsubq_n_f32(a.high, b.v)};
}
static inline f32x8 operator*(f32x8 a, Splat b) {
    return {vmulq_n_f32(a.low, b.v), vmulq_n_f32(a.high, b.v)};
}
static inline f32x8 operator*(Splat a, f32x8 b) { return b * a; }
// The four lanes of q0 are s0 to s3, those of q1 are s4 to s7. The compiler would pass them through general registers.
static inline float32x4_t divide(float32x4_t a, float32x4_t b) {
    register float32x4_t dividend __asm__("q0") = a;
    register float32x4_t divisor __asm__("q1") = b;
    __asm__("vdiv.f32 s0, s0, s4\n\t"
            "vdiv.f32 s1, s1, s5\n\t"
            "vdiv.f32 s2, s2, s6\n\t"
            "vdiv.f32 s3, s3, s7"
            : "+w"(dividend)
            : "w"(divisor));
    return dividend;
}
static inline f32x8 operator/(f32x8 a, f32x8 b) { return {divide(a.low, b.low), divide(a.high, b.high)}; }

// Only "greater": MVE's "less" is the opposite of "greater or equal", so that it holds for NaNs.
static inline f32x8 min(f32x8 a, f32x8 b) {
    return {vpselq_f32(a.low, b.low, vcmpgtq_f32(b.low, a.low)),
            vpselq_f32(a.high, b.high, vcmpgtq_f32(b.high, a.high))};
}
static inline f32x8 max(f32x8 a, f32x8 b) {
    return {vpselq_f32(a.low, b.low, vcmpgtq_f32(a.low, b.low)),
            vpselq_f32(a.high, b.high, vcmpgtq_f32(a.high, b.high))};
}
// VMINNM and VMAXNM answer a quiet NaN with the other operand.
static inline f32x8 at_most(f32x8 v, f32x8 b) {
    return {vminnmq_f32(v.low, b.low), vminnmq_f32(v.high, b.high)};
}
static inline f32x8 at_least(f32x8 v, f32x8 b) {
    return {vmaxnmq_f32(v.low, b.low), vmaxnmq_f32(v.high, b.high)};
}
static inline f32x8 magnitude(f32x8 v) { return {vabsq_f32(v.low), vabsq_f32(v.high)}; }
static inline f32x8 negative_magnitude(f32x8 v) {
    return {vnegq_f32(vabsq_f32(v.low)), vnegq_f32(vabsq_f32(v.high))};
}

static inline f32x8 zero_unless_greater(f32x8 v, f32x8 a, f32x8 b) {
    const float32x4_t zero = vdupq_n_f32(0.0f);
    return {vpselq_f32(v.low, zero, vcmpgtq_f32(a.low, b.low)),
            vpselq_f32(v.high, zero, vcmpgtq_f32(a.high, b.high))};
}

static inline float32x4_t swap_halves(float32x4_t v) { return float32x4_t{v[2], v[3], v[0], v[1]}; }
static inline f32x8 swap1(f32x8 v) { return {vrev64q_f32(v.low), vrev64q_f32(v.high)}; }
static inline f32x8 swap2(f32x8 v) { return {swap_halves(v.low), swap_halves(v.high)}; }
static inline f32x8 swap4(f32x8 v) { return {v.high, v.low}; }

static inline float sum_lanes(f32x8 v) {
    const float32x4_t four = vaddq_f32(v.low, v.high);
    return (four[0] + four[2]) + (four[1] + four[3]);
}
static inline float max_lanes(f32x8 v) { return vmaxnmvq_f32(vmaxnmvq_f32(v.low[0], v.low), v.high); }

static inline i32x8 load_bits(const void *v) {
    const int8_t *bytes = static_cast<const int8_t *>(v);  // of any alignment
    return {vreinterpretq_s32_s8(vldrbq_s8(bytes)), vreinterpretq_s32_s8(vldrbq_s8(bytes + 16))};
}

static inline i32x8 round(f32x8 v) { return {vcvtnq_s32_f32(v.low), vcvtnq_s32_f32(v.high)}; }

static inline f32x8 scales_load(const uint16_t *scale) {
    return {vreinterpretq_f32_u32(vshlq_n_u32(vldrhq_u32(scale), 16)),
            vreinterpretq_f32_u32(vshlq_n_u32(vldrhq_u32(scale + 4), 16))};
}

// For kernels/simd/half.h: VCVT makes default NaNs.
static inline i32x8 if_greater(i32x8 a, i32x8 b, i32x8 x, i32x8 y) {
    return {vpselq_s32(x.low, y.low, vcmpgtq_s32(a.low, b.low)),
            vpselq_s32(x.high, y.high, vcmpgtq_s32(a.high, b.high))};
}
static inline i32x8 halves_widen(const uint16_t *halves) {
    return {vreinterpretq_s32_u32(vldrhq_u32(halves)), vreinterpretq_s32_u32(vldrhq_u32(halves + 4))};
}
static inline void halves_narrow(uint16_t *out, i32x8 v) {
    vstrhq_s32(reinterpret_cast<int16_t *>(out), v.low);
    vstrhq_s32(reinterpret_cast<int16_t *>(out) + 4, v.high);
}

static inline f32x8 codes_widen(const int8_t *codes) {
    return to_float({vldrbq_s32(codes), vldrbq_s32(codes + 4)});
}
static inline void store_codes(int8_t *out, i32x8 codes) {
    vstrbq_s32(out, codes.low);
    vstrbq_s32(out + 4, codes.high);
}
static inline void store_codes(int8_t *out, const i32x8 (&four)[4]) {
    for (const i32x8 &codes : four) {
        store_codes(out, codes);
        out += 8;
    }
}

}  // namespace helium
}  // namespace adder
