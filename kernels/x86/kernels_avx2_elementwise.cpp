// RMSNorm, and the convolution with SiLU, AVX2.
// SPDX-License-Identifier: MIT
//
// The lanes are the scalar kernels' 8 lanes, each with the scalar kernel's operations in its order.
#if defined(__AVX2__)

#include "kernels/x86/kernels_avx2.h"

namespace adder {
namespace avx2 {

namespace {

// The convolution of Tiles neighbouring tiles over all tokens, the window of the last History inputs in
// registers. Several tiles run in step because SiLU is a chain of 80 cycles. weight [History+1][8], state
// [History][8] a tile.
template <uint32_t History, int Tiles>
void conv_tiles(const ConvArgs &args, uint32_t tile) {
    const size_t channel = size_t{8} * tile;
    const float *weight = args.weight + channel * (History + 1);
    float *state = args.state + channel * History;
    __m256 window[Tiles][History + 1];
    for (int i = 0; i < Tiles; ++i)
        for (uint32_t k = 0; k < History; ++k)
            window[i][k] = _mm256_loadu_ps(state + 8 * (History * static_cast<uint32_t>(i) + k));
    for (uint32_t t = 0; t < args.tokens; ++t) {
        float *x = args.x + size_t{args.x_stride} * t + channel;
        __m256 u[Tiles];
        for (int i = 0; i < Tiles; ++i) {
            const float *w = weight + 8 * (History + 1) * static_cast<uint32_t>(i);
            window[i][History] = _mm256_loadu_ps(x + 8 * i);
            u[i] = _mm256_loadu_ps(args.bias + channel + 8 * static_cast<uint32_t>(i));
            for (uint32_t k = 0; k <= History; ++k)
                u[i] = _mm256_add_ps(u[i], _mm256_mul_ps(_mm256_loadu_ps(w + 8 * k), window[i][k]));
            for (uint32_t k = 0; k < History; ++k) window[i][k] = window[i][k + 1];
        }
        silu_f32(u);
        for (int i = 0; i < Tiles; ++i) {
            _mm256_storeu_ps(x + 8 * i, u[i]);
            if (args.codes != nullptr)
                codes_store(
                    args.codes + size_t{args.codes_stride} * t + channel + 8 * static_cast<uint32_t>(i),
                    q8_f32(u[i], _mm256_loadu_ps(args.multipliers + channel + 8 * static_cast<uint32_t>(i)),
                           _mm256_set1_ps(args.limit)));
        }
    }
    for (int i = 0; i < Tiles; ++i)
        for (uint32_t k = 0; k < History; ++k)
            _mm256_storeu_ps(state + 8 * (History * static_cast<uint32_t>(i) + k), window[i][k]);
}

// One tile for any d_conv; the state is the window.
void conv_tile_any(const ConvArgs &args, uint32_t tile) {
    const size_t channel = size_t{8} * tile;
    const uint32_t history = args.d_conv - 1;
    const float *weight = args.weight + channel * args.d_conv;
    float *state = args.state + channel * history;
    for (uint32_t t = 0; t < args.tokens; ++t) {
        float *x = args.x + size_t{args.x_stride} * t + channel;
        const __m256 newest = _mm256_loadu_ps(x);
        __m256 u[1] = {_mm256_loadu_ps(args.bias + channel)};
        for (uint32_t k = 0; k < history; ++k) {
            const __m256 input = _mm256_loadu_ps(state + 8 * k);
            const __m256 next = k + 1 < history ? _mm256_loadu_ps(state + 8 * (k + 1)) : newest;
            u[0] = _mm256_add_ps(u[0], _mm256_mul_ps(_mm256_loadu_ps(weight + 8 * k), input));
            _mm256_storeu_ps(state + 8 * k, next);
        }
        u[0] = _mm256_add_ps(u[0], _mm256_mul_ps(_mm256_loadu_ps(weight + 8 * history), newest));
        silu_f32(u);
        _mm256_storeu_ps(x, u[0]);
        if (args.codes != nullptr)
            codes_store(
                args.codes + size_t{args.codes_stride} * t + channel,
                q8_f32(u[0], _mm256_loadu_ps(args.multipliers + channel), _mm256_set1_ps(args.limit)));
    }
}

// 1 / the root of the mean square, in all lanes.
inline __m256 rmsnorm_inverse(const float *r, uint32_t n, uint32_t d_model, float epsilon) {
    __m256 lanes = _mm256_setzero_ps();
    for (uint32_t i = 0; i < n; i += 8) {
        const __m256 v = _mm256_loadu_ps(r + i);
        lanes = _mm256_add_ps(lanes, _mm256_mul_ps(v, v));
    }
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    const float sum = _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    return _mm256_set1_ps(1.0f / sqrt_f32(sum / static_cast<float>(d_model) + epsilon));
}

}  // namespace

void rmsnorm(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon, float *out) {
    const __m256 inverse = rmsnorm_inverse(r, n, d_model, epsilon);
    for (uint32_t i = 0; i < n; i += 8) {
        const __m256 v = _mm256_mul_ps(_mm256_loadu_ps(r + i), inverse);
        _mm256_storeu_ps(out + i, _mm256_mul_ps(v, _mm256_loadu_ps(weight + i)));
    }
}

void rmsnorm_quantize(const float *r, const float *weight, uint32_t n, uint32_t d_model, float epsilon,
                      float multiplier, float limit, int8_t *out) {
    const __m256 inverse = rmsnorm_inverse(r, n, d_model, epsilon);
    const __m256 m = _mm256_set1_ps(multiplier), most = _mm256_set1_ps(limit);
    for (uint32_t i = 0; i < n; i += 8) {
        const __m256 v = _mm256_mul_ps(_mm256_loadu_ps(r + i), inverse);
        codes_store(out + i, q8_f32(_mm256_mul_ps(v, _mm256_loadu_ps(weight + i)), m, most));
    }
}

void conv_silu(const ConvArgs &args) {
    uint32_t tile = args.tile_begin;
    if (args.d_conv == 4) {
        for (; args.tile_end - tile >= 4; tile += 4) conv_tiles<3, 4>(args, tile);
        for (; tile < args.tile_end; ++tile) conv_tiles<3, 1>(args, tile);
    }
    for (; tile < args.tile_end; ++tile) conv_tile_any(args, tile);
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
