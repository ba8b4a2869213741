// RWKV's token shift: its arguments and its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

// RWKV's token shift over a chunk, for channels of tiles [tile_begin, tile_end): of a token's input n and of the one before it
// what a projection takes, by two factors for each channel, first of n, then of the difference.
//     s = n of the token before - n, made once for all projections;  out = n * c + s * m
struct TokenShiftArgs {
    uint32_t tile_begin, tile_end;
    uint32_t tokens;
    const float *factors;  // [tiles from tile_begin on][2][8], c and m
    const float *n;        // [tokens][stride]
    const float *shifted;  // [tokens][stride], s
    float *out;            // [tokens][stride]
    uint32_t stride;
};
using TokenShiftKernel = void(const TokenShiftArgs &args);

}  // namespace adder
