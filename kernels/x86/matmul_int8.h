// int8 and int4 weights times int8 activations, written once for every x86 ISA.
// SPDX-License-Identifier: MIT
//
// int8 weights [tiles][cols/4][8 rows][4 cols], int4 weights [tiles][cols/8][8 rows][4 bytes] with columns 0..3 of 8 in the
// low bits and 4..7 in the high ones. So 32 bytes hold 4 columns of 8 rows, of int4 8 columns, and 4 codes of x, broadcast,
// meet all rows at once: an int32 lane is a row, and no lane is summed across.
//
// The instructions multiply unsigned by signed bytes. int4 weights are unsigned as they are stored, as code + 8: a group's
// sum starts at -8 times the sum of its x, which is the same for all rows. int8 weights may be made unsigned as w + 128, with
// -128 for -8. A sum may then wrap on the way, but ends exact modulo 2^32, and docs/numerics.md says that 32 bits hold it.
//
// A file includes its vector header, then this, and defines vectors of rows: Rows8, a Tile, and perhaps two of them side by
// side. Beyond what Tile has, they provide
//     codes(x)        4 codes of x, for every row
//     Bytes           int8 weights made ready by bytes(w); bytes_dot(sum, bytes, codes) adds the products of 4 columns;
//                     bytes_bias is -128 where these are w + 128, and 0 where they have their sign
//     Pairs           what the products of int4 weights are summed in, over at most pairs_blocks blocks of 8 columns:
//                     pairs_open(sum) makes one, pairs_dot(pairs, nibbles, codes) adds 4 columns, and pairs_close(sum,
//                     pairs) is the Int sum of both
#pragma once

#include "kernels/layout.h"
#include "kernels/simd/group_scales.h"
#include "kernels/simd/matmul.h"
#include "kernels/tables.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

constexpr uint32_t max_starts = 512;      // of a call, on the stack: 2 KiB
constexpr size_t prefetch_bytes = 384;    // how far ahead a single token fetches weights, in each stream
constexpr size_t cached_bytes = 1 << 17;  // weights that the second-level cache keeps while tokens take turns
constexpr uint32_t most_tokens = registers >= 16 ? 8 : 4;  // whose sums leave registers for the rest

// The rows of a tile, on the vector layer.
struct Tile {
    using Int = i32x8;
    using Float = f32x8;
    static constexpr uint32_t tiles = 1;

    // 32 bytes of each tile; `next` is how far they are apart.
    static Int load(const uint8_t *w, size_t) {
        Int v = load_bits(w);
        pin(v);  // gcc would load it again for each use
        return v;
    }
    static Int broadcast(int32_t v) { return broadcast_bits(v); }
    static Int codes(const int8_t *x) {
        int32_t four;
        memcpy(&four, x, sizeof four);
        return broadcast_bits(four);
    }
    static Int low_nibbles(Int both) { return ADDER_SIMD::low_nibbles(both); }
    static Int high_nibbles(Int both) { return ADDER_SIMD::high_nibbles(both); }
    static Int add(Int a, Int b) { return ADDER_SIMD::add(a, b); }
    static Float to_float(Int v) { return ADDER_SIMD::to_float(v); }
    static Float scales(const uint16_t *scale, size_t, bool half) { return group_scales(scale, half); }
    static Float add_scaled(Float acc, Float v, Float scale) { return acc + v * scale; }
    static void store(float *out, Float v) { ADDER_SIMD::store(out, v); }
};

// Rows with VNNI: Base has dpbusd(sum, unsigned, signed), which adds four products to an int32 lane, exactly and without
// saturation. Its unsigned factor is w + 128, which is w with its sign bit turned over.
template <class Base>
struct Vnni : Base {
    using Int = typename Base::Int;
    using Bytes = Int;
    static constexpr int32_t bytes_bias = -128;
    static Bytes bytes(Int w) { return w ^ Base::broadcast(static_cast<int32_t>(0x80808080)); }
    static Int bytes_dot(Int sum, Bytes w, Int codes) { return dot(sum, w, codes); }

    using Pairs = Int;
    static constexpr uint32_t pairs_blocks = UINT32_MAX;
    static Pairs pairs_open(Int sum) { return sum; }
    static Pairs pairs_dot(Pairs pairs, Int nibbles, Int codes) { return dot(pairs, nibbles, codes); }
    static Int pairs_close(Int, Pairs pairs) { return pairs; }

  private:
    static Int dot(Int sum, Int w, Int codes) {
        sum = Base::dpbusd(sum, w, codes);
        __asm__("" : "+v"(sum));  // gcc would move each sum to another register and back
        return sum;
    }
};

// The two kinds of weights. A block is 8 columns; its halves, columns 0..3 and 4..7, are taken in this order.
template <class R>
struct Int8 {
    using Rows = R;
    using Half = typename R::Bytes;
    using Sum = typename R::Int;
    static constexpr bool grouped = false;
    static constexpr uint32_t block_bytes = 64;
    static constexpr uint32_t segment_blocks = UINT32_MAX;
    static constexpr int32_t bias = R::bytes_bias;
    static constexpr uint32_t streams = 4;

    const uint8_t *w;
    size_t next;
    Half low() { return R::bytes(R::load(w, next)); }
    Half high() { return R::bytes(R::load(w + 32, next)); }
    static Sum open(typename R::Int sum) { return sum; }
    static Sum dot(Sum sum, Half half, typename R::Int codes) { return R::bytes_dot(sum, half, codes); }
    static typename R::Int close(typename R::Int, Sum sum) { return sum; }
};

template <class R>
struct Int4 {
    using Rows = R;
    using Half = typename R::Int;
    using Sum = typename R::Pairs;
    static constexpr bool grouped = true;
    static constexpr uint32_t block_bytes = 32;
    static constexpr uint32_t segment_blocks = R::pairs_blocks;
    static constexpr int32_t bias = -8;
    static constexpr uint32_t streams = 3;

    const uint8_t *w;
    size_t next;
    Half both{};
    Half low() {
        both = R::load(w, next);
        return R::low_nibbles(both);
    }
    Half high() { return R::high_nibbles(both); }
    static Sum open(typename R::Int sum) { return R::pairs_open(sum); }
    static Sum dot(Sum pairs, Half half, typename R::Int codes) { return R::pairs_dot(pairs, half, codes); }
    static typename R::Int close(typename R::Int sum, Sum pairs) { return R::pairs_close(sum, pairs); }
};

// A call, and how its columns fall into blocks and groups of blocks. int8 weights are one group.
struct Call {
    const Matrix &matrix;
    const MatmulArgs &args;
    uint32_t blocks, group_blocks, groups;

    // Blocks of the group that begins at `block`.
    uint32_t group_at(uint32_t block) const {
        return blocks - block < group_blocks ? blocks - block : group_blocks;
    }
    const int8_t *x(uint32_t token) const {
        return static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * token;
    }
};

// The sum of n codes; n is a multiple of 8.
inline int32_t codes_sum(const int8_t *x, uint32_t n) {
    const __m128i sign = _mm_set1_epi8(-128), zero = _mm_setzero_si128();
    __m128i sum = zero;  // of code + 128, an unsigned byte
    uint32_t k = 0;
    for (; n - k >= 16; k += 16) {
        const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(x + k));
        sum = _mm_add_epi32(sum, _mm_sad_epu8(_mm_xor_si128(codes, sign), zero));
    }
    sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 8));
    if (k < n) {
        const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(x + k));
        sum = _mm_add_epi32(sum, _mm_sad_epu8(_mm_xor_si128(codes, sign), zero));
    }
    return _mm_cvtsi128_si32(sum) - 128 * static_cast<int32_t>(n);
}

// Where the sums of a token start, [groups].
template <class Weights>
void starts_compute(const Call &call, uint32_t token, int32_t *starts) {
    const int8_t *x = call.x(token);
    for (uint32_t block = 0, count; block < call.blocks; block += count) {
        count = call.group_at(block);
        *starts++ = Weights::bias == 0 ? 0 : Weights::bias * codes_sum(x + size_t{8} * block, 8 * count);
    }
}

// The sums of `Vectors` vectors of rows for `Tokens` tokens, starts [Tokens][groups]; the weights are read once, those of each
// tile `next` bytes from the one before, and w and scale move on to where the following tile begins.
//
// One token is bound by memory, and prefetches what it reads soon, even past the tile. (A prefetch never faults.) And it has
// two sums a row where there is room for them, as each addition waits for the one before. Several tokens, where there are
// registers enough, fetch the weights `ahead` bytes from these into the second-level cache.
template <class Weights, uint32_t Vectors, uint32_t Tokens>
inline __attribute__((always_inline)) void
block_sums(const Call &call, const int8_t *x, const int32_t *starts, size_t next, size_t next_scales,
           size_t ahead, const uint8_t *&w, const uint16_t *&scale,
           float (&out)[Tokens][Weights::Rows::tiles * Vectors][8]) {
    const bool halves = Weights::grouped && has_half_scales(call.matrix);
    using Rows = typename Weights::Rows;
    constexpr uint32_t sums = Tokens == 1 && Vectors <= 2 ? 2 : 1;
    const size_t x_stride = call.args.x_stride;
    typename Rows::Float acc[Tokens][Vectors];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Vectors; ++i) acc[t][i] = Rows::to_float(Rows::broadcast(0));
    for (uint32_t at = 0; at < call.blocks; ++starts) {
        typename Rows::Int sum[Tokens][Vectors];
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Vectors; ++i)
                sum[t][i] = Rows::broadcast(starts[size_t{call.groups} * t]);
        // With 16 registers gcc would keep these, and not the sums of the loop below.
        if (Weights::grouped && registers < 32)
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Vectors; ++i) __asm__("" : "+m"(acc[t][i]));
        for (uint32_t left = call.group_at(at); left != 0;) {
            const uint32_t count = left < Weights::segment_blocks ? left : Weights::segment_blocks;
            left -= count;
            at += count;
            typename Weights::Sum part[Tokens][Vectors][sums];
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Vectors; ++i) {
                    part[t][i][0] = Weights::open(sum[t][i]);
                    part[t][i][sums - 1] = Weights::open(sums == 1 ? sum[t][i] : Rows::broadcast(0));
                }
            for (uint32_t b = 0; b < count; ++b) {
                Weights weights[Vectors];
                typename Weights::Half half[Vectors];
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Vectors; ++i) {
                    weights[i].w = w + next * Rows::tiles * i;
                    weights[i].next = next;
                    half[i] = weights[i].low();
                }
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Rows::tiles * Vectors; ++i)
                    if (Tokens == 1)
                        _mm_prefetch(reinterpret_cast<const char *>(w + next * i + prefetch_bytes),
                                     _MM_HINT_T0);
                    else if (registers >= 32)
                        _mm_prefetch(reinterpret_cast<const char *>(w + next * i + ahead), _MM_HINT_T1);
#pragma GCC unroll 8
                for (uint32_t t = 0; t < Tokens; ++t) {
                    const typename Rows::Int codes = Rows::codes(x + x_stride * t);
#pragma GCC unroll 8
                    for (uint32_t i = 0; i < Vectors; ++i)
                        part[t][i][0] = Weights::dot(part[t][i][0], half[i], codes);
                }
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Vectors; ++i) half[i] = weights[i].high();
#pragma GCC unroll 8
                for (uint32_t t = 0; t < Tokens; ++t) {
                    const typename Rows::Int codes = Rows::codes(x + x_stride * t + 4);
#pragma GCC unroll 8
                    for (uint32_t i = 0; i < Vectors; ++i)
                        part[t][i][sums - 1] = Weights::dot(part[t][i][sums - 1], half[i], codes);
                }
                w += Weights::block_bytes;
                x += 8;
            }
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Vectors; ++i) {
                    sum[t][i] = Weights::close(sum[t][i], part[t][i][0]);
                    if (sums == 2)
                        sum[t][i] = Rows::add(sum[t][i], Weights::close(Rows::broadcast(0), part[t][i][1]));
                }
        }
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Vectors; ++i) {
            typename Rows::Float group_scale = {};
            if (Weights::grouped)
                group_scale = Rows::scales(scale + next_scales * Rows::tiles * i, next_scales, halves);
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t) {
                const typename Rows::Float value = Rows::to_float(sum[t][i]);
                acc[t][i] = Weights::grouped ? Rows::add_scaled(acc[t][i], value, group_scale) : value;
            }
        }
        if (Weights::grouped) scale += 8;
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Vectors; ++i) Rows::store(out[t][Rows::tiles * i], acc[t][i]);
}

// Blocks of tiles [tile, tile + count) and of those that lie `apart`, twice `apart`, ... after them.
//
// Not inlined: gcc then has the registers for it.
template <class Weights, uint32_t Vectors, uint32_t Tokens>
__attribute__((noinline)) void blocks_run(const Call &call, uint32_t tile, uint32_t count, uint32_t apart,
                                          uint32_t token, const int32_t *starts) {
    constexpr uint32_t tiles = Weights::Rows::tiles * Vectors;
    const size_t tile_bytes = size_t{Weights::block_bytes} * call.blocks;
    const size_t tile_scales = size_t{8} * call.groups;
    // The last tokens fetch the tiles that are next; the others have them in the cache.
    const size_t ahead = call.args.tokens - token == Tokens ? tile_bytes * tiles : 0;
    const uint8_t *w = static_cast<const uint8_t *>(call.matrix.weights) + tile_bytes * tile;
    const uint16_t *scale = Weights::grouped ? call.matrix.group_scale + tile_scales * tile : nullptr;
    for (; count != 0; --count, ++tile) {
        float out[Tokens][tiles][8];
        block_sums<Weights, Vectors, Tokens>(call, call.x(token), starts, tile_bytes * apart,
                                             tile_scales * apart, ahead, w, scale, out);
        for (uint32_t t = 0; t < Tokens; ++t)
            for (uint32_t i = 0; i < tiles; ++i)
                tile_finish(call.matrix, call.args, tile + apart * i, token + t, load(out[t][i]));
    }
}

// Tiles [tile, tile + Rows::tiles * Vectors) for tokens [token, end), `Tokens` at a time, then half as many; starts are those
// of `token`.
template <class Weights, uint32_t Vectors, uint32_t Tokens = most_tokens>
void tokens_all(const Call &call, uint32_t tile, uint32_t token, uint32_t end, const int32_t *starts) {
    for (; end - token >= Tokens; token += Tokens, starts += size_t{Tokens} * call.groups)
        blocks_run<Weights, Vectors, Tokens>(call, tile, 1, 1, token, starts);
    if constexpr (Tokens > 1) tokens_all<Weights, Vectors, Tokens / 2>(call, tile, token, end, starts);
}

// All tiles of a call for its only token. They come from memory as a few streams, each read from its beginning to its end:
// more than one, as the hardware's own prefetching begins anew at every page.
template <class Weights>
void one_token(const Call &call, const int32_t *starts) {
    constexpr uint32_t streams = registers >= 16 ? Weights::streams : 1;
    uint32_t tile = call.args.tile_begin;
    const uint32_t end = call.args.tile_end, apart = (end - tile) / streams;
    if (apart != 0) blocks_run<Weights, streams, 1>(call, tile, apart, apart, 0, starts);
    tile += streams * apart;
    if (tile != end) blocks_run<Weights, 1, 1>(call, tile, end - tile, 1, 0, starts);
}

// A vector of rows at a time, or two, and tile by tile what is left. As many tokens as there is room for starts take turns with
// the weights; if these are not all, all the tokens pass over a few tiles before the next ones.
template <class Weights, class Narrow>
void product(const Matrix &matrix, const MatmulArgs &args) {
    const uint32_t blocks = matrix.cols / 8, group_blocks = Weights::grouped ? matrix.group / 8 : blocks;
    const Call call = {matrix, args, blocks, group_blocks, blocks == 0 ? 1 : (blocks - 1) / group_blocks + 1};
    int32_t starts[max_starts];
    if (call.groups > max_starts) {  // no model has them
        table_scalar.matmul_q4(matrix, args);
        return;
    }
    if (args.tokens == 1) {
        starts_compute<Weights>(call, 0, starts);
        one_token<Narrow>(call, starts);
        return;
    }
    constexpr uint32_t vectors = registers >= 32 ? 2 : 1;
    constexpr uint32_t tiles = Weights::Rows::tiles * vectors;
    uint32_t turn = args.tokens, range = args.tile_end - args.tile_begin;
    if (args.tokens > max_starts / call.groups) {
        turn = max_starts / call.groups;
        uint32_t together = most_tokens;
        while (turn < together) together /= 2;
        turn -= turn % together;
        const uint32_t cached = static_cast<uint32_t>(cached_bytes / (size_t{Weights::block_bytes} * blocks));
        range = cached < tiles ? tiles : cached - cached % tiles;
    }
    for (uint32_t begin = args.tile_begin; begin < args.tile_end; begin += range) {
        const uint32_t end = args.tile_end - begin < range ? args.tile_end : begin + range;
        for (uint32_t token = 0; token < args.tokens; token += turn) {
            const uint32_t token_end = args.tokens - token < turn ? args.tokens : token + turn;
            for (uint32_t t = token; t < token_end; ++t)
                starts_compute<Weights>(call, t, starts + size_t{call.groups} * (t - token));
            uint32_t tile = begin;
            for (; end - tile >= tiles; tile += tiles)
                tokens_all<Weights, vectors>(call, tile, token, token_end, starts);
            for (; tile < end; ++tile) tokens_all<Narrow, 1, 4>(call, tile, token, token_end, starts);
        }
    }
}

}  // namespace

}  // namespace ADDER_SIMD
}  // namespace adder
