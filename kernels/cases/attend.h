// The case of attention; a part of cases.cpp. Tokens of the shape are heads, rows are places, columns the channels of a head.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

size_t attend_width(const KernelShape &shape) {
    return size_t{shape.cols} * ((shape.tokens + shape.heads_per_group - 1) / shape.heads_per_group);
}

// q, k, v, out
Operands attend_operands(const KernelShape &shape) {
    const size_t heads = size_t{shape.cols} * shape.tokens, state = attend_width(shape) * shape.rows;
    return {{{Contents::floats, heads, false},
             {Contents::floats, state, false},
             {Contents::floats, state, false},
             {Contents::floats, heads, true}},
            4};
}

void attend_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end) {
    AttendArgs args{};
    args.head_begin = begin;
    args.head_end = end;
    args.head_dim = shape.cols;
    args.heads_per_group = shape.heads_per_group;
    args.window = shape.rows;
    args.keys = shape.has(form_no_bias) ? shape.rows : shape.rows - 3;
    args.width = static_cast<uint32_t>(attend_width(shape));
    args.q = static_cast<const float *>(operands[0]);
    args.k = static_cast<const float *>(operands[1]);
    args.v = static_cast<const float *>(operands[2]);
    args.out = static_cast<float *>(operands[3]);
    kernels.attend(args);
}

uint64_t attend_work(const KernelShape &shape) {
    return uint64_t{2} * shape.rows * shape.cols * shape.tokens;
}

constexpr KernelCase case_attend = {nullptr, KernelCase::Parts::tokens, false,       8,
                                    false,   attend_operands,           attend_call, attend_work};

}  // namespace
}  // namespace adder
