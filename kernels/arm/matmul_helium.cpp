// int8 and int4 weights times int8 activations on Helium.
// SPDX-License-Identifier: MIT
//
// VMLADAVA adds 16 products of a row to a sum in a general register. A row's words lie 32 bytes apart in both layouts,
// [tiles][cols/4][8 rows][4 cols] and [tiles][cols/8][8 rows][4 bytes]: a gathering load takes four of them, from
// addresses that a register holds, at a distance that the instruction names. Four rows at a time, as sums stand in even
// registers only. What is gathered must be aligned as words are; elsewhere the scalar kernels run.
#if __ARM_FEATURE_MVE & 2

#include "kernels/arm/vector_helium.h"
#include "kernels/layout.h"
#include "kernels/scalar/scalar.h"
// On the vector header above.
#include "kernels/simd/half.h"
// On those.
#include "kernels/simd/group_scales.h"
#include "kernels/simd/matmul.h"

namespace adder {
namespace helium {

namespace {

// Of four rows of a tile.
struct Sums {
    int32_t row0, row1, row2, row3;
};
inline int32x4_t lanes(const Sums &sum) { return int32x4_t{sum.row0, sum.row1, sum.row2, sum.row3}; }

bool aligned(uintptr_t address) { return address % alignof(uint32_t) == 0; }
uintptr_t address_of(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// The addresses of four words, `step` bytes apart.
template <uint32_t step>
inline uint32x4_t addresses(const void *first) {
    const uint32x4_t steps = {0, step, 2 * step, 3 * step};
    return vaddq_n_u32(steps, address_of(first));
}

// The words at these addresses of row `row`; where `active` has no lanes, zeros, and memory is not touched.
template <int row>
inline int8x16_t row_load(uint32x4_t at) {
    return vreinterpretq_s8_s32(vldrwq_gather_base_s32(at, 4 * row));
}
template <int row>
inline int8x16_t row_load(uint32x4_t at, mve_pred16_t active) {
    return vreinterpretq_s8_s32(vldrwq_gather_base_z_s32(at, 4 * row, active));
}

// ---- int8 weights -----------------------------------------------------------------------------------------------------

// Four rows, the first of which begins at w.
inline int32x4_t q8_rows(const int8_t *w, const int8_t *x, uint32_t cols) {
    uint32x4_t at = addresses<32>(w);
    Sums sum = {};
    for (uint32_t left = cols / 16; left != 0; --left) {
        const int8x16_t codes = vldrbq_s8(x);
        sum.row0 = vmladavaq_s8(sum.row0, row_load<0>(at), codes);
        sum.row1 = vmladavaq_s8(sum.row1, row_load<1>(at), codes);
        sum.row2 = vmladavaq_s8(sum.row2, row_load<2>(at), codes);
        sum.row3 = vmladavaq_s8(sum.row3, row_load<3>(at), codes);
        at = vaddq_n_u32(at, 128);
        x += 16;
    }
    if (cols % 16 != 0) {
        const mve_pred16_t active = vctp32q(2);
        const int8x16_t codes = vldrbq_z_s8(x, active);
        sum.row0 = vmladavaq_s8(sum.row0, row_load<0>(at, active), codes);
        sum.row1 = vmladavaq_s8(sum.row1, row_load<1>(at, active), codes);
        sum.row2 = vmladavaq_s8(sum.row2, row_load<2>(at, active), codes);
        sum.row3 = vmladavaq_s8(sum.row3, row_load<3>(at, active), codes);
    }
    return lanes(sum);
}

// ---- int4 weights -----------------------------------------------------------------------------------------------------

// Of 32 columns, those whose codes are in the low nibbles of a row's words, and those of the high ones.
struct Codes {
    int8x16_t low, high;
};

inline Codes codes_load(const int8_t *x) {
    const int32x4x2_t words = vld2q_s32(reinterpret_cast<const int32_t *>(x));
    return {vreinterpretq_s8_s32(words.val[0]), vreinterpretq_s8_s32(words.val[1])};
}
inline Codes codes_load(const int8_t *x, mve_pred16_t active) {
    const uint32x4_t at = addresses<8>(x);
    return {row_load<0>(at, active), row_load<1>(at, active)};
}

// The codes are taken as they are stored, code + 8.
inline int32_t q4_add(int32_t sum, int8x16_t w, const Codes &x) {
    sum = vmladavaq_s8(sum, vandq_s8(w, vdupq_n_s8(15)), x.low);
    return vmladavaq_s8(sum, vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(w), 4)), x.high);
}

// The sums of a group for four rows, which begin at `start`; w is where the group begins in the first of them.
inline int32x4_t q4_rows(const int8_t *w, const int8_t *x, uint32_t cols, int32_t start) {
    uint32x4_t at = addresses<32>(w);
    Sums sum = {start, start, start, start};
    for (uint32_t left = cols / 32; left != 0; --left) {
        const Codes codes = codes_load(x);
        sum.row0 = q4_add(sum.row0, row_load<0>(at), codes);
        sum.row1 = q4_add(sum.row1, row_load<1>(at), codes);
        sum.row2 = q4_add(sum.row2, row_load<2>(at), codes);
        sum.row3 = q4_add(sum.row3, row_load<3>(at), codes);
        at = vaddq_n_u32(at, 128);
        x += 32;
    }
    if (cols % 32 != 0) {
        const mve_pred16_t active = vctp32q(cols % 32 / 8);
        const Codes codes = codes_load(x, active);
        sum.row0 = q4_add(sum.row0, row_load<0>(at, active), codes);
        sum.row1 = q4_add(sum.row1, row_load<1>(at, active), codes);
        sum.row2 = q4_add(sum.row2, row_load<2>(at, active), codes);
        sum.row3 = q4_add(sum.row3, row_load<3>(at, active), codes);
    }
    return lanes(sum);
}

// Where the sums of a group start if its weights are taken as code + 8: -8 times the sum of x.
inline int32_t q4_start(const int8_t *x, uint32_t cols) {
    int32_t sum = 0;
    for (uint32_t left = cols / 16; left != 0; --left, x += 16) sum = vaddvaq_s8(sum, vldrbq_s8(x));
    if (cols % 16 != 0) sum = vaddvaq_s8(sum, vldrbq_z_s8(x, vctp8q(8)));
    return -8 * sum;
}

}  // namespace

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    if (!aligned(address_of(matrix.weights))) return scalar::matmul_q8(matrix, args);
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{8} * matrix.cols * tile;
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * t;
            const i32x8 sum = {q8_rows(w, x, matrix.cols), q8_rows(w + 16, x, matrix.cols)};
            tile_finish(matrix, args, tile, t, to_float(sum));
        }
    }
}

void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    if (!aligned(address_of(matrix.weights) | address_of(args.x) | args.x_stride))
        return scalar::matmul_q4(matrix, args);
    const bool half = has_half_scales(matrix);
    const size_t groups = group_count(matrix.cols, matrix.group);
    for (uint32_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
        for (uint32_t t = 0; t < args.tokens; ++t) {
            const int8_t *w = static_cast<const int8_t *>(matrix.weights) + size_t{4} * matrix.cols * tile;
            const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * t;
            const uint16_t *scale = matrix.group_scale + 8 * groups * tile;
            f32x8 acc = broadcast(0.0f);
            for (uint32_t left = matrix.cols, cols; left != 0; left -= cols, scale += 8) {
                cols = left > matrix.group ? matrix.group : left;
                const int32_t start = q4_start(x, cols);
                const i32x8 sum = {q4_rows(w, x, cols, start), q4_rows(w + 16, x, cols, start)};
                acc = acc + to_float(sum) * group_scales(scale, half);
                w += size_t{4} * cols;
                x += cols;
            }
            tile_finish(matrix, args, tile, t, acc);
        }
    }
}

}  // namespace helium
}  // namespace adder

#endif
