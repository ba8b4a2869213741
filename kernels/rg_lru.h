// The scan of the real-gated linear recurrent unit: its arguments and its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// RG-LRU (De and others, arXiv 2402.19427, section 2.4) with the block's gate over a chunk, for channels of tiles
// [tile_begin, tile_end).
//     l = decay[c] * sigmoid(r);  a = exp2(l);  m = sqrt(1 - exp2(2 l)), by exp2_parts and not below 0
//     v = sigmoid(i) * x;  h = a * h + m * v;  at the first token of a sequence h = v
//     y = gelu(y) * h
struct RgLruArgs {
    uint32_t tile_begin, tile_end;
    uint32_t tokens;
    bool first;          // is the chunk's first token that of a sequence?
    const float *decay;  // [8*tiles], -8 softplus(a) * log2(e): not positive
    float *state;        // [8*tiles], h; updated
    const float *i;      // [tokens][gate_stride], before the sigmoid, bias included
    const float *r;      // as i
    uint32_t gate_stride;
    const float *x;  // [tokens][xy_stride]
    float *y;        // as x; replaced
    uint32_t xy_stride;
};
using RgLruKernel = void(const RgLruArgs &args);

}  // namespace adder
