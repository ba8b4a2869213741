// Floats to int8 codes, AVX2: with a given scale, with the vector's own, and after a Hadamard transform.
// SPDX-License-Identifier: MIT
#if defined(__AVX2__)

#include "kernels/x86/kernels_avx2.h"

namespace adder {
namespace avx2 {

namespace {

// A stage of the transform within a vector: each lane meets the one at the stage's distance. `signs` is -0 in the upper
// lane of each pair: it gets a - b as a + -b, which is the same sum.
inline __m256 butterfly(__m256 v, __m256 swapped, __m256 signs) {
    return _mm256_add_ps(swapped, _mm256_xor_ps(v, signs));
}

// A stage across vectors.
inline void butterfly(__m256 &low, __m256 &high) {
    const __m256 difference = _mm256_sub_ps(low, high);
    low = _mm256_add_ps(low, high);
    high = difference;
}

// 32 codes from 4 vectors. The packs work in 128-bit halves: groups of 4 codes end up in the order 0 2 4 6 1 3 5 7.
inline void codes_store32(int8_t *out, const __m256 v[4], __m256 m, __m256 limit) {
    const __m256i low = _mm256_packs_epi32(q8_f32(v[0], m, limit), q8_f32(v[1], m, limit));
    const __m256i high = _mm256_packs_epi32(q8_f32(v[2], m, limit), q8_f32(v[3], m, limit));
    const __m256i codes =
        _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), codes);
}

inline __m256 load_magnitude(const float *v) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), _mm256_loadu_ps(v));
}

}  // namespace

void quantize(const float *v, uint32_t n, float multiplier, float limit, int8_t *out) {
    const __m256 m = _mm256_set1_ps(multiplier), top = _mm256_set1_ps(limit);
    uint32_t i = 0;
    for (; n - i >= 32; i += 32) {
        const __m256 four[4] = {_mm256_loadu_ps(v + i), _mm256_loadu_ps(v + i + 8),
                                _mm256_loadu_ps(v + i + 16), _mm256_loadu_ps(v + i + 24)};
        codes_store32(out + i, four, m, top);
    }
    for (; i < n; i += 8) codes_store(out + i, q8_f32(_mm256_loadu_ps(v + i), m, top));
}

// maxps returns its second operand where one is a NaN: the maximum so far.
float quantize_dynamic(const float *v, uint32_t n, float limit, int8_t *out) {
    __m256 most[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    uint32_t i = 0;
    for (; n - i >= 32; i += 32)
        for (uint32_t j = 0; j < 4; ++j) most[j] = _mm256_max_ps(load_magnitude(v + i + 8 * j), most[j]);
    for (; i < n; i += 8) most[0] = _mm256_max_ps(load_magnitude(v + i), most[0]);
    most[0] = _mm256_max_ps(_mm256_max_ps(most[0], most[1]), _mm256_max_ps(most[2], most[3]));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(most[0]), _mm256_extractf128_ps(most[0], 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    const DynamicScale scale = dynamic_scale(_mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four))), limit);
    quantize(v, n, scale.multiplier, limit, out);
    return scale.scale;
}

// Vector j holds points 8j .. 8j+7: distances 1, 2, 4 are within a vector, 8, 16, 32 between vectors.
void hadamard_quantize(const float *v, const float *factors, uint32_t n, float multiplier, float limit,
                       int8_t *out) {
    const __m256 m = _mm256_set1_ps(multiplier), top = _mm256_set1_ps(limit);
    const __m256 signs1 = _mm256_setr_ps(0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f);
    const __m256 signs2 = _mm256_setr_ps(0.0f, 0.0f, -0.0f, -0.0f, 0.0f, 0.0f, -0.0f, -0.0f);
    const __m256 signs4 = _mm256_setr_ps(0.0f, 0.0f, 0.0f, 0.0f, -0.0f, -0.0f, -0.0f, -0.0f);
    for (uint32_t i = 0; i < n; i += 64) {
        __m256 t[8];
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 8; ++j) {
            __m256 p = _mm256_mul_ps(_mm256_loadu_ps(v + i + 8 * j), _mm256_loadu_ps(factors + i + 8 * j));
            p = butterfly(p, _mm256_permute_ps(p, 0xb1), signs1);
            p = butterfly(p, _mm256_permute_ps(p, 0x4e), signs2);
            t[j] = butterfly(p, _mm256_permute2f128_ps(p, p, 1), signs4);
        }
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 8; j += 2) butterfly(t[j], t[j + 1]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 4; ++j) butterfly(t[j / 2 * 4 + j % 2], t[j / 2 * 4 + j % 2 + 2]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 4; ++j) butterfly(t[j], t[j + 4]);
        codes_store32(out + i, t, m, top);
        codes_store32(out + i + 32, t + 4, m, top);
    }
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
