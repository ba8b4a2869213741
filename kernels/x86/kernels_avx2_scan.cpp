// The selective scan with softplus, skip and gate, AVX2.
// SPDX-License-Identifier: MIT
//
// The 8 lanes are the 8 channels of a tile; A2 and state are [tiles][d_state][8], B and C are broadcast. y is
// summed in order n = 0, 1, ... and begins as the first product. The work is cut into units, a tile at one
// token. Softplus and the gate are chains of 200 cycles, so they run for 4 units in step: 4 tokens of a tile
// in a chunk, 4 tiles otherwise. A tile's state (d_state * 32 bytes) stays in the first-level cache for all
// tokens of the chunk.
#if defined(__AVX2__)

#include "kernels/x86/kernels_avx2.h"

namespace adder {
namespace avx2 {

namespace {

// h = exp2(d * A2) * h + du * B for N values of n; y takes h * C, in order.
template <int N>
inline __m256 step(const float *A2, float *state, __m256 d, __m256 du, const float *B, const float *C,
                   __m256 y) {
    __m256 h[N];
    for (int i = 0; i < N; ++i) h[i] = _mm256_mul_ps(d, _mm256_loadu_ps(A2 + 8 * i));
    exp2_f32(h);
    for (int i = 0; i < N; ++i) {
        h[i] = _mm256_mul_ps(h[i], _mm256_loadu_ps(state + 8 * i));
        h[i] = _mm256_add_ps(h[i], _mm256_mul_ps(du, _mm256_broadcast_ss(B + i)));
        _mm256_storeu_ps(state + 8 * i, h[i]);
        y = _mm256_add_ps(y, _mm256_mul_ps(h[i], _mm256_broadcast_ss(C + i)));
    }
    return y;
}

// Tile tile + i * tile_step at token token + i * token_step, for i = 0 .. N-1 in this order.
template <int N>
inline void units(const ScanArgs &args, uint32_t tile, uint32_t tile_step, uint32_t token,
                  uint32_t token_step) {
    const uint32_t d_state = args.d_state;
    __m256 d[N], u[N], y[N], gate[N];
    for (int i = 0; i < N; ++i) {
        const size_t channel = 8 * (tile + size_t{tile_step} * static_cast<uint32_t>(i));
        const size_t t = token + size_t{token_step} * static_cast<uint32_t>(i);
        d[i] = _mm256_loadu_ps(args.dt + args.dt_stride * t + channel);
        u[i] = _mm256_loadu_ps(args.u + args.uz_stride * t + channel);
        gate[i] = _mm256_loadu_ps(args.z + args.uz_stride * t + channel);
    }
    softplus_f32(d);
    silu_f32(gate);
    for (int i = 0; i < N; ++i) {
        const size_t channel = 8 * (tile + size_t{tile_step} * static_cast<uint32_t>(i));
        const size_t t = token + size_t{token_step} * static_cast<uint32_t>(i);
        const float *A2 = args.A2 + channel * d_state;
        float *state = args.state + channel * d_state;
        const float *B = args.B + args.bc_stride * t;
        const float *C = args.C + args.bc_stride * t;
        const __m256 delta = d[i];
        const __m256 du = _mm256_mul_ps(delta, u[i]);
        __m256 sum = _mm256_set1_ps(-0.0f);  // -0 + a = a for every a: y begins as the first product
        uint32_t n = 0;
        for (; d_state - n >= 4; n += 4)
            sum = step<4>(A2 + 8 * n, state + 8 * n, delta, du, B + n, C + n, sum);
        for (; n < d_state; ++n) sum = step<1>(A2 + 8 * n, state + 8 * n, delta, du, B + n, C + n, sum);
        y[i] = sum;
    }
    for (int i = 0; i < N; ++i) {
        const size_t channel = 8 * (tile + size_t{tile_step} * static_cast<uint32_t>(i));
        const size_t t = token + size_t{token_step} * static_cast<uint32_t>(i);
        y[i] = _mm256_add_ps(y[i], _mm256_mul_ps(_mm256_loadu_ps(args.D + channel), u[i]));
        const __m256 g = _mm256_mul_ps(y[i], gate[i]);
        if (args.codes == nullptr)
            _mm256_storeu_ps(args.z + args.uz_stride * t + channel, g);
        else
            codes_store(args.codes + args.codes_stride * t + channel,
                        q8_f32(g, _mm256_loadu_ps(args.multipliers + channel), _mm256_set1_ps(args.limit)));
    }
}

}  // namespace

void scan(const ScanArgs &args) {
    uint32_t tile = args.tile_begin;
    if (args.tokens < 4) {
        for (; args.tile_end - tile >= 4; tile += 4)
            for (uint32_t token = 0; token < args.tokens; ++token) units<4>(args, tile, 1, token, 0);
    }
    for (; tile < args.tile_end; ++tile) {
        uint32_t token = 0;
        for (; args.tokens - token >= 4; token += 4) units<4>(args, tile, 0, token, 1);
        for (; token < args.tokens; ++token) units<1>(args, tile, 0, token, 0);
    }
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
