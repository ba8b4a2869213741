// What the matrix products of an ISA share: how the work is cut into blocks, and how a sum becomes a result.
// SPDX-License-Identifier: MIT
//
// A block is some tiles for some tokens, whose sums stay in registers while the weights are read once. Several tiles or
// tokens side by side hide the latency of the additions; no order depends on which.
#pragma once

#include "kernels/simd/math.h"

namespace adder {
namespace ADDER_SIMD {

// v = acc * (scale[r] * x_scale[t]);  if bias: v = v + bias[r];  out = add ? out + v : v.
static inline void tile_finish(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token,
                               f32x8 acc) {
    const size_t row = size_t{8} * tile;
    const float x_scale = args.x_scale[size_t{args.x_scale_stride} * token];
    float *out = args.out + size_t{args.out_stride} * token;
    f32x8 scale = broadcast(1.0f);
    if (matrix.scale != nullptr)
        scale = matrix.scale_per_row ? load(matrix.scale + row) : broadcast(matrix.scale[0]);
    f32x8 v = acc * (scale * broadcast(x_scale));
    if (matrix.bias != nullptr) v = v + load(matrix.bias + row);
    if (args.add) v = load(out + row) + v;
    store(out + row, v);
}

// All of a block. The sums pass through memory on the way out: gcc keeps an array in registers only if each loop over it
// is small enough to unroll.
template <uint32_t Tiles, uint32_t Tokens>
static inline void block_finish(const Matrix &matrix, const MatmulArgs &args, uint32_t tile, uint32_t token,
                                const f32x8 (&acc)[Tiles][Tokens]) {
    float sums[Tokens][Tiles][8];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) store(sums[t][i], acc[i][t]);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) tile_finish(matrix, args, tile + i, token + t, load(sums[t][i]));
}

// Sums side by side that leave registers for what is added to them; one where that would be two, to halve the code.
static constexpr uint32_t most_sums = registers >= 8 ? 4 : 1;

// Block::run<Tiles, Tokens>(matrix, args, tile, token) for `Tiles` tiles and all tokens.
template <class Block, uint32_t Tiles>
static inline void block_all_tokens(const Matrix &matrix, const MatmulArgs &args, uint32_t tile) {
    uint32_t token = 0;
    if constexpr (most_sums == 1) {
        for (; token < args.tokens; ++token) Block::template run<Tiles, 1>(matrix, args, tile, token);
    } else {
        for (; args.tokens - token >= 4; token += 4) Block::template run<Tiles, 4>(matrix, args, tile, token);
        switch (args.tokens - token) {
        case 3: Block::template run<Tiles, 3>(matrix, args, tile, token); break;
        case 2: Block::template run<Tiles, 2>(matrix, args, tile, token); break;
        case 1: Block::template run<Tiles, 1>(matrix, args, tile, token); break;
        default: break;
        }
    }
}

// Block::run for all tiles and tokens of a call: Block::tiles tiles and some tokens, or several tiles of a single token.
template <class Block>
static inline void block_all(const Matrix &matrix, const MatmulArgs &args) {
    uint32_t tile = args.tile_begin;
    if (args.tokens == 1)
        for (; args.tile_end - tile >= most_sums; tile += most_sums)
            Block::template run<most_sums, 1>(matrix, args, tile, 0);
    else
        for (; args.tile_end - tile >= Block::tiles; tile += Block::tiles)
            block_all_tokens<Block, Block::tiles>(matrix, args, tile);
    for (; tile < args.tile_end; ++tile) block_all_tokens<Block, 1>(matrix, args, tile);
}

}  // namespace ADDER_SIMD
}  // namespace adder
