// The selective scan with softplus, skip and gate for Cortex-M cores with scalar floats.
// SPDX-License-Identifier: MIT
//
// The scalar kernel's operations, in another order of channels: two at a time, all of a channel's values in registers
// while n runs. Two, because a result is not there yet for the next instruction. A2 and state [tiles][d_state][8].
#if defined(__ARM_FEATURE_SIMD32) && __ARM_ARCH_PROFILE == 'M'

#include "kernels/kernels.h"
#include "kernels/scalar/math.h"

namespace adder {
namespace dsp {

namespace {

// A channel at a token.
struct Channel {
    float d, du, y;
};

inline Channel channel_start(float dt, float u) {
    const float d = softplus_f32(dt);
    return {d, d * u, -0.0f};  // -0 + a = a for every a: y begins as the first product
}

// h = exp2(d * A2) * h + du * B;  y = y + h * C
inline void channel_step(Channel &channel, float decay, float *h, float b, float c) {
    *h = decay * *h + channel.du * b;
    channel.y = channel.y + *h * c;
}

}  // namespace

void scan(const ScanArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            for (size_t i = size_t{8} * tile; i < size_t{8} * (tile + 1); i += 2) {
                const float *dt = args.dt + size_t{args.dt_stride} * t + i;
                const float *u = args.u + size_t{args.uz_stride} * t + i;
                const float *A2 = args.A2 + size_t{8} * tile * args.d_state + i % 8;
                float *h = args.state + size_t{8} * tile * args.d_state + i % 8;
                const float *B = args.B + size_t{args.bc_stride} * t;
                const float *C = args.C + size_t{args.bc_stride} * t;
                Channel first = channel_start(dt[0], u[0]), second = channel_start(dt[1], u[1]);
                for (const float *const end = B + args.d_state; B != end; ++B, ++C, A2 += 8, h += 8) {
                    float t0 = first.d * A2[0], t1 = second.d * A2[1];
                    if (__builtin_expect(!(t0 >= -125.0f && t1 >= -125.0f), false)) {
                        t0 = t0 > -125.0f ? t0 : -125.0f;
                        t1 = t1 > -125.0f ? t1 : -125.0f;
                    }
                    // Neither is above 126: d is not negative, and A2 not positive.
                    t0 = exp2_inside(t0);
                    t1 = exp2_inside(t1);
                    channel_step(first, t0, h, *B, *C);
                    channel_step(second, t1, h + 1, *B, *C);
                }
                float *z = args.z + size_t{args.uz_stride} * t + i;
                const float g[2] = {(first.y + args.D[i] * u[0]) * silu_f32(z[0]),
                                    (second.y + args.D[i + 1] * u[1]) * silu_f32(z[1])};
                if (args.codes == nullptr) {
                    z[0] = g[0];
                    z[1] = g[1];
                } else {
                    int8_t *codes = args.codes + size_t{args.codes_stride} * t + i;
                    codes[0] = q8_f32(g[0], args.multipliers[i], args.limit);
                    codes[1] = q8_f32(g[1], args.multipliers[i + 1], args.limit);
                }
            }
        }
    }
}

}  // namespace dsp
}  // namespace adder

#endif
