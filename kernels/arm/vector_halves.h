// Eight lanes as two halves of four: what NEON and Helium call by the same names. For vector_neon.h and vector_helium.h,
// after their intrinsics.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

#if !defined(ADDER_SIMD)
#error "for a vector header, which names its namespace first"
#endif

namespace adder {
namespace ADDER_SIMD {

struct f32x8 {
    float32x4_t low, high;
};
struct i32x8 {
    int32x4_t low, high;
};

static inline f32x8 operator+(f32x8 a, f32x8 b) {
    return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
}
static inline f32x8 operator-(f32x8 a, f32x8 b) {
    return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
}
static inline f32x8 operator*(f32x8 a, f32x8 b) {
    return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
}

static inline i32x8 bits(f32x8 v) { return {vreinterpretq_s32_f32(v.low), vreinterpretq_s32_f32(v.high)}; }
static inline f32x8 from_bits(i32x8 v) {
    return {vreinterpretq_f32_s32(v.low), vreinterpretq_f32_s32(v.high)};
}

static inline f32x8 flip_signs(f32x8 v, f32x8 signs) {
    const i32x8 a = bits(v), b = bits(signs);
    return from_bits({veorq_s32(a.low, b.low), veorq_s32(a.high, b.high)});
}

static inline i32x8 add(i32x8 a, i32x8 b) { return {vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)}; }
template <int N>
static inline i32x8 shift_left(i32x8 v) {
    return {vshlq_n_s32(v.low, N), vshlq_n_s32(v.high, N)};
}
template <int N>
static inline i32x8 byte_at(i32x8 v) {
    v = shift_left<24 - 8 * N>(v);
    return {vshrq_n_s32(v.low, 24), vshrq_n_s32(v.high, 24)};
}
template <int N>
static inline i32x8 nibble_at(i32x8 v) {
    v = shift_left<28 - 4 * N>(v);
    return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(v.low), 28)),
            vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(v.high), 28))};
}

static inline f32x8 to_float(i32x8 v) { return {vcvtq_f32_s32(v.low), vcvtq_f32_s32(v.high)}; }

// For kernels/simd/half.h, where no instructions do it.
static inline i32x8 words(int32_t v) {
    const int32x4_t all = vdupq_n_s32(v);
    return {all, all};
}
static inline i32x8 subtract(i32x8 a, i32x8 b) {
    return {vsubq_s32(a.low, b.low), vsubq_s32(a.high, b.high)};
}
static inline i32x8 both_bits(i32x8 a, i32x8 b) {
    return {vandq_s32(a.low, b.low), vandq_s32(a.high, b.high)};
}
static inline i32x8 either_bits(i32x8 a, i32x8 b) {
    return {vorrq_s32(a.low, b.low), vorrq_s32(a.high, b.high)};
}
template <int N>
static inline i32x8 shift_right(i32x8 v) {
    return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(v.low), N)),
            vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(v.high), N))};
}

}  // namespace ADDER_SIMD
}  // namespace adder
