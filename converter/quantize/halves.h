// Floats of 16 bits: IEEE 754 binary16 and bfloat16, the upper half of a binary32.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace adder {

// To nearest, ties to even; a NaN stays one.
uint16_t f16_of(float value);
uint16_t bf16_of(float value);

// Exactly; payloads of NaNs stay.
float float_of_f16(uint16_t bits);
float float_of_bf16(uint16_t bits);

// The same of many that lie as bytes, the lower one first, without alignment.
void floats_of_f16(const uint8_t *source, size_t count, float *out);
void floats_of_bf16(const uint8_t *source, size_t count, float *out);

}  // namespace adder
