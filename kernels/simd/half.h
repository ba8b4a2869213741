// Binary16 for instruction sets that do not convert it as the law wants: f16_f32 and f32_f16 of kernels/scalar/math.h on eight
// lanes, operation by operation.
// SPDX-License-Identifier: MIT
//
// The vector header provides what math.h names, and of i32x8, static inline as well:
//     words(v)                    v in all lanes
//     subtract, both_bits, either_bits, shift_right<N>      the last without signs
//     if_greater(a, b, x, y)      a > b ? x : y, with signs
//     halves_widen, halves_narrow     8 uint16 from memory; the low halves of the lanes to memory
#pragma once

#include "kernels/simd/math.h"

#if !defined(__aarch64__)  // of NEON, that of AArch64 has the instructions

namespace adder {
namespace ADDER_SIMD {

static inline f32x8 halves_load(const uint16_t *halves) {
    const i32x8 all = halves_widen(halves);
    const i32x8 magnitude = both_bits(all, words(0x7fff)), rebias = words(112 << 23);
    const i32x8 number = add(shift_left<13>(magnitude), rebias);
    const i32x8 small = bits(from_bits(add(number, words(1 << 23))) - broadcast(0x1p-14f));
    const i32x8 quiet = if_greater(magnitude, words(0x7c00), words(0x00400000), words(0));
    const i32x8 large = either_bits(add(number, rebias), quiet);
    i32x8 result = if_greater(words(0x0400), magnitude, small, number);
    result = if_greater(magnitude, words(0x7bff), large, result);
    return from_bits(either_bits(result, shift_left<16>(both_bits(all, words(0x8000)))));
}

static inline void halves_store(uint16_t *out, f32x8 v) {
    const i32x8 magnitude = both_bits(bits(v), words(0x7fffffff)), most = words(0x477fe000);
    const i32x8 sign = shift_left<15>(shift_right<31>(bits(v)));
    const i32x8 small = subtract(bits(from_bits(magnitude) + broadcast(0.5f)), words(0x3f000000));
    const i32x8 payload = both_bits(shift_right<13>(magnitude), words(0x03ff));
    const i32x8 nan = either_bits(payload, words(0x7e00));
    const i32x8 number = if_greater(most, magnitude, magnitude, most);
    const i32x8 odd = both_bits(shift_right<13>(number), words(1));
    const i32x8 rounded = shift_right<13>(add(add(number, words(0x0fff - (112 << 23))), odd));
    i32x8 result = if_greater(words(0x38800000), magnitude, small, rounded);
    result = if_greater(magnitude, words(0x7f800000), nan, result);
    halves_narrow(out, either_bits(result, sign));
}

static inline void halves_store(uint16_t *out, f32x8 first, f32x8 second) {
    halves_store(out, first);
    halves_store(out + 8, second);
}

}  // namespace ADDER_SIMD
}  // namespace adder

#endif
