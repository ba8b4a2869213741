// The recurrence of RWKVs with a matrix for each head, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// A head at a token: where its channels stand, in what is laid out by tokens and in the vectors of the model.
struct WkvHead {
    const WkvHeadsArgs &args;
    size_t at, channel;
};

// Eight rows of the state, of values v, over the keys of the head.
static void wkv_rows(const WkvHead &head, float *S, const float *v, float bonus, float *out) {
    const WkvHeadsArgs &args = head.args;
    const float *const r = args.r + head.at, *const k = args.k + head.at, *const w = args.w + head.channel;
    float y[8] = {};
    for (uint32_t n = 0; n < args.head_dim; ++n)
        for (uint32_t c = 0; c < 8; ++c) {
            y[c] = y[c] + S[8 * n + c] * r[n];
            S[8 * n + c] = S[8 * n + c] * w[n] + v[c] * k[n];
        }
    for (uint32_t c = 0; c < 8; ++c) out[c] = y[c] + bonus * v[c];
}

static float wkv_bonus(const WkvHead &head) {
    const WkvHeadsArgs &args = head.args;
    float l[8] = {};
    for (uint32_t i = 0; i < args.head_dim; ++i)
        l[i % 8] = l[i % 8] + (args.r[head.at + i] * args.bonus[head.channel + i]) * args.k[head.at + i];
    return sum_lanes(l);
}

static void wkv_finish(const WkvHead &head) {
    const WkvHeadsArgs &args = head.args;
    const float *const y = args.y + head.at;
    const float *const weight = args.norm + head.channel, *const bias = weight + args.channels;
    float *const out = args.r + head.at;
    float l[8] = {};
    for (uint32_t i = 0; i < args.head_dim; ++i) l[i % 8] = l[i % 8] + y[i];
    const float width = static_cast<float>(args.head_dim);
    const float mean = sum_lanes(l) / width;
    for (float &lane : l) lane = 0.0f;
    for (uint32_t i = 0; i < args.head_dim; ++i) l[i % 8] = l[i % 8] + (y[i] - mean) * (y[i] - mean);
    const float inverse = 1.0f / sqrt_f32(sum_lanes(l) / width + args.epsilon);
    for (uint32_t i = 0; i < args.head_dim; ++i) {
        out[i] = ((y[i] - mean) * inverse) * weight[i] + bias[i];
        if (args.g != nullptr) out[i] = out[i] * silu_f32(args.g[head.at + i]);
    }
}

// bonus, w [channels], norm [2][channels], state [channels/8][head_dim][8]; all else [tokens][stride].
void wkv_heads(const WkvHeadsArgs &args) {
    for (uint32_t h = args.head_begin; h < args.head_end; ++h)
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const size_t channel = size_t{args.head_dim} * h;
            const WkvHead head{args, size_t{args.stride} * t + channel, channel};
            const float bonus = wkv_bonus(head);
            for (uint32_t i = 0; i < args.head_dim; i += 8)
                wkv_rows(head, args.state + (channel + i) * args.head_dim, args.v + head.at + i, bonus,
                         args.y + head.at + i);
            wkv_finish(head);
        }
}

}  // namespace scalar
}  // namespace adder
