// Attention, scalar; a part of vectors_scalar.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/scalar/math.h"
#include "kernels/scalar/scalar.h"

namespace adder {
namespace scalar {

static float kept_number(KeptType type, const void *numbers, size_t at) {
    if (!ADDER_CACHE || type == KeptType::f32) return static_cast<const float *>(numbers)[at];
    if (type == KeptType::f16) return f16_f32(static_cast<const uint16_t *>(numbers)[at]);
    return static_cast<float>(static_cast<const int8_t *>(numbers)[at]);
}

static float kept_scale(const AttendArgs &args, const float *scales, size_t group, uint32_t place) {
    return scales[place / 8 * args.scale_tile + 8 * group + place % 8];
}

// The scores of `count` places from `first` on.
static void attend_scores(const AttendArgs &args, uint32_t head, uint32_t first, uint32_t count, float *s) {
    const float *q = args.q + size_t{head} * args.head_dim;
    const size_t group = head / args.heads_per_group;
    for (uint32_t j = 0; j < count; ++j) {
        const uint32_t place = first + j;
        const size_t k = place / 8 * args.k_tile + 8 * group * args.head_dim + place % 8;
        float sum = 0.0f;
        for (uint32_t d = 0; d < args.head_dim; ++d)
            sum = sum + kept_number(args.type, args.k, k + size_t{8} * d) * q[d];
        s[j] = ADDER_CACHE && args.type == KeptType::int8 ? sum * kept_scale(args, args.k_scale, group, place)
                                                        : sum;
    }
}

void attend(const AttendArgs &args) {
    for (uint32_t head = args.head_begin; head < args.head_end; ++head) {
        const size_t group = head / args.heads_per_group;
        float *out = args.out + size_t{head} * args.head_dim;
        float highest = -0x1.fffffep+127f, sum[8] = {};
        for (uint32_t d = 0; d < args.head_dim; ++d) out[d] = 0.0f;
        for (uint32_t first = 0; first < args.keys; first += attend_places) {
            const uint32_t count = args.keys - first < attend_places ? args.keys - first : attend_places;
            float s[attend_places];
            attend_scores(args, head, first, count, s);
            float top = highest;
            for (uint32_t j = 0; j < count; ++j) top = s[j] > top ? s[j] : top;
            top = top + 0.0f;
            const float factor = exp2_f32(highest - top);
            highest = top;
            for (float &lane : sum) lane = lane * factor;
            for (uint32_t j = 0; j < round_up_to_tile(count); ++j) {
                s[j] = j < count ? exp2_f32(s[j] - top) : 0.0f;
                sum[j % 8] = sum[j % 8] + s[j];
            }
            if (ADDER_CACHE && args.type == KeptType::int8)
                for (uint32_t j = 0; j < count; ++j)
                    s[j] = s[j] * kept_scale(args, args.v_scale, group, first + j);
            for (uint32_t d = 0; d < args.head_dim; ++d) {
                const size_t v = (group * args.head_dim + d) / 8 * args.v_channels + d % 8;
                float o = out[d] * factor;
                for (uint32_t j = 0; j < count; ++j) {
                    const uint32_t place = first + j;
                    o = o + kept_number(args.type, args.v, v + place / 8 * args.v_tile + place % 8 * 8) * s[j];
                }
                out[d] = o;
            }
        }
        const float total = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
        const float inverse = 1.0f / total;
        for (uint32_t d = 0; d < args.head_dim; ++d) out[d] = out[d] * inverse;
    }
}

}  // namespace scalar
}  // namespace adder
