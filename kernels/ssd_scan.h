// The scan of SSD, and the gated delta rule: arguments and arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

#include "adder/config.h"

namespace adder {

// The scan of SSD (Dao and Gu, arXiv 2405.21060, in its recurrent form) with softplus, skip and gate over a chunk, for
// channels of tiles [tile_begin, tile_end). Channel c belongs to head h = c / head_dim, and that to group
// h / heads_per_group, whose B and C its heads share.
//     d = softplus(dt[h]);  d = d > dt_low ? d : dt_low;  d = d < dt_high ? d : dt_high
//     decay = exp2(d * A2[h]);  du = d * x
//     for n = 0..d_state-1:  S[n] = decay * S[n] + du * B[n];   y = S[0]*C[0], then y = y + S[n] * C[n]
//     y = y + D[h] * x;  g = y * silu(z)
// With beta the gated delta rule (Yang, Kautz and Hatamizadeh, arXiv 2412.06464), whose keys are B, queries C and values x; D is
// not looked at:
//     e = S[0]*B[0], then e = e + S[n] * B[n] for n = 1..d_state-1;   du = sigmoid(beta[h]) * (x - decay * e)
//     S[n] and y as above;  g = y * silu(z)
// A state of halves is widened before and rounded after (f16_f32 and f32_f16 of scalar/math.h); y takes S before it is
// rounded.
struct SsdArgs {
    uint32_t tile_begin, tile_end;
    uint32_t tokens;
    uint32_t d_state;
    uint32_t head_dim;  // a multiple of 8
    uint32_t heads_per_group;
    const float *A2;        // [heads padded to 8], A * log2(e) = -exp(A_log) * log2(e): not positive
    const float *D;         // [heads padded to 8]
    float dt_low, dt_high;  // numbers; dt_high may be infinite
    void *state;            // [tiles][d_state][8], S, float or uint16 (IEEE 754 binary16); updated
    bool half_state;
    const float *dt;  // [tokens][dt_stride], heads padded to 8; before softplus, bias included
    uint32_t dt_stride;
    float *x;  // [tokens][x_stride], channels, after convolution and SiLU; replaced by y if z is null
    uint32_t x_stride;
    float *z;  // [tokens][z_stride], channels; replaced by g. Null: no gate
    uint32_t z_stride;
    const float *B;      // [tokens][bc_stride], of which [groups][d_state] are read
    const float *C;      // as B
    uint32_t bc_stride;  // any number from groups * d_state on
#if ADDER_DELTA_RULE
    const float *beta = nullptr;  // [tokens][dt_stride], as dt; before its sigmoid. Null: SSD's scan
#else
    static constexpr const float *beta = nullptr;
#endif
};
using SsdScanKernel = void(const SsdArgs &args);

}  // namespace adder
