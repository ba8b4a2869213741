// What the integer matrix products of NEON, dotprod and i8mm have in common: weights, and groups of int4.
// SPDX-License-Identifier: MIT
//
// For the files of kernels/arm only. All here has internal linkage: they are compiled with flags of their own, and the
// linker must not pick one file's copy for another.
#pragma once

#include "kernels/arm/vector_neon.h"
#include "kernels/layout.h"
// On the vector header above.
#include "kernels/simd/half.h"
// On those.
#include "kernels/simd/group_scales.h"
#include "kernels/simd/matmul.h"

namespace adder {
namespace neon {

// Loads 64 bytes of weights and steps past them: 8 columns of a tile of int8, or 16 of int4. The pins keep gcc from
// computing an address for each of several loads. (gcc 12 has no vld1q_s8_x4 for 32-bit ARM.)
static inline int8x16x4_t weights_next(const int8_t *&w) {
#if defined(__aarch64__)
    const int8x16x4_t weights = vld1q_s8_x4(w);
    w += 64;
    __asm__("" : "+r"(w));
#else
    int8x16x4_t weights;
    for (int8x16_t &part : weights.val) {
        part = vld1q_s8(w);
        w += 16;
        __asm__("" : "+r"(w));
    }
#endif
    return weights;
}

// int4 codes as they are stored, code + 8.
static inline int8x16_t low_nibbles(int8x16_t w) { return vandq_s8(w, vdupq_n_s8(15)); }
static inline int8x16_t high_nibbles(int8x16_t w) {
    return vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(w), 4));
}

namespace {

// The groups of a row of int4 weights, in blocks of 8 columns.
struct Q4Groups {
    explicit Q4Groups(const Matrix &matrix)
        : blocks(matrix.cols / 8), group_blocks(matrix.group / 8),
          count(group_count(matrix.cols, matrix.group)) {}
    // Blocks of the group that begins at `block`.
    uint32_t blocks_at(uint32_t block) const {
        return blocks - block < group_blocks ? blocks - block : group_blocks;
    }

    uint32_t blocks, group_blocks;
    size_t count;
};

}  // namespace

// Where the sums of a group start if its weights are taken as code + 8: -8 times the sum of x. The same for all rows.
static inline void q4_starts(const Q4Groups &groups, const int8_t *x, int32_t *starts) {
    for (uint32_t block = 0; block < groups.blocks; ++starts) {
        int32x4_t sum = vdupq_n_s32(0);
        for (uint32_t left = groups.blocks_at(block); left != 0; --left, ++block, x += 8)
            sum = vpadalq_s16(sum, vmovl_s8(vld1_s8(x)));
        const int32x2_t half = vadd_s32(vget_low_s32(sum), vget_high_s32(sum));
        *starts = -8 * vget_lane_s32(vpadd_s32(half, half), 0);
    }
}

// Calls run(matrix, args, groups, begin, end, starts) for as many tokens [begin, end) at a time as there is room for the
// starts of. False if there is none even for a single one: no model has rows of so many groups.
template <typename Run>
static inline bool q4_by_tokens(const Matrix &matrix, const MatmulArgs &args, Run run) {
    constexpr uint32_t max_starts = 2048;  // on the stack: 8 KiB
    const Q4Groups groups(matrix);
    if (groups.count > max_starts) return false;
    const uint32_t most = max_starts / static_cast<uint32_t>(groups.count);
    int32_t starts[max_starts];
    for (uint32_t begin = 0, end; begin < args.tokens; begin = end) {
        end = args.tokens - begin > most ? begin + most : args.tokens;
        for (uint32_t t = begin; t < end; ++t)
            q4_starts(groups, static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * t,
                      starts + groups.count * (t - begin));
        run(matrix, args, groups, begin, end, starts);
    }
    return true;
}

// acc + float(sum) * scale, for the scales of a group of 8 rows.
static inline f32x8 group_add(f32x8 acc, const int32x4_t (&sum)[2], f32x8 scale) {
    return acc + to_float(i32x8{sum[0], sum[1]}) * scale;
}

}  // namespace neon
}  // namespace adder
