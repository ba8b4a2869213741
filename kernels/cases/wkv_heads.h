// The case of the recurrence of RWKVs with a matrix for each head; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// Heads are whole: of a tile each where the call's channels are not so many heads.
uint32_t wkv_heads_dim(const KernelShape &shape) {
    return shape.rows % shape.head_dim == 0 ? shape.head_dim : tile_size;
}

// bonus, norm, state, w, r, k, v, g, y
Operands wkv_heads_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = shape.by_tokens(shape.rows);
    return {{{Contents::floats, channels, false},
             {Contents::floats, 2 * channels, false},
             {Contents::floats, channels * wkv_heads_dim(shape), true},
             {Contents::floats, channels, false},
             {Contents::floats, count, true},
             {Contents::floats, count, false},
             {Contents::floats, count, false},
             {Contents::floats, count, false},
             {Contents::floats, count, true}},
            9};
}

// The heads that begin in these tiles.
void wkv_heads_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands,
                    uint32_t begin, uint32_t end) {
    const auto floats = [&](uint32_t i) { return static_cast<float *>(operands[i]); };
    const uint32_t tiles = wkv_heads_dim(shape) / tile_size;
    WkvHeadsArgs args{};
    args.head_begin = (begin + (tiles - 1)) / tiles;
    args.head_end = (end + (tiles - 1)) / tiles;
    args.tokens = shape.tokens;
    args.head_dim = wkv_heads_dim(shape);
    args.epsilon = 64e-5f;
    args.bonus = floats(0);
    args.norm = floats(1);
    args.channels = shape.rows;
    args.state = floats(2);
    args.w = floats(3);
    args.r = floats(4);
    args.k = floats(5);
    args.v = floats(6);
    args.g = shape.has(form_no_gate) ? nullptr : floats(7);
    args.y = floats(8);
    args.stride = shape.stride(shape.rows);
    kernels.wkv_heads(args);
}

uint64_t wkv_heads_work(const KernelShape &shape) {
    return uint64_t{shape.rows} * shape.tokens * wkv_heads_dim(shape);
}

constexpr KernelCase case_wkv_heads = {nullptr, KernelCase::Parts::tiles, false,          8,
                                       false,   wkv_heads_operands,       wkv_heads_call, wkv_heads_work};

}  // namespace
}  // namespace adder
