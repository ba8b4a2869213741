// The case of RG-LRU's scan; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// decay, state, i, r, x, y
Operands rg_lru_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = shape.by_tokens(shape.rows);
    return {{{Contents::decays, channels, false},
             {Contents::floats, channels, true},
             {Contents::floats, count, false},
             {Contents::floats, count, false},
             {Contents::floats, count, false},
             {Contents::floats, count, true}},
            6};
}

void rg_lru_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end) {
    RgLruArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.first = shape.has(form_no_gate);
    args.decay = static_cast<const float *>(operands[0]);
    args.state = static_cast<float *>(operands[1]);
    args.i = static_cast<const float *>(operands[2]);
    args.r = static_cast<const float *>(operands[3]);
    args.gate_stride = shape.stride(shape.rows);
    args.x = static_cast<const float *>(operands[4]);
    args.y = static_cast<float *>(operands[5]);
    args.xy_stride = shape.stride(shape.rows);
    kernels.rg_lru(args);
}

uint64_t rg_lru_work(const KernelShape &shape) { return uint64_t{shape.rows} * shape.tokens; }

constexpr KernelCase case_rg_lru = {nullptr, KernelCase::Parts::tiles, false,       8,
                                    false,   rg_lru_operands,          rg_lru_call, rg_lru_work};

}  // namespace
}  // namespace adder
