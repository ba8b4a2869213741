// Eight lanes on NEON, AArch64 and ARMv7, as two halves: the vector layer that kernels/simd is written on (math.h there).
// SPDX-License-Identifier: MIT
//
// Where the two differ: ARMv7 has no division, which runs lane by lane on the VFP, and no conversion that rounds half to
// even. Its NEON flushes subnormals whatever FPSCR says, AArch64's because float_mode.h says so. Never a fused
// multiply-add, on neither: products and sums are separate calls, compiled with -ffp-contract=off. Minimum and maximum
// are comparisons and selections, as FMIN and FMINNM mean other things by a NaN; at_most and at_least need not be.
#pragma once

#include <arm_neon.h>

#include <stddef.h>
#include <stdint.h>

#define ADDER_SIMD neon
#include "kernels/arm/vector_halves.h"

namespace adder {
namespace neon {

#if defined(__aarch64__)
static constexpr int registers = 16;  // vectors of eight that the registers hold
#else
static constexpr int registers = 8;
#endif
// Chains that run side by side. Each is two of four lanes: enough for the latencies of small cores, and what is live stays
// in registers.
static constexpr int in_step = 2;

// Keeps v at its place in the order of instructions.
static inline void pin(f32x8 &v) { __asm__("" : "+w"(v.low), "+w"(v.high)); }

static inline f32x8 load(const float *v) { return {vld1q_f32(v), vld1q_f32(v + 4)}; }
static inline void store(float *out, f32x8 v) {
    vst1q_f32(out, v.low);
    vst1q_f32(out + 4, v.high);
}
static inline f32x8 broadcast(float v) {
    const float32x4_t all = vdupq_n_f32(v);
    return {all, all};
}

// The compilers' own vector division: one instruction on AArch64, four of the VFP on ARMv7.
static inline f32x8 operator/(f32x8 a, f32x8 b) { return {a.low / b.low, a.high / b.high}; }

static inline f32x8 min(f32x8 a, f32x8 b) {
    return {vbslq_f32(vcltq_f32(a.low, b.low), a.low, b.low),
            vbslq_f32(vcltq_f32(a.high, b.high), a.high, b.high)};
}
static inline f32x8 max(f32x8 a, f32x8 b) {
    return {vbslq_f32(vcgtq_f32(a.low, b.low), a.low, b.low),
            vbslq_f32(vcgtq_f32(a.high, b.high), a.high, b.high)};
}
#if defined(__aarch64__)  // FMINNM and FMAXNM answer a quiet NaN with the other operand
static inline f32x8 at_most(f32x8 v, f32x8 b) {
    return {vminnmq_f32(v.low, b.low), vminnmq_f32(v.high, b.high)};
}
static inline f32x8 at_least(f32x8 v, f32x8 b) {
    return {vmaxnmq_f32(v.low, b.low), vmaxnmq_f32(v.high, b.high)};
}
#else
static inline f32x8 at_most(f32x8 v, f32x8 b) { return min(v, b); }
static inline f32x8 at_least(f32x8 v, f32x8 b) { return max(v, b); }
#endif
static inline f32x8 magnitude(f32x8 v) {
    const int32x4_t sign = vdupq_n_s32(INT32_MIN);
    const i32x8 a = bits(v);
    return from_bits({vbicq_s32(a.low, sign), vbicq_s32(a.high, sign)});
}
static inline f32x8 negative_magnitude(f32x8 v) {
    const int32x4_t sign = vdupq_n_s32(INT32_MIN);
    const i32x8 a = bits(v);
    return from_bits({vorrq_s32(a.low, sign), vorrq_s32(a.high, sign)});
}

static inline f32x8 zero_unless_greater(f32x8 v, f32x8 a, f32x8 b) {
    const float32x4_t zero = vdupq_n_f32(0.0f);
    return {vbslq_f32(vcgtq_f32(a.low, b.low), v.low, zero),
            vbslq_f32(vcgtq_f32(a.high, b.high), v.high, zero)};
}

static inline f32x8 swap1(f32x8 v) { return {vrev64q_f32(v.low), vrev64q_f32(v.high)}; }
static inline f32x8 swap2(f32x8 v) { return {vextq_f32(v.low, v.low, 2), vextq_f32(v.high, v.high, 2)}; }
static inline f32x8 swap4(f32x8 v) { return {v.high, v.low}; }

static inline float sum_lanes(f32x8 v) {
    const float32x4_t four = vaddq_f32(v.low, v.high);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(vpadd_f32(two, two), 0);
}
static inline float max_lanes(f32x8 v) {
    const f32x8 four = max(v, swap4(v));
    const float32x2_t two = vpmax_f32(vget_low_f32(four.low), vget_high_f32(four.low));
    return vget_lane_f32(vpmax_f32(two, two), 0);
}

static inline i32x8 load_bits(const void *v) {
    const int8_t *bytes = static_cast<const int8_t *>(v);  // of any alignment
    return {vreinterpretq_s32_s8(vld1q_s8(bytes)), vreinterpretq_s32_s8(vld1q_s8(bytes + 16))};
}

// Half to even, for magnitudes below 2^22.
static inline i32x8 round(f32x8 v) {
#if defined(__aarch64__)
    return {vcvtnq_s32_f32(v.low), vcvtnq_s32_f32(v.high)};
#else
    const float32x4_t magic = vdupq_n_f32(12582912.0f);  // 1.5 * 2^23: the sum's low bits are the integer
    const int32x4_t zero = vreinterpretq_s32_f32(magic);
    return {vsubq_s32(vreinterpretq_s32_f32(vaddq_f32(v.low, magic)), zero),
            vsubq_s32(vreinterpretq_s32_f32(vaddq_f32(v.high, magic)), zero)};
#endif
}

static inline f32x8 scales_load(const uint16_t *scale) {
    const uint16x8_t halves = vld1q_u16(scale);
    return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(halves), 16)),
            vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(halves), 16))};
}

#if defined(__aarch64__)
// FCVT treats half subnormals as the law does whatever FPCR.FZ says; FMIN and FMAX keep a NaN.
static inline f32x8 halves_load(const uint16_t *halves) {
    const float16x8_t all = vreinterpretq_f16_u16(vld1q_u16(halves));
    return {vcvt_f32_f16(vget_low_f16(all)), vcvt_high_f32_f16(all)};
}
static inline void halves_store(uint16_t *out, f32x8 v) {
    const float32x4_t most = vdupq_n_f32(65504.0f), least = vdupq_n_f32(-65504.0f);
    const float16x4_t low = vcvt_f16_f32(vmaxq_f32(vminq_f32(v.low, most), least));
    vst1q_u16(out, vreinterpretq_u16_f16(vcvt_high_f16_f32(low, vmaxq_f32(vminq_f32(v.high, most), least))));
}
static inline void halves_store(uint16_t *out, f32x8 first, f32x8 second) {
    halves_store(out, first);
    halves_store(out + 8, second);
}
#else
// For kernels/simd/half.h: the instructions are an option, and differ by a NaN.
static inline i32x8 if_greater(i32x8 a, i32x8 b, i32x8 x, i32x8 y) {
    return {vbslq_s32(vcgtq_s32(a.low, b.low), x.low, y.low),
            vbslq_s32(vcgtq_s32(a.high, b.high), x.high, y.high)};
}
static inline i32x8 halves_widen(const uint16_t *halves) {
    const uint16x8_t all = vld1q_u16(halves);
    return {vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(all))),
            vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(all)))};
}
static inline void halves_narrow(uint16_t *out, i32x8 v) {
    vst1q_u16(
        out, vcombine_u16(vmovn_u32(vreinterpretq_u32_s32(v.low)), vmovn_u32(vreinterpretq_u32_s32(v.high))));
}
#endif

static inline f32x8 codes_widen(const int8_t *codes) {
    const int16x8_t all = vmovl_s8(vld1_s8(codes));
    return to_float({vmovl_s16(vget_low_s16(all)), vmovl_s16(vget_high_s16(all))});
}
static inline int8x8_t narrow(i32x8 codes) {
    return vmovn_s16(vcombine_s16(vmovn_s32(codes.low), vmovn_s32(codes.high)));
}
static inline void store_codes(int8_t *out, i32x8 codes) { vst1_s8(out, narrow(codes)); }
static inline void store_codes(int8_t *out, const i32x8 (&four)[4]) {
    vst1q_s8(out, vcombine_s8(narrow(four[0]), narrow(four[1])));
    vst1q_s8(out + 16, vcombine_s8(narrow(four[2]), narrow(four[3])));
}

}  // namespace neon
}  // namespace adder
