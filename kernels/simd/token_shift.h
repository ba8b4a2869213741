// RWKV's token shift.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

void token_shift(const TokenShiftArgs &args) {
    for (uint32_t t = 0; t < args.tokens; ++t) {
        const float *factors = args.factors;
        for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile, factors += 16) {
            const size_t at = size_t{args.stride} * t + 8 * tile;
            store(args.out + at,
                  load(args.n + at) * load(factors) + load(args.shifted + at) * load(factors + 8));
        }
    }
}

}  // namespace ADDER_SIMD
}  // namespace adder
