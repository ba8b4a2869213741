// The matrix products of every usable kernel table against the scalar ones, bit for bit, between guard pages.
// SPDX-License-Identifier: MIT
#include <type_traits>

#include "kernels/layout.h"
#include "kernels/scalar/math.h"
#include "tests/kernels/kernel_test.h"

namespace adder {
namespace {

class Matmul : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Matmul, testing::ValuesIn(built()), table_name);

struct MatmulCase {
    uint32_t tiles, cols, tokens;
    uint32_t tile_begin, tile_end;
    uint32_t x_pad, out_pad;  // elements between rows
    bool scale_per_row, bias, add;
    uint32_t group = 0;        // of int4 weights; 0: any
    bool half_scales = false;  // of int4 weights; set by chance
};

using MatmulFunction = void (*)(const Matrix &, const MatmulArgs &);

// Runs both functions on copies of the same buffers. W and X are the element types of weights and x; uint8_t: int4.
template <typename W, typename X>
void matmul_compare(MatmulFunction reference, MatmulFunction tested, const MatmulCase &c,
                    const std::vector<W> &weights, const std::vector<uint16_t> &group_scale,
                    const std::vector<X> &x, Random &random) {
    const bool scale_per_token = sizeof(X) == 1 && (random() & 1) != 0;
    SCOPED_TRACE(testing::Message() << c.tiles << " tiles x " << c.cols << " cols, " << c.tokens
                                    << " tokens, tiles " << c.tile_begin << ".." << c.tile_end << ", pads "
                                    << c.x_pad << " " << c.out_pad << ", scale_per_row " << c.scale_per_row
                                    << " bias " << c.bias << " add " << c.add << " group " << c.group
                                    << (c.half_scales ? " of halves" : "") << " scale_per_token "
                                    << scale_per_token);
    const size_t rows = size_t{8} * c.tiles;
    const uint32_t out_stride = static_cast<uint32_t>(rows) + c.out_pad;
    const std::vector<float> scale = floats_make(c.scale_per_row ? rows : 1, Pattern::random, 0.01f, random);
    const std::vector<float> bias = floats_make(rows, Pattern::random, 1.0f, random);
    const std::vector<float> before = floats_make(out_stride * c.tokens, Pattern::random, 1.0f, random);
    const std::vector<float> x_scale =
        sizeof(X) == 1 ? floats_make(scale_per_token ? c.tokens : 1, Pattern::random, 0.03f, random)
                       : std::vector<float>(1, 1.0f);
    const bool has_scale = std::is_same_v<W, int8_t>;

    auto call = [&](MatmulFunction function, Placement placement) {
        Guarded<W> w(weights, placement);
        Guarded<X> in(x, placement);
        Guarded<float> s(scale, placement), b(bias, placement), out(before, placement), xs(x_scale, placement);
        Guarded<uint16_t> gs(group_scale, placement);
        Matrix matrix{};
        matrix.weights = w.data();
        matrix.scale = has_scale ? s.data() : nullptr;
        matrix.bias = c.bias ? b.data() : nullptr;
        matrix.tiles = c.tiles;
        matrix.cols = c.cols;
        matrix.scale_per_row = c.scale_per_row;
        matrix.half_scales = c.half_scales;
        matrix.group = c.group;
        matrix.group_scale = gs.data();
        MatmulArgs args = {};
        args.tile_begin = c.tile_begin;
        args.tile_end = c.tile_end;
        args.tokens = c.tokens;
        args.x = in.data();
        args.x_stride = c.cols + c.x_pad;
        args.x_scale = xs.data();
        args.x_scale_stride = scale_per_token ? 1 : 0;
        args.out = out.data();
        args.out_stride = out_stride;
        args.add = c.add;
        function(matrix, args);
        return out.values();
    };
    const std::vector<float> expected = call(reference, Placement::at_end);
    for (Placement placement : all_placements)
        ASSERT_TRUE(same(expected, call(tested, placement))) << "placement " << static_cast<int>(placement);
    for (size_t i = 0; i < expected.size(); ++i) {
        const size_t row = i % out_stride;
        if (row < 8 * c.tile_begin || row >= 8 * c.tile_end) {
            ASSERT_TRUE(same(before[i], expected[i])) << "touched outside of its rows, element " << i;
        }
    }
}

template <typename W, typename X>
void matmul_case(MatmulFunction reference, MatmulFunction tested, MatmulCase c, Pattern wp, Pattern xp,
                 Random &random) {
    const size_t weight_count = size_t{8} * c.tiles * c.cols;
    // The last row of x ends with its last column: no padding is promised after it.
    const size_t x_count = c.tokens == 0 ? 0 : size_t{c.cols + c.x_pad} * (c.tokens - 1) + c.cols;
    std::vector<W> weights;
    std::vector<uint16_t> group_scale;
    std::vector<X> x;
    if constexpr (std::is_same_v<W, uint8_t>) {
        const uint32_t groups[] = {8, 16, 24, 32, 40, 64, 72, 96, 128, 136, c.cols, c.cols + 8};
        if (c.group == 0) c.group = groups[below(sizeof groups / sizeof groups[0], random)];
        weights = nibbles_make(weight_count / 2, wp, random);
        const size_t count = 8 * c.tiles * group_count(c.cols, c.group);
        c.half_scales = (random() & 1) != 0 && !halves_are_flushed();
        for (float scale : floats_make(count, wp == Pattern::special ? wp : Pattern::random, 0.1f, random)) {
            if (!c.half_scales)
                group_scale.push_back(static_cast<uint16_t>(float_bits(scale) >> 16));
            else if (below(4, random) == 0)  // a subnormal
                group_scale.push_back(static_cast<uint16_t>(random() & 0x83ff));
            else
                group_scale.push_back(f32_f16(scale));
        }
    } else if constexpr (sizeof(W) == 1)
        weights = codes_make(weight_count, wp, -128, random);
    else
        weights = floats_make(weight_count, wp, 0.1f, random);
    if constexpr (sizeof(X) == 1)
        x = codes_make(x_count, xp, -127, random);
    else
        x = floats_make(x_count, xp, 1.0f, random);
    matmul_compare<W, X>(reference, tested, c, weights, group_scale, x, random);
}

template <typename W, typename X>
void matmul_all(MatmulFunction reference, MatmulFunction tested, bool emulated, Random &random) {
    test::Sample sample(5);
    // Every pattern of weights with every pattern of x.
    for (Pattern wp : all_patterns)
        for (Pattern xp : all_patterns)
            for (uint32_t tokens : {1u, 6u})
                if (sample.takes())
                    matmul_case<W, X>(reference, tested, {3, 72, tokens, 0, 3, 0, 0, true, true, false}, wp,
                                      xp, random);
    // Shapes: all remainders of the blocking, up to the longest rows.
    for (uint32_t tiles = 1; tiles <= 9; ++tiles) {
        for (uint32_t tokens : {0u, 1u, 2u, 3u, 4u, 5u, 7u, 8u, 13u}) {
            const uint32_t cols = 8 * (1 + below(75, random));
            const MatmulCase c = {tiles,
                                  cols,
                                  tokens,
                                  0,
                                  tiles,
                                  below(3, random),
                                  below(20, random),
                                  (random() & 1) != 0,
                                  (random() & 1) != 0,
                                  (random() & 1) != 0};
            matmul_case<W, X>(reference, tested, c, Pattern::random, Pattern::random, random);
        }
    }
    for (uint32_t cols = 8; cols <= 600; cols += 8)
        matmul_case<W, X>(reference, tested,
                          {2, cols, 1 + cols / 8 % 5, 0, 2, 0, 0, true, false, cols % 16 == 0},
                          Pattern::random, Pattern::random, random);
    for (uint32_t tokens = 1; tokens <= (emulated ? 12u : 70u); ++tokens)
        if (tokens <= 12 || sample.takes())
            matmul_case<W, X>(reference, tested, {5, 40, tokens, 0, 5, 1, 3, false, true, true},
                              Pattern::random, Pattern::random, random);
    // Ranges of tiles, as threads take them.
    for (uint32_t begin = 0; begin <= 7; ++begin)
        for (uint32_t end = begin; end <= 7; ++end)
            for (uint32_t tokens : {1u, 5u})
                if (sample.takes())
                    matmul_case<W, X>(reference, tested, {7, 24, tokens, begin, end, 4, 8, true, true, true},
                                      Pattern::random, Pattern::random, random);
    if (emulated) return;
    // The matrices of a real model: in_proj, x_proj, dt_proj, out_proj, head.
    const uint32_t shapes[][2] = {{192, 384}, {7, 768}, {96, 24}, {48, 768}, {512, 384}};
    for (const auto &shape : shapes)
        for (uint32_t tokens : {1u, 3u})
            matmul_case<W, X>(reference, tested,
                              {shape[0], shape[1], tokens, 0, shape[0], 0, 0, true, true, false},
                              Pattern::random, Pattern::random, random);
}

TEST_P(Matmul, Q8) { matmul_all<int8_t, int8_t>(scalar().matmul_q8, table().matmul_q8, emulated(), random); }
TEST_P(Matmul, Q8F32) {
    matmul_all<int8_t, float>(scalar().matmul_q8_f32, table().matmul_q8_f32, emulated(), random);
}
TEST_P(Matmul, F32) { matmul_all<float, float>(scalar().matmul_f32, table().matmul_f32, emulated(), random); }

TEST_P(Matmul, Q4) { matmul_all<uint8_t, int8_t>(scalar().matmul_q4, table().matmul_q4, emulated(), random); }
TEST_P(Matmul, Q4F32) {
    matmul_all<uint8_t, float>(scalar().matmul_q4_f32, table().matmul_q4_f32, emulated(), random);
}

// Groups and rows of every length, and the ends of the codes: the sums of a segment reach those of int16.
TEST_P(Matmul, Q4Groups) {
    test::Sample sample(5);
    for (uint32_t cols = 8; cols <= 280; cols += 8) {
        for (uint32_t group = 8; group <= cols; group += 8) {
            if (!sample.takes()) continue;
            const uint32_t tokens = 1 + below(9, random), tiles = 1 + below(7, random);
            const MatmulCase c = {tiles, cols,  tokens, 0,     tiles, below(3, random),
                                  0,     false, false,  false, group};
            const Pattern wp = all_patterns[below(6, random)], xp = all_patterns[below(6, random)];
            matmul_case<uint8_t, int8_t>(scalar().matmul_q4, table().matmul_q4, c, wp, xp, random);
            matmul_case<uint8_t, float>(scalar().matmul_q4_f32, table().matmul_q4_f32, c, wp, xp, random);
        }
    }
    if (emulated()) return;
    // Rows so long that fewer tokens run side by side, and more tiles than the second-level cache holds.
    for (uint32_t group : {8u, 32u, 64u, 1u << 15})
        for (uint32_t tokens : {1u, 7u})
            matmul_case<uint8_t, int8_t>(scalar().matmul_q4, table().matmul_q4,
                                         {3, (1u << 15) - 8, tokens, 0, 3, 0, 0, false, false, false, group},
                                         Pattern::random, Pattern::special, random);
    matmul_case<uint8_t, int8_t>(scalar().matmul_q4, table().matmul_q4,
                                 {131, 512, 9, 2, 130, 0, 0, false, true, true, 32}, Pattern::random,
                                 Pattern::random, random);
}

// One tile and token, several tiles of a token, and several tokens: as kernels take them side by side.
struct Block {
    uint32_t tiles, tokens;
};
constexpr Block blocks[] = {{1, 1}, {7, 1}, {5, 13}};

TEST_P(Matmul, Q4LongestSum) {
    const uint32_t cols = emulated() ? 1u << 11 : 1u << 17;
    test::Sample sample(7);
    for (Pattern wp : {Pattern::max, Pattern::min})
        for (Pattern xp : {Pattern::max, Pattern::min})
            for (uint32_t group : {8u, 32u, 256u, cols})
                for (const Block &block : blocks) {
                    if (!sample.takes()) continue;
                    matmul_case<uint8_t, int8_t>(
                        scalar().matmul_q4, table().matmul_q4,
                        {block.tiles, cols, block.tokens, 0, block.tiles, 0, 0, false, false, false, group},
                        wp, xp, random);
                }
}

// The longest sum that the format allows, at its extremes.
TEST_P(Matmul, Q8LongestSum) {
    const uint32_t cols = emulated() ? 1u << 11 : 1u << 17;
    test::Sample sample(2);
    for (Pattern wp : {Pattern::max, Pattern::min})
        for (Pattern xp : {Pattern::max, Pattern::min})
            for (const Block &block : blocks) {
                if (!sample.takes()) continue;
                matmul_case<int8_t, int8_t>(
                    scalar().matmul_q8, table().matmul_q8,
                    {block.tiles, cols, block.tokens, 0, block.tiles, 0, 0, true, false, false}, wp, xp,
                    random);
            }
}

// Many tokens: rows so long that fewer of them run side by side, and more tiles than the second-level cache holds.
TEST_P(Matmul, Q8ManyTokens) {
    for (uint32_t cols : {2040u, 2048u, 2056u, 4096u, 4104u})
        matmul_case<int8_t, int8_t>(scalar().matmul_q8, table().matmul_q8,
                                    {2, cols, 15, 0, 2, 1, 0, true, true, false}, Pattern::random,
                                    Pattern::special, random);
    matmul_case<int8_t, int8_t>(scalar().matmul_q8, table().matmul_q8,
                                {40, 1544, 8, 1, 40, 0, 0, true, false, true}, Pattern::random,
                                Pattern::random, random);
    for (uint32_t tokens : {16u, 31u})
        matmul_case<int8_t, int8_t>(scalar().matmul_q8, table().matmul_q8,
                                    {131, 512, tokens, 2, 130, 0, 0, true, true, true}, Pattern::random,
                                    Pattern::random, random);
}

}  // namespace
}  // namespace adder
