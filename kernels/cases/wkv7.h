// The case of RWKV-7's recurrence; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// Heads are whole: of a tile each where the call's channels are not so many heads.
uint32_t wkv7_head_dim(const KernelShape &shape) {
    return shape.rows % shape.head_dim == 0 ? shape.head_dim : tile_size;
}

// key_vectors, norm, state, r, w, k, v, a, g, kk, y, v_first
Operands wkv7_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = shape.by_tokens(shape.rows);
    return {{{Contents::floats, 3 * channels, false},
             {Contents::floats, 2 * channels, false},
             {Contents::floats, channels * wkv7_head_dim(shape), true},
             {Contents::floats, count, false},
             {Contents::floats, count, true},
             {Contents::floats, count, true},
             {Contents::floats, count, true},
             {Contents::floats, count, true},
             {Contents::floats, count, true},
             {Contents::floats, count, true},
             {Contents::floats, count, true},
             {Contents::floats, count, shape.has(form_no_gate)}},
            12};
}

// The heads that begin in these tiles.
void wkv7_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
               uint32_t end) {
    const auto floats = [&](uint32_t i) { return static_cast<float *>(operands[i]); };
    const uint32_t tiles = wkv7_head_dim(shape) / tile_size;
    Wkv7Args args{};
    args.head_begin = (begin + (tiles - 1)) / tiles;
    args.head_end = (end + (tiles - 1)) / tiles;
    args.tokens = shape.tokens;
    args.head_dim = wkv7_head_dim(shape);
    args.epsilon = 64e-5f;
    args.key_vectors = floats(0);
    args.norm = floats(1);
    args.channels = shape.rows;
    args.state = floats(2);
    args.r = floats(3);
    args.w = floats(4);
    args.k = floats(5);
    args.v = floats(6);
    args.a = floats(7);
    args.g = floats(8);
    args.kk = floats(9);
    args.y = floats(10);
    args.v_first = floats(11);
    args.takes_first = !shape.has(form_no_gate);
    args.stride = shape.stride(shape.rows);
    kernels.wkv7(args);
}

uint64_t wkv7_work(const KernelShape &shape) {
    return uint64_t{shape.rows} * shape.tokens * wkv7_head_dim(shape);
}

constexpr KernelCase case_wkv7 = {
    nullptr, KernelCase::Parts::tiles, false, 8, false, wkv7_operands, wkv7_call, wkv7_work};

}  // namespace
}  // namespace adder
