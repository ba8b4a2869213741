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
void matmul_q4(const Matrix &matrix, const MatmulArgs &args);
void matmul_q4_f32(const Matrix &matrix, const MatmulArgs &args);
void rmsnorm_quantize(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon,
                      float multiplier, float limit, int8_t *out);
float quantize_dynamic(const float *v, uint32_t n, float limit, int8_t *out);
void hadamard_quantize(const float *v, const float *factors, uint32_t n, float multiplier, float limit,
                       int8_t *out);
void rmsnorm(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon, float *out);
void quantize(const float *v, uint32_t n, float multiplier, float limit, int8_t *out);
void conv_silu(const ConvArgs &args);
void scan(const ScanArgs &args);

// Pins v's place in the order of instructions: gcc would otherwise sort interleaved chains one after the
// other.
static inline void pin(__m256 &v) { __asm__("" : "+x"(v)); }

// The functions of math.h on N vectors at a time, in step: the chain of one is about 50 cycles long, and a
// CPU's scheduler does not see far enough past it to find the next. max_ps and min_ps return their second
// operand where one is NaN, as the scalar comparisons do.
template <int N>
static inline void exp2_f32(__m256 (&t)[N]) {
    const __m256 magic = _mm256_set1_ps(round_magic);
    const __m256 coefficients[] = {_mm256_set1_ps(exp2_c4), _mm256_set1_ps(exp2_c3), _mm256_set1_ps(exp2_c2),
                                   _mm256_set1_ps(exp2_c1), _mm256_set1_ps(1.0f)};
    __m256 rounded[N], p[N];
    for (int i = 0; i < N; ++i) {
        t[i] = _mm256_max_ps(t[i], _mm256_set1_ps(-125.0f));
        pin(t[i]);
    }
    for (int i = 0; i < N; ++i) {
        t[i] = _mm256_min_ps(t[i], _mm256_set1_ps(126.0f));
        pin(t[i]);
    }
    for (int i = 0; i < N; ++i) {
        rounded[i] = _mm256_add_ps(t[i], magic);
        pin(rounded[i]);
    }
    for (int i = 0; i < N; ++i) {
        t[i] = _mm256_sub_ps(t[i], _mm256_sub_ps(rounded[i], magic));
        pin(t[i]);
    }
    for (int i = 0; i < N; ++i) p[i] = _mm256_set1_ps(exp2_c5);
    for (const __m256 c : coefficients) {
        for (int i = 0; i < N; ++i) {
            p[i] = _mm256_mul_ps(p[i], t[i]);
            pin(p[i]);
        }
        for (int i = 0; i < N; ++i) {
            p[i] = _mm256_add_ps(p[i], c);
            pin(p[i]);
        }
    }
    for (int i = 0; i < N; ++i) {
        const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(rounded[i]), 23);
        t[i] = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p[i]), exponent));
    }
}

template <int N>
static inline void silu_f32(__m256 (&x)[N]) {
    __m256 e[N];
    for (int i = 0; i < N; ++i)
        e[i] = _mm256_mul_ps(_mm256_xor_ps(x[i], _mm256_set1_ps(-0.0f)), _mm256_set1_ps(log2_e));
    exp2_f32(e);
    for (int i = 0; i < N; ++i) x[i] = _mm256_div_ps(x[i], _mm256_add_ps(_mm256_set1_ps(1.0f), e[i]));
}

// t in [0, 1].
template <int N>
static inline void log1p_f32(__m256 (&t)[N]) {
    const __m256 coefficients[] = {_mm256_set1_ps(log1p_p2), _mm256_set1_ps(log1p_p1),
                                   _mm256_set1_ps(log1p_p0)};
    __m256 s[N], s2[N], p[N];
    for (int i = 0; i < N; ++i) {
        s[i] = _mm256_div_ps(t[i], _mm256_add_ps(_mm256_set1_ps(2.0f), t[i]));
        pin(s[i]);
    }
    for (int i = 0; i < N; ++i) {
        s2[i] = _mm256_mul_ps(s[i], s[i]);
        pin(s2[i]);
    }
    for (int i = 0; i < N; ++i) p[i] = _mm256_set1_ps(log1p_p3);
    for (const __m256 c : coefficients) {
        for (int i = 0; i < N; ++i) {
            p[i] = _mm256_add_ps(_mm256_mul_ps(p[i], s2[i]), c);
            pin(p[i]);
        }
    }
    for (int i = 0; i < N; ++i) {
        const __m256 twice = _mm256_add_ps(s[i], s[i]);
        t[i] = _mm256_add_ps(twice, _mm256_mul_ps(twice, _mm256_mul_ps(s2[i], p[i])));
    }
}

template <int N>
static inline void softplus_f32(__m256 (&x)[N]) {
    __m256 e[N];
    for (int i = 0; i < N; ++i)
        e[i] = _mm256_mul_ps(_mm256_or_ps(x[i], _mm256_set1_ps(-0.0f)), _mm256_set1_ps(log2_e));
    exp2_f32(e);
    log1p_f32(e);
    for (int i = 0; i < N; ++i) x[i] = _mm256_add_ps(_mm256_max_ps(x[i], _mm256_setzero_ps()), e[i]);
}

// Eight codes as int32. cvtps rounds half to even under the mode that float_mode.h sets.
static inline __m256i q8_f32(__m256 v, __m256 m, __m256 limit) {
    __m256 scaled = _mm256_mul_ps(v, m);
    scaled = _mm256_min_ps(scaled, limit);
    scaled = _mm256_max_ps(scaled, _mm256_xor_ps(limit, _mm256_set1_ps(-0.0f)));
    return _mm256_cvtps_epi32(scaled);
}

// Stores eight codes that q8_f32 gave.
static inline void codes_store(int8_t *out, __m256i codes) {
    const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(out), _mm_packs_epi16(halves, halves));
}

// The scales of 8 rows. bfloat16 is the upper half of a float.
static inline __m256 scales_load(const uint16_t *scale) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i *>(scale));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

// v = acc * (scale[r] * x_scale[t]);  if bias: v = v + bias[r];  out = add ? out + v : v.
static inline void tile_finish(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token,
                               __m256 acc) {
    const size_t row = size_t{8} * tile;
    const float x_scale = args.x_scale[size_t{args.x_scale_stride} * token];
    float *out = args.out + size_t{args.out_stride} * token;
    __m256 scale = _mm256_set1_ps(1.0f);
    if (matrix.scale != nullptr)
        scale = matrix.scale_per_row ? _mm256_loadu_ps(matrix.scale + row) : _mm256_set1_ps(matrix.scale[0]);
    __m256 v = _mm256_mul_ps(acc, _mm256_mul_ps(scale, _mm256_set1_ps(x_scale)));
    if (matrix.bias != nullptr) v = _mm256_add_ps(v, _mm256_loadu_ps(matrix.bias + row));
    if (args.add) v = _mm256_add_ps(_mm256_loadu_ps(out + row), v);
    _mm256_storeu_ps(out + row, v);
}

}  // namespace avx2
}  // namespace adder
