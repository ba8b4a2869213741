// int8 and int4 weights times int8 activations for Cortex-M cores with the DSP extension: two products an instruction.
// SPDX-License-Identifier: MIT
//
// SMLAD adds two products of halfwords to a sum. The halfwords are made on the way: SXTB16 takes bytes 0 and 2 of a word
// with their signs, or 1 and 3 if it rotates the word first; a mask takes nibbles without. Which columns meet is the same
// for weights and x, and their order is free.
#if defined(__ARM_FEATURE_SIMD32) && __ARM_ARCH_PROFILE == 'M'

#include "kernels/layout.h"
#include "kernels/scalar/finish.h"
#include "kernels/scalar/math.h"

namespace adder {
namespace dsp {

namespace {

// A word of any alignment.
struct [[gnu::packed]] Word {
    uint32_t bits;
};
inline const Word &word_at(const void *at) { return *static_cast<const Word *>(at); }

// Four codes of x, each pair in the halfwords of a register.
struct Four {
    uint32_t even, odd;  // 0 and 2, 1 and 3
};

[[gnu::always_inline]] inline Four four_load(const int8_t *x) {
    uint32_t even, odd;
    __asm__("ldr %1, %2\n\t"
            "sxtb16 %0, %1\n\t"
            "sxtb16 %1, %1, ror #8"
            : "=&r"(even), "=&r"(odd)
            : "m"(word_at(x)));
    return {even, odd};
}

// ---- int8 weights -----------------------------------------------------------------------------------------------------

// sum + four columns of a row. One block of instructions: apart, the compiler loads many rows ahead and has no registers
// left for the sums.
[[gnu::always_inline]] inline void q8_row(int32_t &sum, const int8_t *w, const Four &x) {
    uint32_t even, odd;
    __asm__("ldr %1, %3\n\t"
            "sxtb16 %2, %1\n\t"
            "sxtb16 %1, %1, ror #8\n\t"
            "smlad %0, %2, %4, %0\n\t"
            "smlad %0, %1, %5, %0"
            : "+&r"(sum), "=&r"(odd), "=&r"(even)
            : "m"(word_at(w)), "r"(x.even), "r"(x.odd));
}

// Of the 8 rows of a tile, by name: an array would be kept in memory.
struct Sums {
    int32_t row0, row1, row2, row3, row4, row5, row6, row7;
};

[[gnu::always_inline]] inline void q8_columns(Sums &sum, const int8_t *w, const int8_t *codes) {
    const Four x = four_load(codes);
    q8_row(sum.row0, w, x);
    q8_row(sum.row1, w + 4, x);
    q8_row(sum.row2, w + 8, x);
    q8_row(sum.row3, w + 12, x);
    q8_row(sum.row4, w + 16, x);
    q8_row(sum.row5, w + 20, x);
    q8_row(sum.row6, w + 24, x);
    q8_row(sum.row7, w + 28, x);
}

// ---- int4 weights -----------------------------------------------------------------------------------------------------

// sum + eight columns of a row; the codes are taken as they are stored, code + 8.
[[gnu::always_inline]] inline void q4_row(int32_t &sum, const uint8_t *w, uint32_t nibbles, const Four &low,
                                          const Four &high) {
    uint32_t eight, two;
    __asm__("ldr %1, %3\n\t"
            "and %2, %4, %1\n\t"
            "smlad %0, %2, %5, %0\n\t"
            "and %2, %4, %1, lsr #8\n\t"
            "smlad %0, %2, %6, %0\n\t"
            "and %2, %4, %1, lsr #4\n\t"
            "smlad %0, %2, %7, %0\n\t"
            "and %2, %4, %1, lsr #12\n\t"
            "smlad %0, %2, %8, %0"
            : "+&r"(sum), "=&r"(eight), "=&r"(two)
            : "m"(word_at(w)), "r"(nibbles), "r"(low.even), "r"(low.odd), "r"(high.even), "r"(high.odd));
}

// acc + float(sum) * scale for four rows of a group, whose sums begin at `start`. w steps over 8 rows each time.
inline void q4_group(float *acc, const uint8_t *w, const int8_t *x, const int8_t *end, const uint16_t *scale,
                     bool half, int32_t start) {
    int32_t row0 = start, row1 = start, row2 = start, row3 = start;
    for (; x != end; x += 8, w += 32) {
        const Four low = four_load(x), high = four_load(x + 4);
        constexpr uint32_t nibbles = 0x000f000f;
        q4_row(row0, w, nibbles, low, high);
        q4_row(row1, w + 4, nibbles, low, high);
        q4_row(row2, w + 8, nibbles, low, high);
        q4_row(row3, w + 12, nibbles, low, high);
    }
    acc[0] = acc[0] + static_cast<float>(row0) * group_scale_f32(scale[0], half);
    acc[1] = acc[1] + static_cast<float>(row1) * group_scale_f32(scale[1], half);
    acc[2] = acc[2] + static_cast<float>(row2) * group_scale_f32(scale[2], half);
    acc[3] = acc[3] + static_cast<float>(row3) * group_scale_f32(scale[3], half);
}

// Where the sums of a group start if its weights are taken as code + 8: -8 times the sum of x. Bytes are summed without
// their signs, as x + 128.
inline int32_t q4_start(const int8_t *x, const int8_t *end) {
    uint32_t sum = 0;
    const uint32_t offset = 128 * static_cast<uint32_t>(end - x);
    for (; x != end; x += 8) {
        const uint32_t first = word_at(x).bits ^ 0x80808080u, second = word_at(x + 4).bits ^ 0x80808080u;
        __asm__("usada8 %0, %1, %3, %0\n\t"
                "usada8 %0, %2, %3, %0"
                : "+&r"(sum)
                : "r"(first), "r"(second), "r"(0));
    }
    return -8 * static_cast<int32_t>(sum - offset);
}

}  // namespace

// weights [tiles][cols/4][8 rows][4 cols], x [tokens][x_stride]. The int32 sum is exact: 128 * 127 * 2^17 < 2^31.
void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
            const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * t;
            Sums sum = {};
            for (const int8_t *const end = x + matrix.cols; x != end; x += 8, w += 64) {
                q8_columns(sum, w, x);
                q8_columns(sum, w + 32, x + 4);
            }
            const float acc[8] = {static_cast<float>(sum.row0), static_cast<float>(sum.row1),
                                  static_cast<float>(sum.row2), static_cast<float>(sum.row3),
                                  static_cast<float>(sum.row4), static_cast<float>(sum.row5),
                                  static_cast<float>(sum.row6), static_cast<float>(sum.row7)};
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

// weights [tiles][cols/8][8 rows][4 bytes], group_scale [tiles][groups][8 rows], x [tokens][x_stride]. The sum of a group
// is exact: 15 * 127 * 2^17 < 2^31.
void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    const size_t groups = group_count(matrix.cols, matrix.group);
    const bool half = has_half_scales(matrix);
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const uint8_t *w = static_cast<const uint8_t *>(matrix.weights) + size_t{4} * matrix.cols * tile;
            const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * t;
            const uint16_t *scale = matrix.group_scale + 8 * groups * tile;
            float acc[8] = {};
            for (uint32_t left = matrix.cols, cols; left != 0; left -= cols, scale += 8) {
                cols = left > matrix.group ? matrix.group : left;
                const int8_t *const end = x + cols;
                const int32_t start = q4_start(x, end);
                q4_group(acc, w, x, end, scale, half, start);
                q4_group(acc + 4, w + 16, x, end, scale + 4, half, start);
                w += size_t{4} * cols;
                x = end;
            }
            finish_tile(matrix, args, tile, t, acc);
        }
    }
}

}  // namespace dsp
}  // namespace adder

#endif
