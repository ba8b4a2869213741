// The case of attention; a part of cases.cpp. Tokens of the shape are heads, rows are places, columns the channels of a head.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

size_t attend_groups(const KernelShape &shape) {
    return (shape.tokens + shape.heads_per_group - 1) / shape.heads_per_group;
}
Contents attend_kept(const KernelShape &shape) {
    return !ADDER_CACHE                   ? Contents::floats
           : shape.has(form_kept_codes) ? Contents::codes
           : shape.has(form_half_state) ? Contents::halves
                                        : Contents::floats;
}

// q, k, v, scales of k, and of v, out
Operands attend_operands(const KernelShape &shape) {
    const size_t heads = size_t{shape.cols} * shape.tokens, groups = attend_groups(shape);
    const Contents kept = attend_kept(shape);
    const size_t state = groups * shape.cols * shape.rows,
                 scales = if_in(kept == Contents::codes, groups * shape.rows);
    return {{{Contents::floats, heads, false},
             {kept, state, false},
             {kept, state, false},
             {Contents::scales, scales, false},
             {Contents::scales, scales, false},
             {Contents::floats, heads, true}},
            6};
}

void attend_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end) {
    const Contents kept = attend_kept(shape);
    const size_t groups = attend_groups(shape), width = groups * shape.cols;
    AttendArgs args{};
    args.head_begin = begin;
    args.head_end = end;
    args.head_dim = shape.cols;
    args.heads_per_group = shape.heads_per_group;
    args.keys = shape.has(form_no_bias) ? shape.rows : shape.rows - 3;
    args.type = kept == Contents::codes    ? KeptType::int8
                : kept == Contents::halves ? KeptType::f16
                                           : KeptType::f32;
    args.q = static_cast<const float *>(operands[0]);
    args.k = operands[1];
    args.k_tile = tile_size * width;
    args.v = operands[2];
    // Values by channels first or by places first.
    args.v_tile = shape.has(form_wide_rows) ? tile_size * width : tile_size * tile_size;
    args.v_channels = shape.has(form_wide_rows) ? tile_size * tile_size : tile_size * size_t{shape.rows};
    args.k_scale = static_cast<const float *>(operands[3]);
    args.v_scale = static_cast<const float *>(operands[4]);
    args.scale_tile = tile_size * groups;
    args.out = static_cast<float *>(operands[5]);
    kernels.attend(args);
}

uint64_t attend_work(const KernelShape &shape) {
    return uint64_t{2} * shape.rows * shape.cols * shape.tokens;
}

constexpr KernelCase case_attend = {nullptr, KernelCase::Parts::tokens, false,       8,
                                    true,    attend_operands,           attend_call, attend_work};

}  // namespace
}  // namespace adder
