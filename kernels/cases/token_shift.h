// The case of RWKV's token shift; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// factors, n, shifted, out
Operands token_shift_operands(const KernelShape &shape) {
    const size_t count = shape.by_tokens(shape.rows);
    return {{{Contents::floats, size_t{2} * shape.rows, false},
             {Contents::floats, count, false},
             {Contents::floats, count, false},
             {Contents::floats, count, true}},
            4};
}

void token_shift_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands,
                      uint32_t begin, uint32_t end) {
    TokenShiftArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.factors = static_cast<const float *>(operands[0]) + size_t{16} * begin;
    args.n = static_cast<const float *>(operands[1]);
    args.shifted = static_cast<const float *>(operands[2]);
    args.out = static_cast<float *>(operands[3]);
    args.stride = shape.stride(shape.rows);
    kernels.token_shift(args);
}

uint64_t token_shift_work(const KernelShape &shape) { return uint64_t{shape.rows} * shape.tokens; }

constexpr KernelCase case_token_shift = {
    nullptr,          KernelCase::Parts::tiles, false, 8, false, token_shift_operands,
    token_shift_call, token_shift_work};

}  // namespace
}  // namespace adder
