// RWKV-4's recurrence: its arguments and its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// RWKV-4's recurrence (Peng and others, arXiv 2305.13048, appendix D) and its gate over a chunk, for channels of tiles
// [tile_begin, tile_end): y is the mean of the values so far, weighted by exp(keys), of which the state keeps numerator aa and
// denominator bb, both divided by 2^pp. decay and first are -exp(time_decay) * log2(e) and time_first * log2(e).
//     l = k * log2(e)
//     p0 = (bb > 0 ? pp : 0) + (2^-126 > bb ? -2^126 : 0)
//     w = first + l;     p = p0 > w ? p0 : w;   e = exp2(p0 - p);  f = exp2(w - p)
//     y = (e * aa + f * v) / (e * bb + f)
//     q = p0 + decay;    p = q > l ? q : l;     e = exp2(q - p);   f = exp2(l - p)
//     aa = e * aa + f * v;  bb = e * bb + f;  pp = p
//     r = sigmoid(r) * y
// The exponent of a sum begins far below all others. A fresh state is zeros, and bb says whether there is a sum: from the first
// token on it is at least 2^-125.
struct Wkv4Args {
    uint32_t tile_begin, tile_end;
    uint32_t tokens;
    const float *vectors;   // [tiles from tile_begin on][2][8], decay and first
    float *state;           // [3][tiles from tile_begin on][8], aa, bb, pp; updated
    uint32_t state_stride;  // numbers from aa to bb, and to pp
    float *r;               // [tokens][stride]; replaced
    const float *k, *v;     // as r
    uint32_t stride;
};
using Wkv4Kernel = void(const Wkv4Args &args);

static constexpr float wkv4_lowest = -0x1p126f;  // of an exponent
static constexpr float wkv4_none = 0x1p-126f;    // no sum is below it

}  // namespace adder
