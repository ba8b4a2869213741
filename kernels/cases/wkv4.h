// The case of RWKV-4's recurrence; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// vectors, state, r, k, v
Operands wkv4_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = shape.by_tokens(shape.rows);
    return {{{Contents::floats, 2 * channels, false},
             {Contents::floats, 3 * channels, true},
             {Contents::floats, count, true},
             {Contents::floats, count, false},
             {Contents::floats, count, false}},
            5};
}

void wkv4_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
               uint32_t end) {
    Wkv4Args args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.vectors = static_cast<const float *>(operands[0]) + size_t{16} * begin;
    args.state = static_cast<float *>(operands[1]) + size_t{8} * begin;
    args.state_stride = shape.rows;
    args.r = static_cast<float *>(operands[2]);
    args.k = static_cast<const float *>(operands[3]);
    args.v = static_cast<const float *>(operands[4]);
    args.stride = shape.stride(shape.rows);
    kernels.wkv4(args);
}

uint64_t wkv4_work(const KernelShape &shape) { return uint64_t{shape.rows} * shape.tokens; }

constexpr KernelCase case_wkv4 = {
    nullptr, KernelCase::Parts::tiles, false, 8, false, wkv4_operands, wkv4_call, wkv4_work};

}  // namespace
}  // namespace adder
