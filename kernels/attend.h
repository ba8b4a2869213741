// Attention of a token to the keys that a state holds: its arguments and its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace adder {

// What the query heads [head_begin, head_end) of one token make of the first `keys` places of a window. Heads of a group share
// keys and values. The exponent is of 2: q holds log2(e) and the scale.
//     highest = -largest float, sum[8] = 0, out = 0;  of each 32 places in order:
//         s[j] = 0;  for d = 0..head_dim-1: s[j] = s[j] + k[j][d] * q[d]
//         top = the largest of highest and the s (s > top ? s : top: NaNs are passed over), plus 0
//         f = exp2(highest - top);  sum[] = sum[] * f;  out[] = out[] * f;  highest = top
//         p[j] = exp2(s[j] - top);  for each 8 in order: sum[j % 8] = sum[j % 8] + p[j]; past the last key p is 0
//         for j in order: out[d] = out[d] + v[j][d] * p[j]
//     out[d] = out[d] * (1 / (((sum0+sum4) + (sum2+sum6)) + ((sum1+sum5) + (sum3+sum7))))
struct AttendArgs {
    uint32_t head_begin, head_end;
    uint32_t head_dim;  // a multiple of 8
    uint32_t heads_per_group;
    uint32_t keys;    // at least 1, at most window
    uint32_t window;  // places
    uint32_t width;   // head_dim times the groups
    const float *q;   // [heads][head_dim]
    const float *k;   // [tiles of places][width][8]
    const float *v;   // [width/8][window][8]
    float *out;       // as q
};
using AttendKernel = void(const AttendArgs &args);

constexpr uint32_t attend_places = 32;

}  // namespace adder
