// Eight lanes in 256 bits: the vector layer that kernels/simd is written on, by AVX2 instructions. kernels/simd/math.h says
// what it provides. Included by the header that names the instruction set with ADDER_SIMD.
// SPDX-License-Identifier: MIT
#pragma once

#include <immintrin.h>

#include <stddef.h>
#include <stdint.h>

#if !defined(ADDER_SIMD)
#error "include vector_avx2.h or vector_avx512.h"
#endif

namespace adder {
namespace ADDER_SIMD {

using f32x8 = __m256;  // has + - * / already
using i32x8 = __m256i;

#if defined(__AVX512VL__)
static constexpr int registers = 32;  // vectors of eight that the registers hold
static constexpr int in_step = 8;     // chains that run side by side
#else
static constexpr int registers = 16;
static constexpr int in_step = 4;
#endif

// Keeps v at its place in the order of instructions: gcc would otherwise sort interleaved chains one after the other.
static inline void pin(f32x8 &v) { __asm__("" : "+v"(v)); }
static inline void pin(i32x8 &v) { __asm__("" : "+v"(v)); }

static inline f32x8 load(const float *v) { return _mm256_loadu_ps(v); }
static inline void store(float *out, f32x8 v) { _mm256_storeu_ps(out, v); }
static inline f32x8 broadcast(float v) { return _mm256_set1_ps(v); }

static inline f32x8 min(f32x8 a, f32x8 b) { return _mm256_min_ps(a, b); }
static inline f32x8 max(f32x8 a, f32x8 b) { return _mm256_max_ps(a, b); }
static inline f32x8 at_most(f32x8 v, f32x8 b) { return min(v, b); }
static inline f32x8 at_least(f32x8 v, f32x8 b) { return max(v, b); }
static inline f32x8 flip_signs(f32x8 v, f32x8 signs) { return _mm256_xor_ps(v, signs); }
static inline f32x8 magnitude(f32x8 v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }
static inline f32x8 negative_magnitude(f32x8 v) { return _mm256_or_ps(v, _mm256_set1_ps(-0.0f)); }

static inline f32x8 zero_unless_greater(f32x8 v, f32x8 a, f32x8 b) {
    return _mm256_and_ps(v, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}

static inline f32x8 swap1(f32x8 v) { return _mm256_permute_ps(v, 0xb1); }
static inline f32x8 swap2(f32x8 v) { return _mm256_permute_ps(v, 0x4e); }
static inline f32x8 swap4(f32x8 v) { return _mm256_permute2f128_ps(v, v, 1); }

static inline float sum_lanes(f32x8 v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float max_lanes(f32x8 v) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

static inline i32x8 load_bits(const void *v) { return _mm256_loadu_si256(static_cast<const __m256i *>(v)); }
static inline i32x8 bits(f32x8 v) { return _mm256_castps_si256(v); }
static inline f32x8 from_bits(i32x8 v) { return _mm256_castsi256_ps(v); }
static inline i32x8 add(i32x8 a, i32x8 b) { return _mm256_add_epi32(a, b); }
template <int N>
static inline i32x8 shift_left(i32x8 v) {
    return _mm256_slli_epi32(v, N);
}
template <int N>
static inline i32x8 byte_at(i32x8 v) {
    return _mm256_srai_epi32(_mm256_slli_epi32(v, 24 - 8 * N), 24);
}
template <int N>
static inline i32x8 nibble_at(i32x8 v) {
    return _mm256_and_si256(_mm256_srli_epi32(v, 4 * N), _mm256_set1_epi32(15));
}

static inline f32x8 to_float(i32x8 v) { return _mm256_cvtepi32_ps(v); }
static inline i32x8 round(f32x8 v) { return _mm256_cvtps_epi32(v); }  // as MXCSR says: half to even

static inline f32x8 scales_load(const uint16_t *scale) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i *>(scale));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

// F16C. As instructions, which assemblers know: a compiler would ask for one more flag. The conversion treats half subnormals
// as the law does whatever MXCSR says; min and max return the second operand where the first comparison has a NaN, which stays.
static inline f32x8 halves_load(const uint16_t *halves) {
    f32x8 v;
    __asm__("vcvtph2ps %1, %0" : "=v"(v) : "m"(*reinterpret_cast<const uint16_t(*)[8]>(halves)));
    return v;
}
static inline __m128i halves_of(f32x8 v) {
    __m128i halves;  // in a register: to memory it takes AMD's processors three times as long
    __asm__("vcvtps2ph $0, %1, %0" : "=v"(halves) : "v"(v));
    return halves;
}
static inline void halves_store(uint16_t *out, f32x8 v) {
    v = max(_mm256_set1_ps(-65504.0f), min(_mm256_set1_ps(65504.0f), v));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out), halves_of(v));
}
// What is too large has become infinite, whose pattern follows that of 65504: as integers, since the conversions keep those
// units busy that compare floats.
static inline void halves_store(uint16_t *out, f32x8 first, f32x8 second) {
    const __m256i halves =
        _mm256_inserti128_si256(_mm256_castsi128_si256(halves_of(first)), halves_of(second), 1);
    const __m256i magnitude = _mm256_and_si256(halves, _mm256_set1_epi16(0x7fff));
    const __m256i infinite = _mm256_cmpeq_epi16(magnitude, _mm256_set1_epi16(0x7c00));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), _mm256_add_epi16(halves, infinite));
}

static inline f32x8 codes_widen(const int8_t *codes) {
    return to_float(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(codes))));
}
static inline void store_codes(int8_t *out, i32x8 codes) {
    const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(out), _mm_packs_epi16(halves, halves));
}
// The packs work in 128-bit halves: groups of 4 codes end up in the order 0 2 4 6 1 3 5 7.
static inline void store_codes(int8_t *out, const i32x8 (&four)[4]) {
    const __m256i packed =
        _mm256_packs_epi16(_mm256_packs_epi32(four[0], four[1]), _mm256_packs_epi32(four[2], four[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), _mm256_permutevar8x32_epi32(packed, order));
}

// For the integer products, kernels/x86/matmul_int8.h. Nibbles are those of each byte.
static inline i32x8 broadcast_bits(int32_t v) { return _mm256_set1_epi32(v); }
static inline i32x8 low_nibbles(i32x8 v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
static inline i32x8 high_nibbles(i32x8 v) { return low_nibbles(_mm256_srli_epi16(v, 4)); }
// |v|, of -128 an unsigned 128. (AMD's vector units run pabsb on the two pipes that multiply, and these on all four.)
static inline i32x8 magnitude_bytes(i32x8 v) {
    return _mm256_max_epi8(v, _mm256_sub_epi8(_mm256_setzero_si256(), v));
}
static inline i32x8 sign_bytes(i32x8 v, i32x8 signs) { return _mm256_sign_epi8(v, signs); }
// Unsigned times signed bytes, two products an int16 lane; and the sum with int32 lanes of two int16 each.
static inline i32x8 multiply_bytes(i32x8 u, i32x8 s) { return _mm256_maddubs_epi16(u, s); }
static inline i32x8 add_int16(i32x8 a, i32x8 b) { return _mm256_add_epi16(a, b); }
static inline i32x8 pairs_add(i32x8 sum, i32x8 pairs) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

}  // namespace ADDER_SIMD
}  // namespace adder
