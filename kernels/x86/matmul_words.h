// int8 weights times int8 activations for several tokens on AVX2, both as int16.
// SPDX-License-Identifier: MIT
//
// pmaddwd adds the products of two columns to an int32, exactly: 16 products take it and an addition, 32 on bytes take psignb,
// pmaddubsw, pmaddwd and an addition. The count is the same, but on AMD's processors the first three share two pipes, which
// makes this one half as fast again. x is widened once for some tiles, and weights when they are loaded: 16 bytes, which are 4
// columns of 4 rows. A row has two sums, of columns 0 and 1 of each 4 and of 2 and 3.
#pragma once

#include "kernels/x86/matmul_int8.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

constexpr uint32_t words_tokens = 6;  // whose 12 sums are in registers, beside two of weights, x and a product
constexpr uint32_t words_cols = 1024, words_tiles = 16;
constexpr uint32_t words_pitch =
    words_cols + 8;  // a multiple of 64 would put the codes of all tokens into one bank of the cache

struct Words {
    int16_t x[words_tokens][words_pitch];
    i32x8 sums[words_tiles][words_tokens][2];  // of rows that have more columns than x
};

// Columns [col, col + cols) of a token.
inline void words_widen(const int8_t *x, uint32_t cols, int16_t *words) {
    uint32_t k = 0;
    for (; cols - k >= 16; k += 16) {
        const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(x + k));
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(words + k), _mm256_cvtepi8_epi16(codes));
    }
    if (k < cols) {
        const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(x + k));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(words + k), _mm_cvtepi8_epi16(codes));
    }
}

// As an instruction: gcc would move each sum to another register and back.
inline void sum_add(i32x8 &sum, i32x8 v) { __asm__("vpaddd %1, %0, %0" : "+x"(sum) : "x"(v)); }

// Adds the products of `cols` columns of a tile; Fetch: and fetches the weights `ahead` bytes from these.
template <uint32_t Tokens, bool Fetch>
inline __attribute__((always_inline)) void words_add(const uint8_t *w, const int16_t *x, uint32_t cols,
                                                     size_t ahead, i32x8 (&sums)[Tokens][2]) {
    for (const int16_t *const end = x + cols; x != end; w += 32, x += 4) {
        i32x8 upper = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(w)));
        i32x8 lower = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(w + 16)));
        pin(upper);
        pin(lower);
        if (Fetch) _mm_prefetch(reinterpret_cast<const char *>(w + ahead), _MM_HINT_T1);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) {
            int64_t four;
            memcpy(&four, x + size_t{words_pitch} * t, sizeof four);
            const i32x8 codes = _mm256_set1_epi64x(four);
            sum_add(sums[t][0], _mm256_madd_epi16(upper, codes));
            sum_add(sums[t][1], _mm256_madd_epi16(lower, codes));
        }
    }
}

// A piece of the columns of a tile, from `col` on. The sums are in memory between pieces; after the last one they become
// results. Not inlined: gcc then has the registers for it.
template <uint32_t Tokens>
__attribute__((noinline)) void words_tile(const Call &call, uint32_t tile, uint32_t token, uint32_t col,
                                          uint32_t cols, const int16_t *x, size_t ahead,
                                          i32x8 (&kept)[words_tokens][2]) {
    const uint32_t all = 8 * call.blocks;
    const uint8_t *w =
        static_cast<const uint8_t *>(call.matrix.weights) + size_t{8} * all * tile + size_t{8} * col;
    i32x8 sums[Tokens][2];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) sums[t][0] = sums[t][1] = broadcast_bits(0);
    if (col != 0)
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) {
            sums[t][0] = kept[t][0];
            sums[t][1] = kept[t][1];
        }
    if (ahead != 0)
        words_add<Tokens, true>(w, x, cols, ahead, sums);
    else
        words_add<Tokens, false>(w, x, cols, 0, sums);
    if (col + cols != all) {
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t) {
            kept[t][0] = sums[t][0];
            kept[t][1] = sums[t][1];
        }
        return;
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t) {
        const i32x8 rows = _mm256_hadd_epi32(sums[t][0], sums[t][1]);  // 0 1 4 5 and 2 3 6 7
        tile_finish(call.matrix, call.args, tile, token + t, to_float(_mm256_permute4x64_epi64(rows, 0xd8)));
    }
}

// Some tiles for `Tokens` tokens.
template <uint32_t Tokens>
void words_block(const Call &call, uint32_t tile, uint32_t tiles, uint32_t token, Words *words) {
    const uint32_t all = 8 * call.blocks, pieces = (all + words_cols - 1) / words_cols;
    const uint32_t piece = pieces == 0 ? 0 : (call.blocks + pieces - 1) / pieces * 8;
    // The last tokens fetch the tiles that are next. (A prefetch never faults.)
    const size_t ahead = call.args.tokens - token == Tokens ? size_t{8} * all * tiles : 0;
    uint32_t col = 0;
    do {
        const uint32_t cols = all - col < piece ? all - col : piece;
        for (uint32_t t = 0; t < Tokens; ++t) words_widen(call.x(token + t) + col, cols, words->x[t]);
        for (uint32_t i = 0; i < tiles; ++i)
            words_tile<Tokens>(call, tile + i, token, col, cols, words->x[0], ahead, words->sums[i]);
        col += cols;
    } while (col < all);
}

template <uint32_t Tokens = words_tokens>
void words_block_of(uint32_t tokens, const Call &call, uint32_t tile, uint32_t tiles, uint32_t token,
                    Words *words) {
    if (tokens == Tokens)
        words_block<Tokens>(call, tile, tiles, token, words);
    else if constexpr (Tokens > 1)
        words_block_of<Tokens - 1>(tokens, call, tile, tiles, token, words);
}

// As few blocks as there can be, and these of like size: the last one, while it computes, has to fetch the next tiles.
void words_tokens_all(const Call &call, uint32_t tile, uint32_t tiles, Words *words) {
    const uint32_t end = call.args.tokens;
    for (uint32_t token = 0, count, blocks = (end + words_tokens - 1) / words_tokens; token < end;
         token += count, --blocks) {
        count = (end - token) / blocks;
        words_block_of(count, call, tile, tiles, token, words);
    }
}

// All tiles and tokens. All tokens pass over some tiles before the next ones, which the second-level cache keeps.
void words_product(const Matrix &matrix, const MatmulArgs &args) {
    const Call call = {matrix, args, matrix.cols / 8, matrix.cols / 8, 1};
    Words words;
    const size_t cached = call.blocks == 0 ? words_tiles : cached_bytes / (size_t{64} * call.blocks);
    const uint32_t most = cached < 4 ? 4 : cached < words_tiles ? static_cast<uint32_t>(cached) : words_tiles;
    for (uint32_t tile = args.tile_begin, tiles; tile < args.tile_end; tile += tiles) {
        tiles = args.tile_end - tile < most ? args.tile_end - tile : most;
        words_tokens_all(call, tile, tiles, &words);
    }
}

}  // namespace

}  // namespace ADDER_SIMD
}  // namespace adder
