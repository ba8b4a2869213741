// RWKV-7's recurrence, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// A head at a token: where its channels stand, in what is laid out by tokens and in the vectors of the model.
struct Wkv7Head {
    const Wkv7Args &args;
    size_t at, channel;
    const float *vector(uint32_t which) const {
        return args.key_vectors + size_t{args.channels} * which + channel;
    }
};

// Makes w, k, v, kk and b. v_first and v_gate stand where v does.
static void wkv7_prepare(const Wkv7Head &head) {
    const Wkv7Args &args = head.args;
    float *const w = args.w + head.at, *const k = args.k + head.at, *const v = args.v + head.at;
    float *const a = args.a + head.at, *const kk = args.kk + head.at;
    const float *const k_k = head.vector(0), *const k_a = head.vector(1);
    float l[8] = {};
    for (uint32_t i = 0; i < args.head_dim; ++i) {
        w[i] = exp2_f32(sigmoid_f32(w[i]) * wkv7_decay);
        a[i] = sigmoid_f32(a[i]);
        kk[i] = k[i] * k_k[i];
        l[i % 8] = l[i % 8] + kk[i] * kk[i];
        k[i] = k[i] * (1.0f + (a[i] - 1.0f) * k_a[i]);
        if (args.takes_first)
            v[i] = v[i] + (args.v_first[head.at + i] - v[i]) * sigmoid_f32(args.y[head.at + i]);
        else if (args.v_first != nullptr)
            args.v_first[head.at + i] = v[i];
    }
    const float norm = sqrt_f32(sum_lanes(l));
    const float inverse = 1.0f / (norm > 1e-12f ? norm : 1e-12f);
    for (uint32_t i = 0; i < args.head_dim; ++i) {
        kk[i] = kk[i] * inverse;
        a[i] = kk[i] * a[i];
    }
}

// Eight rows of the state, of values v, over the keys of the head.
static void wkv7_rows(const Wkv7Head &head, float *S, const float *v, float *out) {
    const Wkv7Args &args = head.args;
    const float *const r = args.r + head.at, *const w = args.w + head.at, *const k = args.k + head.at;
    const float *const b = args.a + head.at, *const kk = args.kk + head.at;
    float sa[8] = {}, y[8] = {};
    for (uint32_t n = 0; n < args.head_dim; ++n)
        for (uint32_t c = 0; c < 8; ++c) sa[c] = sa[c] - S[8 * n + c] * kk[n];
    for (uint32_t n = 0; n < args.head_dim; ++n)
        for (uint32_t c = 0; c < 8; ++c) {
            S[8 * n + c] = (S[8 * n + c] * w[n] + sa[c] * b[n]) + v[c] * k[n];
            y[c] = y[c] + S[8 * n + c] * r[n];
        }
    for (uint32_t c = 0; c < 8; ++c) out[c] = y[c];
}

static void wkv7_finish(const Wkv7Head &head) {
    const Wkv7Args &args = head.args;
    const float *const r = args.r + head.at, *const k = args.k + head.at, *const v = args.v + head.at;
    const float *const y = args.y + head.at, *const r_k = head.vector(2);
    const float *const weight = args.norm + head.channel, *const bias = weight + args.channels;
    float *const g = args.g + head.at;
    float l[8] = {}, bonuses[8] = {};
    for (uint32_t i = 0; i < args.head_dim; ++i) {
        l[i % 8] = l[i % 8] + y[i];
        bonuses[i % 8] = bonuses[i % 8] + (r[i] * k[i]) * r_k[i];
    }
    const float width = static_cast<float>(args.head_dim);
    const float mean = sum_lanes(l) / width, bonus = sum_lanes(bonuses);
    for (float &lane : l) lane = 0.0f;
    for (uint32_t i = 0; i < args.head_dim; ++i) l[i % 8] = l[i % 8] + (y[i] - mean) * (y[i] - mean);
    const float inverse = 1.0f / sqrt_f32(sum_lanes(l) / width + args.epsilon);
    for (uint32_t i = 0; i < args.head_dim; ++i)
        g[i] = ((((y[i] - mean) * inverse) * weight[i] + bias[i]) + bonus * v[i]) * g[i];
}

// key_vectors [3][channels], norm [2][channels], state [channels/8][head_dim][8]; all else [tokens][stride].
void wkv7(const Wkv7Args &args) {
    for (uint32_t h = args.head_begin; h < args.head_end; ++h)
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const size_t channel = size_t{args.head_dim} * h;
            const Wkv7Head head{args, size_t{args.stride} * t + channel, channel};
            wkv7_prepare(head);
            for (uint32_t i = 0; i < args.head_dim; i += 8)
                wkv7_rows(head, args.state + (channel + i) * args.head_dim, args.v + head.at + i,
                          args.y + head.at + i);
            wkv7_finish(head);
        }
}

}  // namespace scalar
}  // namespace adder
