// RWKV's token shift, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

// factors [tiles][2][8]; n, shifted, out [tokens][stride].
void token_shift(const TokenShiftArgs &args) {
    for (uint32_t t = 0; t < args.tokens; ++t) {
        const float *factors = args.factors;
        for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile, factors += 16) {
            const size_t at = size_t{args.stride} * t + 8 * tile;
            for (uint32_t c = 0; c < 8; ++c)
                args.out[at + c] = args.n[at + c] * factors[c] + args.shifted[at + c] * factors[8 + c];
        }
    }
}

}  // namespace scalar
}  // namespace adder
