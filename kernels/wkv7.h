// RWKV-7's recurrence: its arguments and its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// RWKV-7's recurrence over a chunk, for heads [head_begin, head_end) of head_dim channels each (BlinkDL, RWKV-LM: RWKV-v7), with
// the group norm and the gate behind it. All of [tokens][stride] stand at the channels as they are numbered. For each token and
// head, sums over its channels i in the eight lanes and the tree of rmsnorm:
//     w = exp2(sigmoid(w) * wkv7_decay);  a = sigmoid(a)
//     kk = k * k_k;  kk = kk * (1 / max(sqrt(sum kk * kk), 1e-12));  b = kk * a
//     k = k * (1 + (a - 1) * k_a)
//     v = v + (v_first - v) * sigmoid(v_gate)         with a value gate; without one v goes to v_first, if that is there
// then for each channel of v, that is for each row of the state, the keys n = 0, 1, ... in order:
//     sa = 0;  sa = sa - S[n] * kk[n] for each n
//     y = 0;  S[n] = (S[n] * w[n] + sa * b[n]) + v * k[n];  y = y + S[n] * r[n] for each n
// and again for each head
//     m = sum y / head_dim;  d = y - m;  inv = 1 / sqrt(sum d * d / head_dim + epsilon)
//     bonus = sum (r * k) * r_k
//     g = (((d * inv) * weight + bias) + bonus * v) * g
struct Wkv7Args {
    uint32_t head_begin, head_end;
    uint32_t tokens;
    uint32_t head_dim;  // a multiple of 8
    float epsilon;
    const float *key_vectors;  // [3][channels]: k_k, k_a, r_k
    const float *norm;         // [2][channels]: weight, bias
    uint32_t channels;
    float *state;      // [channels / 8][head_dim][8], S; updated
    const float *r;    // [tokens][stride], as all that follow
    float *w, *k, *v;  // replaced by what the recurrence takes
    float *a;          // replaced by b
    float *g;          // the gate; replaced by the result
    float *kk;         // written
    float *y;          // v_gate where v_first is taken; written
    float *v_first;    // taken, or written where it is not; null: neither
    bool takes_first;
    uint32_t stride;
};
using Wkv7Kernel = void(const Wkv7Args &args);

static constexpr float wkv7_decay = -0x1.c00516p-1f;  // -exp(-1/2) * log2(e)

}  // namespace adder
