// Floats to int8 codes: with a given scale, with the vector's own, and after a Hadamard transform.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

// 32 codes from 4 vectors.
inline void quantize32(int8_t *out, const f32x8 *v, f32x8 m, f32x8 limit) {
    const i32x8 codes[4] = {q8_f32(v[0], m, limit), q8_f32(v[1], m, limit), q8_f32(v[2], m, limit),
                            q8_f32(v[3], m, limit)};
    store_codes(out, codes);
}

// A stage of the transform within a vector: each lane meets the one at the stage's distance. `signs` is -0 in the upper
// lane of each pair: it gets a - b as a + -b, which is the same sum.
inline f32x8 butterfly(f32x8 v, f32x8 swapped, f32x8 signs) { return swapped + flip_signs(v, signs); }

// A stage across vectors.
inline void butterfly(f32x8 &low, f32x8 &high) {
    const f32x8 difference = low - high;
    low = low + high;
    high = difference;
}

constexpr float upper1[8] = {0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f};
constexpr float upper2[8] = {0.0f, 0.0f, -0.0f, -0.0f, 0.0f, 0.0f, -0.0f, -0.0f};
constexpr float upper4[8] = {0.0f, 0.0f, 0.0f, 0.0f, -0.0f, -0.0f, -0.0f, -0.0f};

}  // namespace

void quantize(const float *v, uint32_t n, float multiplier, float limit, int8_t *out) {
    const f32x8 m = broadcast(multiplier), most = broadcast(limit);
    uint32_t i = 0;
    for (; n - i >= 32; i += 32) {
        const f32x8 four[4] = {load(v + i), load(v + i + 8), load(v + i + 16), load(v + i + 24)};
        quantize32(out + i, four, m, most);
    }
    for (; i < n; i += 8) store_codes(out + i, q8_f32(load(v + i), m, most));
}

// max returns its second operand where one is a NaN: the maximum so far.
float quantize_dynamic(const float *v, uint32_t n, float limit, int8_t *out) {
    const f32x8 zero = broadcast(0.0f);
    f32x8 most[4] = {zero, zero, zero, zero};
    uint32_t i = 0;
    for (; n - i >= 32; i += 32)
        for (uint32_t j = 0; j < 4; ++j) most[j] = max(magnitude(load(v + i + 8 * j)), most[j]);
    for (; i < n; i += 8) most[0] = max(magnitude(load(v + i)), most[0]);
    const f32x8 all = max(max(most[0], most[1]), max(most[2], most[3]));
    const DynamicScale scale = dynamic_scale(max_lanes(all), limit);
    quantize(v, n, scale.multiplier, limit, out);
    return scale.scale;
}

// Vector j holds points 8j .. 8j+7: distances 1, 2, 4 are within a vector, 8, 16, 32 between vectors.
void hadamard_quantize(const float *v, const float *factors, uint32_t n, float multiplier, float limit,
                       int8_t *out) {
    const f32x8 m = broadcast(multiplier), most = broadcast(limit);
    const f32x8 signs1 = load(upper1), signs2 = load(upper2), signs4 = load(upper4);
    for (uint32_t i = 0; i < n; i += 64) {
        f32x8 t[8];
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 8; ++j) {
            f32x8 p = load(v + i + 8 * j) * load(factors + i + 8 * j);
            p = butterfly(p, swap1(p), signs1);
            p = butterfly(p, swap2(p), signs2);
            t[j] = butterfly(p, swap4(p), signs4);
        }
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 8; j += 2) butterfly(t[j], t[j + 1]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 4; ++j) butterfly(t[j / 2 * 4 + j % 2], t[j / 2 * 4 + j % 2 + 2]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < 4; ++j) butterfly(t[j], t[j + 4]);
        quantize32(out + i, t, m, most);
        quantize32(out + i + 32, t + 4, m, most);
    }
}

}  // namespace ADDER_SIMD
}  // namespace adder
