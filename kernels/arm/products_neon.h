// Products of int8 in 16 bits, for AArch64 and 32-bit ARM alike.
// SPDX-License-Identifier: MIT
//
// For the NEON integer products only; all here is static inline.
#pragma once

#include <arm_neon.h>

namespace adder {
namespace neon {

// Keeps v in its register and at its place in the order of instructions.
template <typename Vector>
static inline void pin(Vector &v) {
    __asm__("" : "+w"(v));
}

// Pinned, as gcc would else load 8 codes as two times 4.
static inline int8x8_t codes_load(const int8_t *x) {
    int8x8_t codes = vld1_s8(x);
    pin(codes);
    return codes;
}

// The first or the second 4 codes of x, once for each row of a register of weights: _low takes its first two rows, _high the others. AArch64 has
// instructions for the upper halves of registers, 32-bit ARM has names for them.
#if defined(__aarch64__)

using RepeatedCodes = int8x16_t;
template <int Four>
static inline RepeatedCodes repeat_codes(int8x8_t x) {
    return vreinterpretq_s8_s32(vdupq_lane_s32(vreinterpret_s32_s8(x), Four));
}
static inline int16x8_t product_low(int8x16_t w, RepeatedCodes x) {
    return vmull_s8(vget_low_s8(w), vget_low_s8(x));
}
static inline int16x8_t product_high(int8x16_t w, RepeatedCodes x) { return vmull_high_s8(w, x); }
static inline int16x8_t product_add_low(int16x8_t sum, int8x16_t w, RepeatedCodes x) {
    return vmlal_s8(sum, vget_low_s8(w), vget_low_s8(x));
}
static inline int16x8_t product_add_high(int16x8_t sum, int8x16_t w, RepeatedCodes x) {
    return vmlal_high_s8(sum, w, x);
}
// a0+a1, a2+a3, b0+b1, b2+b3
static inline int32x4_t add_neighbours(int32x4_t a, int32x4_t b) { return vpaddq_s32(a, b); }
static inline int16x8_t add_neighbours(int16x8_t a, int16x8_t b) { return vpaddq_s16(a, b); }

#else

using RepeatedCodes = int8x8_t;
template <int Four>
static inline RepeatedCodes repeat_codes(int8x8_t x) {
    return vreinterpret_s8_s32(vdup_lane_s32(vreinterpret_s32_s8(x), Four));
}
static inline int16x8_t product_low(int8x16_t w, RepeatedCodes x) { return vmull_s8(vget_low_s8(w), x); }
static inline int16x8_t product_high(int8x16_t w, RepeatedCodes x) { return vmull_s8(vget_high_s8(w), x); }
static inline int16x8_t product_add_low(int16x8_t sum, int8x16_t w, RepeatedCodes x) {
    return vmlal_s8(sum, vget_low_s8(w), x);
}
static inline int16x8_t product_add_high(int16x8_t sum, int8x16_t w, RepeatedCodes x) {
    return vmlal_s8(sum, vget_high_s8(w), x);
}
static inline int32x4_t add_neighbours(int32x4_t a, int32x4_t b) {
    return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)),
                        vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
}
static inline int16x8_t add_neighbours(int16x8_t a, int16x8_t b) {
    return vcombine_s16(vpadd_s16(vget_low_s16(a), vget_high_s16(a)),
                        vpadd_s16(vget_low_s16(b), vget_high_s16(b)));
}

#endif

}  // namespace neon
}  // namespace adder
