// The AVX2 kernels' declarations, and the functions of kernels/scalar/math.h on eight lanes.
// SPDX-License-Identifier: MIT
//
// For the kernels_avx2*.cpp files only, which are compiled with -mavx2 and must not leave an inline function
// that the linker could pick for baseline code: all here is static inline or a plain declaration.
#pragma once

#include <immintrin.h>

#include "kernels/kernels.h"
#include "kernels/scalar/math.h"

namespace adder {
namespace avx2 {

void matmul_q8(const Matrix &matrix, const MatmulArgs &args);
void matmul_q8_f32(const Matrix &matrix, const MatmulArgs &args);
void matmul_f32(const Matrix &matrix, const MatmulArgs &args);
void rmsnorm(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon, float *out);
void quantize(const float *v, uint32_t n, float multiplier, int8_t *out);
void conv_silu(const ConvArgs &args);
void scan(const ScanArgs &args);

// max_ps and min_ps return their second operand where one is NaN, as the scalar comparisons do.
static inline __m256 exp2_f32(__m256 t) {
    const __m256 magic = _mm256_set1_ps(round_magic);
    t = _mm256_max_ps(t, _mm256_set1_ps(-125.0f));
    t = _mm256_min_ps(t, _mm256_set1_ps(126.0f));
    const __m256 rounded = _mm256_add_ps(t, magic);
    const __m256 f = _mm256_sub_ps(t, _mm256_sub_ps(rounded, magic));
    __m256 p = _mm256_set1_ps(exp2_c5);
    p = _mm256_add_ps(_mm256_mul_ps(p, f), _mm256_set1_ps(exp2_c4));
    p = _mm256_add_ps(_mm256_mul_ps(p, f), _mm256_set1_ps(exp2_c3));
    p = _mm256_add_ps(_mm256_mul_ps(p, f), _mm256_set1_ps(exp2_c2));
    p = _mm256_add_ps(_mm256_mul_ps(p, f), _mm256_set1_ps(exp2_c1));
    p = _mm256_add_ps(_mm256_mul_ps(p, f), _mm256_set1_ps(1.0f));
    const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(rounded), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

static inline __m256 exp_f32(__m256 x) {
    return exp2_f32(_mm256_mul_ps(x, _mm256_set1_ps(log2_e)));
}

static inline __m256 silu_f32(__m256 x) {
    const __m256 negated = _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), exp_f32(negated)));
}

static inline __m256 log1p_f32(__m256 t) {
    const __m256 s = _mm256_div_ps(t, _mm256_add_ps(_mm256_set1_ps(2.0f), t));
    const __m256 s2 = _mm256_mul_ps(s, s);
    __m256 p = _mm256_set1_ps(log1p_p3);
    p = _mm256_add_ps(_mm256_mul_ps(p, s2), _mm256_set1_ps(log1p_p2));
    p = _mm256_add_ps(_mm256_mul_ps(p, s2), _mm256_set1_ps(log1p_p1));
    p = _mm256_add_ps(_mm256_mul_ps(p, s2), _mm256_set1_ps(log1p_p0));
    const __m256 twice = _mm256_add_ps(s, s);
    return _mm256_add_ps(twice, _mm256_mul_ps(twice, _mm256_mul_ps(s2, p)));
}

static inline __m256 softplus_f32(__m256 x) {
    const __m256 positive = _mm256_max_ps(x, _mm256_setzero_ps());
    const __m256 minus_magnitude = _mm256_or_ps(x, _mm256_set1_ps(-0.0f));
    return _mm256_add_ps(positive, log1p_f32(exp_f32(minus_magnitude)));
}

// Eight codes as int32. cvtps rounds half to even under the mode that float_mode.h sets.
static inline __m256i q8_f32(__m256 v, __m256 m) {
    __m256 scaled = _mm256_mul_ps(v, m);
    scaled = _mm256_min_ps(scaled, _mm256_set1_ps(127.0f));
    scaled = _mm256_max_ps(scaled, _mm256_set1_ps(-127.0f));
    return _mm256_cvtps_epi32(scaled);
}

// Stores eight codes that q8_f32 gave.
static inline void codes_store(int8_t *out, __m256i codes) {
    const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(out), _mm_packs_epi16(halves, halves));
}

// v = acc * (scale[r] * x_scale);  if bias: v = v + bias[r];  out = add ? out + v : v.  out is the token's
// row.
static inline void tile_finish(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, __m256 acc,
                               float *out) {
    const size_t row = size_t{8} * tile;
    __m256 scale = _mm256_set1_ps(1.0f);
    if (matrix.scale != nullptr)
        scale = matrix.scale_per_row ? _mm256_loadu_ps(matrix.scale + row) : _mm256_set1_ps(matrix.scale[0]);
    __m256 v = _mm256_mul_ps(acc, _mm256_mul_ps(scale, _mm256_set1_ps(args.x_scale)));
    if (matrix.bias != nullptr)
        v = _mm256_add_ps(v, _mm256_loadu_ps(matrix.bias + row));
    if (args.add)
        v = _mm256_add_ps(_mm256_loadu_ps(out + row), v);
    _mm256_storeu_ps(out + row, v);
}

}  // namespace avx2
}  // namespace adder
