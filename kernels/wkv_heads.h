// The recurrence of RWKVs whose state is a matrix for each head: its arguments and its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// The recurrence of RWKV's fifth version (Peng and others, arXiv 2404.05892, "Eagle") over a chunk, for heads [head_begin, head_end).
// For each head at each token, sums over its channels i by RMSNorm's lanes and tree (kernels.h):
//     b = sum (r * u) * k
//     for each channel of v, with its row S of the state:  y = 0;  for n = 0..head_dim-1:  y = y + S[n] * r[n];
//                                                          S[n] = S[n] * w[n] + v * k[n];  then y = y + b * v
//     m = sum y / head_dim;  d = y - m;  inv = 1 / sqrt(sum d * d / head_dim + epsilon)
//     r = (d * inv) * weight + bias;  with a gate r = r * silu(g)
struct WkvHeadsArgs {
    uint32_t head_begin, head_end;
    uint32_t tokens;
    uint32_t head_dim;  // a multiple of 8
    float epsilon;
    const float *bonus;  // [channels], u
    const float *norm;   // [2][channels]: weight, bias
    uint32_t channels;
    float *state;    // [channels / 8][head_dim][8], S; updated
    const float *w;  // [channels], the decays of all tokens
    float *r;        // [tokens][stride], as all that follow; replaced by the result
    const float *k, *v;
    const float *g;  // null: no gate
    float *y;        // written
    uint32_t stride;
};
using WkvHeadsKernel = void(const WkvHeadsArgs &args);

}  // namespace adder
