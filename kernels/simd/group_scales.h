// The scales of a group of int4 weights on eight lanes. Behind the vector header of an ISA, and half.h where that has
// no halves_load.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

// group_scale_f32 of eight. Which of the two it is is the same all through a matrix: a branch that is always foreseen.
static inline f32x8 group_scales(const uint16_t *scale, bool half) {
#if ADDER_HALF_SCALES
    if (half) return halves_load(scale);
#endif
    (void)half;
    return scales_load(scale);
}

}  // namespace ADDER_SIMD
}  // namespace adder
