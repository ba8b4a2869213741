// Attention of a token to the keys that a state holds: its arguments and its arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace adder {

// How keys and values are kept. Codes have a scale for each place and group: number = code * scale.
enum class KeptType : uint8_t { f32 = 0, f16 = 1, int8 = 2 };

// What the query heads [head_begin, head_end) of one token make of `keys` places. Heads of a group share keys and values. The
// exponent is of 2: q holds log2(e) and the scale.
//     highest = -largest float, sum[8] = 0, out = 0;  of each 32 places in order:
//         s[j] = 0;  for d = 0..head_dim-1: s[j] = s[j] + k[j][d] * q[d];  of codes then s[j] = s[j] * k_scale[j]
//         top = the largest of highest and the s (s > top ? s : top: NaNs are passed over), plus 0
//         f = exp2(highest - top);  sum[] = sum[] * f;  out[] = out[] * f;  highest = top
//         p[j] = exp2(s[j] - top);  for each 8 in order: sum[j % 8] = sum[j % 8] + p[j]; past the last key p is 0
//         of codes p[j] = p[j] * v_scale[j];  for j in order: out[d] = out[d] + v[j][d] * p[j]
//     out[d] = out[d] * (1 / (((sum0+sum4) + (sum2+sum6)) + ((sum1+sum5) + (sum3+sum7))))
struct AttendArgs {
    uint32_t head_begin, head_end;
    uint32_t head_dim;  // a multiple of 8
    uint32_t heads_per_group;
    uint32_t keys;                   // places, at least 1
    KeptType type;                   // of k and v; strides are in numbers of that type
    const float *q;                  // [heads][head_dim]
    float *out;                      // as q
    const void *k;                   // of each tile of 8 places [groups][head_dim][8 places]
    size_t k_tile;                   // from one tile of places to the next
    const void *v;                   // of each tile of 8 places, and of 8 channels: [8 places][8 channels]
    size_t v_tile, v_channels;       // from one tile of places, and of channels of all groups, to the next
    const float *k_scale, *v_scale;  // of codes: of each tile of places [groups][8 places]
    size_t scale_tile;
};
using AttendKernel = void(const AttendArgs &args);

constexpr uint32_t attend_places = 32;

}  // namespace adder
