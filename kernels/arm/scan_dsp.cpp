// The scans of Mamba-1 and Mamba-2 with softplus, skip and gate for Cortex-M cores with scalar floats.
// SPDX-License-Identifier: MIT
//
// The scalar kernels' operations, in another order of channels: some at a time, all of a channel's values in registers
// while n runs. Several, because a result is not there yet for the next instruction: two of Mamba-1, whose exponentials
// take most registers, and four of Mamba-2, which share decay, B and C. A2 and state [tiles][d_state][8].
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

// ---- Mamba-2, the delta rule ----------------------------------------------------------------------------------------------------------

namespace {

// Four channels at a token, by name: an array would be kept in memory.
struct FourChannels {
    float du0, du1, du2, du3, y0, y1, y2, y3;
};

inline float state_load(const float *at) { return *at; }
inline float state_load(const uint16_t *at) { return f16_f32(*at); }
inline void state_store(float *at, float v) { *at = v; }
inline void state_store(uint16_t *at, float v) { *at = f32_f16(v); }

// S = decay * S + du * B;  y = y + S * C
template <typename Element>
[[gnu::always_inline]] inline void ssd_step(Element *state, float decay, float du, float b, float c, float &y) {
    const float S = decay * state_load(state) + du * b;
    state_store(state, S);
    y = y + S * c;
}

// du of the delta rule, of values x: rate * (x - decay * the sum of S * B).
template <typename Element>
void ssd_deltas(const SsdArgs &args, const Element *state, float rate, float decay, const float *B,
                const float *x, FourChannels &four) {
    float e0 = -0.0f, e1 = -0.0f, e2 = -0.0f, e3 = -0.0f;
    for (const float *const end = B + args.d_state; B != end; ++B, state += 8) {
        const float b = *B;
        e0 = e0 + state_load(state) * b;
        e1 = e1 + state_load(state + 1) * b;
        e2 = e2 + state_load(state + 2) * b;
        e3 = e3 + state_load(state + 3) * b;
    }
    four.du0 = rate * (x[0] - decay * e0);
    four.du1 = rate * (x[1] - decay * e1);
    four.du2 = rate * (x[2] - decay * e2);
    four.du3 = rate * (x[3] - decay * e3);
}

template <typename Element>
void ssd_channels(const SsdArgs &args, Element *state, float decay, const float *B, const float *C,
                  FourChannels &four) {
    for (const float *const end = B + args.d_state; B != end; ++B, ++C, state += 8) {
        const float b = *B, c = *C;
        ssd_step(state, decay, four.du0, b, c, four.y0);
        ssd_step(state + 1, decay, four.du1, b, c, four.y1);
        ssd_step(state + 2, decay, four.du2, b, c, four.y2);
        ssd_step(state + 3, decay, four.du3, b, c, four.y3);
    }
}

template <typename Element>
void ssd_tile(const SsdArgs &args, Element *state, [[maybe_unused]] float rate, float decay, const float *B,
              const float *C, [[maybe_unused]] const float *x, FourChannels &four) {
    if (args.beta != nullptr) ssd_deltas(args, state, rate, decay, B, x, four);
    ssd_channels(args, state, decay, B, C, four);
}

}  // namespace

void ssd_scan(const SsdArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const uint32_t head = 8 * tile / args.head_dim;
        const size_t group = size_t{args.d_state} * (head / args.heads_per_group);
        for (uint32_t t = 0; t < args.tokens; ++t) {
            float d = softplus_f32(args.dt[size_t{args.dt_stride} * t + head]);
            d = d > args.dt_low ? d : args.dt_low;
            d = d < args.dt_high ? d : args.dt_high;
            const float decay = exp2_f32(d * args.A2[head]);
            const bool delta = args.beta != nullptr;
            const float rate = delta ? sigmoid_f32(args.beta[size_t{args.dt_stride} * t + head]) : 0.0f,
                        D = delta ? 0.0f : args.D[head];
            const float *B = args.B + size_t{args.bc_stride} * t + group;
            const float *C = args.C + size_t{args.bc_stride} * t + group;
            for (size_t i = size_t{8} * tile; i < size_t{8} * (tile + 1); i += 4) {
                float *const x = args.x + size_t{args.x_stride} * t + i;
                const size_t at = size_t{8} * tile * args.d_state + i % 8;
                FourChannels four = {d * x[0], d * x[1], d * x[2], d * x[3], -0.0f, -0.0f, -0.0f, -0.0f};
                if (args.half_state)
                    ssd_tile(args, static_cast<uint16_t *>(args.state) + at, rate, decay, B, C, x, four);
                else
                    ssd_tile(args, static_cast<float *>(args.state) + at, rate, decay, B, C, x, four);
                float y[4] = {four.y0, four.y1, four.y2, four.y3};
                for (uint32_t c = 0; c < 4 && !delta; ++c) y[c] = y[c] + D * x[c];
                float *const z = args.z != nullptr ? args.z + size_t{args.z_stride} * t + i : nullptr;
                for (uint32_t c = 0; c < 4; ++c) {
                    if (z != nullptr)
                        z[c] = y[c] * silu_f32(z[c]);
                    else
                        x[c] = y[c];
                }
            }
        }
    }
}

}  // namespace dsp
}  // namespace adder

#endif
