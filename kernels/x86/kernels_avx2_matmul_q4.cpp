// int4 weights times int8 activations, AVX2.
// SPDX-License-Identifier: MIT
//
// weights [tiles][cols/8][8 rows][4 bytes]: 32 bytes hold 8 columns of 8 rows, columns 0..3 in the low bits and 4..7 in
// the high ones, so a 4-byte load of x, broadcast, meets all rows at once. maddubs takes the nibbles as they are,
// unsigned, code + 8; a pair is at most 2 * 15 * 127 and does not saturate. Pairs are summed in int16 over a segment of
// up to 8 blocks (64 columns), starting from -8 times the sum of the lane's x, so that at any point the sum is code * x
// of the columns that are done less 8 * x of the others: of 32 columns a lane, at most 8 * 127 * 32 < 2^15. A group is
// one or more segments.
//
// The starts are the same for all rows: they are computed once for a token, and kept on the stack.
#if defined(__AVX2__)

#include "kernels/layout.h"
#include "kernels/tables.h"
#include "kernels/x86/kernels_avx2.h"
#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/simd/matmul.h"

namespace adder {
namespace avx2 {

namespace {

constexpr uint32_t segment_blocks = 8;
constexpr size_t max_starts = 4096;  // on the stack: 16 KiB
constexpr size_t cached_bytes =
    1 << 17;  // weights that all tokens use before the next ones are read: they stay in L2

inline __m256i four_codes(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

// Keeps gcc from loading v twice, and from a sum of all products at once, for which it has not the registers.
inline void pin(__m256i &v) { __asm__("" : "+x"(v)); }

inline __m256i load(const uint8_t *w) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(w)); }

// How a row falls into groups and segments.
struct Split {
    explicit Split(const Matrix &matrix)
        : blocks(matrix.cols / 8), group_blocks(matrix.group / 8),
          groups(group_count(matrix.cols, matrix.group)) {}
    // Blocks of the group that begins at `block`.
    uint32_t group_at(uint32_t block) const {
        return blocks - block < group_blocks ? blocks - block : group_blocks;
    }
    size_t segments() const {
        return groups * ((group_at(0) + segment_blocks - 1) / segment_blocks);
    }  // or fewer

    uint32_t blocks, group_blocks;
    size_t groups;
};

// Where a segment's sums start: -8 times the sum of x, for columns 0, 1 mod 4 in the lower int16, 2, 3 in the upper.
uint32_t segment_start(const int8_t *x, uint32_t blocks) {
    __m128i sum = _mm_setzero_si128();
    for (uint32_t b = 0; b < blocks; ++b) {
        const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(x + 8 * b));
        sum = _mm_sub_epi16(sum, _mm_maddubs_epi16(_mm_set1_epi8(8), codes));
    }
    sum = _mm_add_epi16(sum, _mm_srli_epi64(sum, 32));
    return static_cast<uint32_t>(_mm_cvtsi128_si32(sum));
}

// The starts of all segments of x, in order.
void starts_compute(const Split &split, const int8_t *x, uint32_t *starts) {
    for (uint32_t block = 0; block < split.blocks;) {
        for (uint32_t left = split.group_at(block); left != 0;) {
            const uint32_t count = left < segment_blocks ? left : segment_blocks;
            *starts++ = segment_start(x + 8 * block, count);
            block += count;
            left -= count;
        }
    }
}

// The sums of one segment for one tile and one token, as int32. The weights stream from memory as one sequence, fetched
// ahead past the tile's end into the next one. (A prefetch never faults.)
inline __m256i segment_stream(const uint8_t *w, const int8_t *x, uint32_t blocks, uint32_t start) {
    constexpr size_t prefetch_bytes = 4096;
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_set1_epi32(static_cast<int32_t>(start)), high = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (uint32_t b = 0; b < blocks; ++b) {
        __m256i both = load(w + 32 * b);
        pin(both);
        if (b % 2 == 0)
            _mm_prefetch(reinterpret_cast<const char *>(w + 32 * b + prefetch_bytes), _MM_HINT_T0);
        const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        low = _mm256_add_epi16(low,
                               _mm256_maddubs_epi16(_mm256_and_si256(both, nibble), four_codes(x + 8 * b)));
        high = _mm256_add_epi16(high, _mm256_maddubs_epi16(upper, four_codes(x + 8 * b + 4)));
        pin(low);
        pin(high);
    }
    return _mm256_madd_epi16(_mm256_add_epi16(low, high), _mm256_set1_epi16(1));
}

// One tile for one token. One, not two side by side: two share x and are faster from the cache, by a fifth, but from
// memory they are two streams, and that is slower by half.
void stream(const Matrix &matrix, const MatmulArgs &args, const Split &split, uint32_t tile, uint32_t token,
            const uint32_t *starts) {
    const uint8_t *w = static_cast<const uint8_t *>(matrix.weights) + size_t{4} * matrix.cols * tile;
    const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * token;
    const uint16_t *scale = matrix.group_scale + 8 * split.groups * tile;
    __m256 acc = _mm256_setzero_ps();
    for (uint32_t block = 0; block < split.blocks; scale += 8) {
        uint32_t left = split.group_at(block);
        block += left;
        __m256i sum = _mm256_setzero_si256();
        for (; left >= 8; left -= 8, w += 256, x += 64)
            sum = _mm256_add_epi32(sum, segment_stream(w, x, 8, *starts++));
        if (left == 4)
            sum = _mm256_add_epi32(sum, segment_stream(w, x, 4, *starts++));
        else if (left != 0)
            sum = _mm256_add_epi32(sum, segment_stream(w, x, left, *starts++));
        w += size_t{32} * left;
        x += size_t{8} * left;
        acc = _mm256_add_ps(acc, _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scales_load(scale)));
    }
    tile_finish(matrix, args, tile, token, acc);
}

// `Tiles` tiles for `Tokens` tokens; the weights are read once. starts [Tokens][segments].
template <uint32_t Tiles, uint32_t Tokens>
void block(const Matrix &matrix, const MatmulArgs &args, const Split &split, uint32_t tile, uint32_t token,
           const uint32_t *starts) {
    const size_t tile_bytes = size_t{4} * matrix.cols;
    const size_t segments = split.segments();
    const uint8_t *w = static_cast<const uint8_t *>(matrix.weights) + tile_bytes * tile;
    const int8_t *x = static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * token;
    const uint16_t *scale = matrix.group_scale + 8 * split.groups * tile;
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 acc[Tokens][Tiles];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) acc[t][i] = _mm256_setzero_ps();
    for (uint32_t at = 0; at < split.blocks; scale += 8) {
        __m256i sum[Tokens][Tiles];
#pragma GCC unroll 8
        for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
            for (uint32_t i = 0; i < Tiles; ++i) sum[t][i] = _mm256_setzero_si256();
        for (uint32_t left = split.group_at(at); left != 0;) {
            const uint32_t count = left < segment_blocks ? left : segment_blocks;
            __m256i pairs[Tokens][Tiles];
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Tiles; ++i)
                    pairs[t][i] = _mm256_set1_epi32(static_cast<int32_t>(starts[segments * t]));
            for (uint32_t b = 0; b < count; ++b, w += 32, x += 8) {
                __m256i both[Tiles], part[Tiles];
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Tiles; ++i) {
                    both[i] = load(w + tile_bytes * i);
                    pin(both[i]);
                    part[i] = _mm256_and_si256(both[i], nibble);
                }
#pragma GCC unroll 8
                for (uint32_t t = 0; t < Tokens; ++t) {
                    const __m256i codes = four_codes(x + size_t{args.x_stride} * t);
#pragma GCC unroll 8
                    for (uint32_t i = 0; i < Tiles; ++i)
                        pairs[t][i] = _mm256_add_epi16(pairs[t][i], _mm256_maddubs_epi16(part[i], codes));
                }
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Tiles; ++i)
                    part[i] = _mm256_and_si256(_mm256_srli_epi16(both[i], 4), nibble);
#pragma GCC unroll 8
                for (uint32_t t = 0; t < Tokens; ++t) {
                    const __m256i codes = four_codes(x + size_t{args.x_stride} * t + 4);
#pragma GCC unroll 8
                    for (uint32_t i = 0; i < Tiles; ++i)
                        pairs[t][i] = _mm256_add_epi16(pairs[t][i], _mm256_maddubs_epi16(part[i], codes));
                }
            }
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
                for (uint32_t i = 0; i < Tiles; ++i)
                    sum[t][i] = _mm256_add_epi32(sum[t][i], _mm256_madd_epi16(pairs[t][i], ones));
            ++starts;
            at += count;
            left -= count;
        }
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) {
            const __m256 row_scale = scales_load(scale + 8 * split.groups * i);
#pragma GCC unroll 8
            for (uint32_t t = 0; t < Tokens; ++t)
                acc[t][i] = _mm256_add_ps(acc[t][i], _mm256_mul_ps(_mm256_cvtepi32_ps(sum[t][i]), row_scale));
        }
    }
    float sums[Tokens][Tiles][8];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i) _mm256_storeu_ps(sums[t][i], acc[t][i]);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < Tokens; ++t)
#pragma GCC unroll 8
        for (uint32_t i = 0; i < Tiles; ++i)
            tile_finish(matrix, args, tile + i, token + t, _mm256_loadu_ps(sums[t][i]));
}

// `Tokens` tokens for the tiles from begin to end.
template <uint32_t Tokens>
void tiles_all(const Matrix &matrix, const MatmulArgs &args, const Split &split, uint32_t begin, uint32_t end,
               uint32_t token, uint32_t *starts) {
    for (uint32_t t = 0; t < Tokens; ++t)
        starts_compute(split, static_cast<const int8_t *>(args.x) + size_t{args.x_stride} * (token + t),
                       starts + split.segments() * t);
    uint32_t tile = begin;
    if (Tokens == 1) {
        for (; tile < end; ++tile) stream(matrix, args, split, tile, token, starts);
        return;
    }
    for (; end - tile >= 2; tile += 2) block<2, Tokens>(matrix, args, split, tile, token, starts);
    if (tile < end) block<1, Tokens>(matrix, args, split, tile, token, starts);
}

}  // namespace

void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    const Split split(matrix);
    uint32_t starts[max_starts];
    const size_t segments = split.segments();
    if (segments > max_starts) {  // groups below 64 in rows beyond 2^15 columns: no model has them
        table_scalar.matmul_q4(matrix, args);
        return;
    }
    const size_t tile_bytes = size_t{4} * matrix.cols;
    const size_t fitting = cached_bytes / tile_bytes;
    const uint32_t step = args.tokens == 1 ? matrix.tiles
                          : fitting < 2    ? 2
                                           : static_cast<uint32_t>(fitting & ~size_t{1});
    for (uint32_t begin = args.tile_begin, end; begin < args.tile_end; begin = end) {
        end = args.tile_end - begin > step ? begin + step : args.tile_end;
        uint32_t token = 0;
        for (; 4 * segments <= max_starts && args.tokens - token >= 4; token += 4)
            tiles_all<4>(matrix, args, split, begin, end, token, starts);
        for (; 2 * segments <= max_starts && args.tokens - token >= 2; token += 2)
            tiles_all<2>(matrix, args, split, begin, end, token, starts);
        for (; token < args.tokens; ++token) tiles_all<1>(matrix, args, split, begin, end, token, starts);
    }
}

}  // namespace avx2
}  // namespace adder

#endif  // __AVX2__
