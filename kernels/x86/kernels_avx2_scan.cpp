// The selective scan with softplus, skip and gate, AVX2.
// SPDX-License-Identifier: MIT
//
// The 8 lanes are the 8 channels of a tile; A2 and state are [tiles][d_state][8], B and C are broadcast. y is
// summed in order n = 0, 1, ... and begins as the first product. A tile's state (d_state * 32 bytes) stays in
// the first-level cache for all tokens of the chunk; the exponentials of neighbouring n are independent and
// hide each other's latency.
#if defined(__AVX2__)

#include "kernels/x86/kernels_avx2.h"

namespace adder {
namespace avx2 {

namespace {

// h = exp2(d * A2) * h + du * B for one n; returns h * C.
inline __m256 step(const float *A2, float *state, __m256 d, __m256 du, const float *B, const float *C) {
    const __m256 decay = exp2_f32(_mm256_mul_ps(d, _mm256_loadu_ps(A2)));
    const __m256 kept = _mm256_mul_ps(decay, _mm256_loadu_ps(state));
    const __m256 h = _mm256_add_ps(kept, _mm256_mul_ps(du, _mm256_broadcast_ss(B)));
    _mm256_storeu_ps(state, h);
    return _mm256_mul_ps(h, _mm256_broadcast_ss(C));
}

}  // namespace

void scan(const ScanArgs &args) {
    const __m256 multiplier = _mm256_set1_ps(args.multiplier);
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const size_t channel = size_t{8} * tile;
        const float *A2 = args.A2 + channel * args.d_state;
        float *state = args.state + channel * args.d_state;
        const __m256 D = _mm256_loadu_ps(args.D + channel);
        for (uint32_t t = 0; t < args.tokens; ++t) {
            float *z = args.z + size_t{args.uz_stride} * t + channel;
            const float *B = args.B + size_t{args.bc_stride} * t;
            const float *C = args.C + size_t{args.bc_stride} * t;
            const __m256 u = _mm256_loadu_ps(args.u + size_t{args.uz_stride} * t + channel);
            const __m256 d = softplus_f32(_mm256_loadu_ps(args.dt + size_t{args.dt_stride} * t + channel));
            const __m256 du = _mm256_mul_ps(d, u);
            __m256 y = step(A2, state, d, du, B, C);
            for (uint32_t n = 1; n < args.d_state; ++n)
                y = _mm256_add_ps(y, step(A2 + 8 * n, state + 8 * n, d, du, B + n, C + n));
            y = _mm256_add_ps(y, _mm256_mul_ps(D, u));
            const __m256 g = _mm256_mul_ps(y, silu_f32(_mm256_loadu_ps(z)));
            if (args.codes == nullptr)
                _mm256_storeu_ps(z, g);
            else
                codes_store(args.codes + size_t{args.codes_stride} * t + channel, q8_f32(g, multiplier));
        }
    }
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
