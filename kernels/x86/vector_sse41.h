// Eight lanes on SSE4.1, as two halves: the vector layer that kernels/simd is written on (kernels/simd/math.h).
// SPDX-License-Identifier: MIT
#pragma once

#include <smmintrin.h>

#include <stddef.h>
#include <stdint.h>

#define ADDER_SIMD sse41

namespace adder {
namespace sse41 {

struct f32x8 {
    __m128 low, high;
};
struct i32x8 {
    __m128i low, high;
};

static constexpr int registers = 8;  // vectors of eight that the registers hold
static constexpr int in_step = 2;    // chains that run side by side

// Keeps v at its place in the order of instructions.
static inline void pin(f32x8 &v) { __asm__("" : "+x"(v.low), "+x"(v.high)); }
static inline void pin(i32x8 &v) { __asm__("" : "+x"(v.low), "+x"(v.high)); }

static inline f32x8 load(const float *v) { return {_mm_loadu_ps(v), _mm_loadu_ps(v + 4)}; }
static inline void store(float *out, f32x8 v) {
    _mm_storeu_ps(out, v.low);
    _mm_storeu_ps(out + 4, v.high);
}
static inline f32x8 broadcast(float v) {
    const __m128 all = _mm_set1_ps(v);
    return {all, all};
}

static inline f32x8 operator+(f32x8 a, f32x8 b) {
    return {_mm_add_ps(a.low, b.low), _mm_add_ps(a.high, b.high)};
}
static inline f32x8 operator-(f32x8 a, f32x8 b) {
    return {_mm_sub_ps(a.low, b.low), _mm_sub_ps(a.high, b.high)};
}
static inline f32x8 operator*(f32x8 a, f32x8 b) {
    return {_mm_mul_ps(a.low, b.low), _mm_mul_ps(a.high, b.high)};
}
static inline f32x8 operator/(f32x8 a, f32x8 b) {
    return {_mm_div_ps(a.low, b.low), _mm_div_ps(a.high, b.high)};
}

static inline f32x8 min(f32x8 a, f32x8 b) { return {_mm_min_ps(a.low, b.low), _mm_min_ps(a.high, b.high)}; }
static inline f32x8 max(f32x8 a, f32x8 b) { return {_mm_max_ps(a.low, b.low), _mm_max_ps(a.high, b.high)}; }
static inline f32x8 at_most(f32x8 v, f32x8 b) { return min(v, b); }
static inline f32x8 at_least(f32x8 v, f32x8 b) { return max(v, b); }
static inline f32x8 flip_signs(f32x8 v, f32x8 signs) {
    return {_mm_xor_ps(v.low, signs.low), _mm_xor_ps(v.high, signs.high)};
}
static inline f32x8 magnitude(f32x8 v) {
    const __m128 sign = _mm_set1_ps(-0.0f);
    return {_mm_andnot_ps(sign, v.low), _mm_andnot_ps(sign, v.high)};
}
static inline f32x8 negative_magnitude(f32x8 v) {
    const __m128 sign = _mm_set1_ps(-0.0f);
    return {_mm_or_ps(v.low, sign), _mm_or_ps(v.high, sign)};
}

static inline f32x8 zero_unless_greater(f32x8 v, f32x8 a, f32x8 b) {
    return {_mm_and_ps(v.low, _mm_cmpgt_ps(a.low, b.low)), _mm_and_ps(v.high, _mm_cmpgt_ps(a.high, b.high))};
}

static inline f32x8 swap1(f32x8 v) {
    return {_mm_shuffle_ps(v.low, v.low, 0xb1), _mm_shuffle_ps(v.high, v.high, 0xb1)};
}
static inline f32x8 swap2(f32x8 v) {
    return {_mm_shuffle_ps(v.low, v.low, 0x4e), _mm_shuffle_ps(v.high, v.high, 0x4e)};
}
static inline f32x8 swap4(f32x8 v) { return {v.high, v.low}; }

static inline float sum_lanes(f32x8 v) {
    const __m128 four = _mm_add_ps(v.low, v.high);
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float max_lanes(f32x8 v) {
    __m128 four = _mm_max_ps(v.low, v.high);
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

static inline i32x8 load_bits(const void *v) {
    const __m128i *halves = static_cast<const __m128i *>(v);
    return {_mm_loadu_si128(halves), _mm_loadu_si128(halves + 1)};
}
static inline i32x8 bits(f32x8 v) { return {_mm_castps_si128(v.low), _mm_castps_si128(v.high)}; }
static inline f32x8 from_bits(i32x8 v) { return {_mm_castsi128_ps(v.low), _mm_castsi128_ps(v.high)}; }
static inline i32x8 add(i32x8 a, i32x8 b) {
    return {_mm_add_epi32(a.low, b.low), _mm_add_epi32(a.high, b.high)};
}
template <int N>
static inline i32x8 shift_left(i32x8 v) {
    return {_mm_slli_epi32(v.low, N), _mm_slli_epi32(v.high, N)};
}
template <int N>
static inline i32x8 byte_at(i32x8 v) {
    v = shift_left<24 - 8 * N>(v);
    return {_mm_srai_epi32(v.low, 24), _mm_srai_epi32(v.high, 24)};
}
template <int N>
static inline i32x8 nibble_at(i32x8 v) {
    const __m128i mask = _mm_set1_epi32(15);
    return {_mm_and_si128(_mm_srli_epi32(v.low, 4 * N), mask),
            _mm_and_si128(_mm_srli_epi32(v.high, 4 * N), mask)};
}

static inline f32x8 to_float(i32x8 v) { return {_mm_cvtepi32_ps(v.low), _mm_cvtepi32_ps(v.high)}; }
static inline i32x8 round(f32x8 v) {  // as MXCSR says: half to even
    return {_mm_cvtps_epi32(v.low), _mm_cvtps_epi32(v.high)};
}

static inline f32x8 scales_load(const uint16_t *scale) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i *>(scale));
    const __m128i zero = _mm_setzero_si128();
    return {_mm_castsi128_ps(_mm_unpacklo_epi16(zero, halves)),
            _mm_castsi128_ps(_mm_unpackhi_epi16(zero, halves))};
}

// For kernels/simd/half.h.
static inline i32x8 words(int32_t v) {
    const __m128i all = _mm_set1_epi32(v);
    return {all, all};
}
static inline i32x8 subtract(i32x8 a, i32x8 b) {
    return {_mm_sub_epi32(a.low, b.low), _mm_sub_epi32(a.high, b.high)};
}
static inline i32x8 both_bits(i32x8 a, i32x8 b) {
    return {_mm_and_si128(a.low, b.low), _mm_and_si128(a.high, b.high)};
}
static inline i32x8 either_bits(i32x8 a, i32x8 b) {
    return {_mm_or_si128(a.low, b.low), _mm_or_si128(a.high, b.high)};
}
template <int N>
static inline i32x8 shift_right(i32x8 v) {
    return {_mm_srli_epi32(v.low, N), _mm_srli_epi32(v.high, N)};
}
static inline i32x8 if_greater(i32x8 a, i32x8 b, i32x8 x, i32x8 y) {
    return {_mm_blendv_epi8(y.low, x.low, _mm_cmpgt_epi32(a.low, b.low)),
            _mm_blendv_epi8(y.high, x.high, _mm_cmpgt_epi32(a.high, b.high))};
}
static inline i32x8 halves_widen(const uint16_t *halves) {
    const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i *>(halves));
    return {_mm_unpacklo_epi16(all, _mm_setzero_si128()), _mm_unpackhi_epi16(all, _mm_setzero_si128())};
}
static inline void halves_narrow(uint16_t *out, i32x8 v) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out), _mm_packus_epi32(v.low, v.high));
}

static inline f32x8 codes_widen(const int8_t *codes) {
    const __m128i all = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(codes));
    return to_float({_mm_cvtepi8_epi32(all), _mm_cvtepi8_epi32(_mm_srli_si128(all, 4))});
}
static inline void store_codes(int8_t *out, i32x8 codes) {
    const __m128i halves = _mm_packs_epi32(codes.low, codes.high);
    _mm_storel_epi64(reinterpret_cast<__m128i *>(out), _mm_packs_epi16(halves, halves));
}
static inline void store_codes(int8_t *out, const i32x8 (&four)[4]) {
    for (int i = 0; i < 4; i += 2) {
        const __m128i codes = _mm_packs_epi16(_mm_packs_epi32(four[i].low, four[i].high),
                                              _mm_packs_epi32(four[i + 1].low, four[i + 1].high));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(out + 8 * i), codes);
    }
}

// For the integer products, kernels/x86/matmul_int8.h. Nibbles are those of each byte.
static inline i32x8 broadcast_bits(int32_t v) {
    const __m128i all = _mm_set1_epi32(v);
    return {all, all};
}
static inline i32x8 low_nibbles(i32x8 v) {
    const __m128i mask = _mm_set1_epi8(15);
    return {_mm_and_si128(v.low, mask), _mm_and_si128(v.high, mask)};
}
static inline i32x8 high_nibbles(i32x8 v) {
    return low_nibbles({_mm_srli_epi16(v.low, 4), _mm_srli_epi16(v.high, 4)});
}
static inline i32x8 magnitude_bytes(i32x8 v) { return {_mm_abs_epi8(v.low), _mm_abs_epi8(v.high)}; }
static inline i32x8 sign_bytes(i32x8 v, i32x8 signs) {
    return {_mm_sign_epi8(v.low, signs.low), _mm_sign_epi8(v.high, signs.high)};
}
// Unsigned times signed bytes, two products an int16 lane; and the sum with int32 lanes of two int16 each.
static inline i32x8 multiply_bytes(i32x8 u, i32x8 s) {
    return {_mm_maddubs_epi16(u.low, s.low), _mm_maddubs_epi16(u.high, s.high)};
}
static inline i32x8 add_int16(i32x8 a, i32x8 b) {
    return {_mm_add_epi16(a.low, b.low), _mm_add_epi16(a.high, b.high)};
}
static inline i32x8 pairs_add(i32x8 sum, i32x8 pairs) {
    const __m128i ones = _mm_set1_epi16(1);
    return add(sum, {_mm_madd_epi16(pairs.low, ones), _mm_madd_epi16(pairs.high, ones)});
}

}  // namespace sse41
}  // namespace adder
