// Rounding and widening by the bits.
// SPDX-License-Identifier: MIT
#include "converter/quantize/halves.h"

#include <cmath>
#include <cstring>

namespace adder {
namespace {

uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

float float_of_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t half_at(const uint8_t *source) { return static_cast<uint16_t>(source[0] | source[1] << 8); }

}  // namespace

uint16_t f16_of(float value) {
    const uint32_t sign = bits_of(value) >> 16 & 0x8000;
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7e00);
    if (magnitude >= 65520) return static_cast<uint16_t>(sign | 0x7c00);
    // Subnormals of binary16 are multiples of 2^-24, and so are the floats from 1/2 to 1: the addition rounds.
    if (magnitude < 0x1p-14f)
        return static_cast<uint16_t>(sign | (bits_of(magnitude + 0.5f) - bits_of(0.5f)));
    const uint32_t bits = bits_of(magnitude);
    const uint32_t rounded = bits + 0xfff + (bits >> 13 & 1);
    return static_cast<uint16_t>(sign | ((rounded - (uint32_t{127 - 15} << 23)) >> 13));
}

uint16_t bf16_of(float value) {
    const uint32_t bits = bits_of(value);
    if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float float_of_f16(uint16_t bits) {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
    const uint32_t exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31) return float_of_bits(sign | 0x7F800000 | mantissa << 13);
    if (exponent != 0) return float_of_bits(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
    // Subnormal or zero: mantissa * 2^-24 is exact, and a normal float unless it is zero.
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
}

float float_of_bf16(uint16_t bits) { return float_of_bits(uint32_t{bits} << 16); }

void floats_of_f16(const uint8_t *source, size_t count, float *out) {
    for (size_t i = 0; i < count; ++i) out[i] = float_of_f16(half_at(source + 2 * i));
}

void floats_of_bf16(const uint8_t *source, size_t count, float *out) {
    for (size_t i = 0; i < count; ++i) out[i] = float_of_bf16(half_at(source + 2 * i));
}

}  // namespace adder
