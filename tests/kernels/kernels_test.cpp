// The kernels of vectors and channels, in every usable table, against the scalar one: bit for bit, between guard pages.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "tests/kernels/kernel_test.h"

namespace adder {
namespace {

class Kernels : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Kernels, testing::ValuesIn(built()), table_name);

constexpr float limits[] = {127.0f, 7.0f};  // codes of 8 and of 4 bits

// ---- Vectors ------------------------------------------------------------------------------------

TEST_P(Kernels, Rmsnorm) {
    for (uint32_t d_model = 1; d_model <= 1100; d_model += d_model < 70 ? 1 : 103) {
        const uint32_t n = round_up_to_tile(d_model);
        for (Pattern pattern : all_patterns) {
            std::vector<float> r = floats_make(n, pattern, 3.0f, random);
            std::fill(r.begin() + d_model, r.end(), 0.0f);
            const std::vector<float> weight = floats_make(n, Pattern::random, 1.0f, random);
            auto call = [&](const KernelTable &kernels, Placement placement, bool in_place) {
                Guarded<float> in(r, placement), w(weight, placement),
                    out(std::vector<float>(n, 7.0f), placement);
                kernels.rmsnorm(in.data(), w.data(), n, d_model, 1e-5f, in_place ? in.data() : out.data());
                return in_place ? in.values() : out.values();
            };
            const std::vector<float> expected = call(scalar(), Placement::at_end, false);
            for (Placement placement : all_placements) {
                ASSERT_TRUE(same(expected, call(table(), placement, false))) << "d_model " << d_model;
                ASSERT_TRUE(same(expected, call(table(), placement, true))) << "in place, d_model " << d_model;
            }
        }
    }
}

TEST_P(Kernels, RmsnormQuantize) {
    for (uint32_t d_model = 1; d_model <= 1100; d_model += d_model < 70 ? 1 : 103) {
        const uint32_t n = round_up_to_tile(d_model);
        for (Pattern pattern : all_patterns) {
            std::vector<float> r = floats_make(n, pattern, 3.0f, random);
            std::fill(r.begin() + d_model, r.end(), 0.0f);
            const std::vector<float> weight = floats_make(n, Pattern::random, 1.0f, random);
            const float limit = limits[d_model % 2];
            std::vector<float> floats(n);
            std::vector<int8_t> expected(n);
            scalar().rmsnorm(r.data(), weight.data(), n, d_model, 1e-5f, floats.data());
            scalar().quantize(floats.data(), n, 50.0f, limit, expected.data());
            for (Placement placement : all_placements) {
                Guarded<float> in(r, placement), w(weight, placement);
                Guarded<int8_t> out(std::vector<int8_t>(n, 99), placement);
                table().rmsnorm_quantize(in.data(), w.data(), n, d_model, 1e-5f, 50.0f, limit, out.data());
                ASSERT_TRUE(same(expected, out.values())) << "d_model " << d_model;
            }
        }
    }
}

// The order of the three products shows where the last is within a bit of a half: the weights see to that.
TEST_P(Kernels, RmsnormQuantizeKeepsTheOrderOfProducts) {
    constexpr uint32_t n = 1024;
    constexpr float multiplier = 47.3f;
    const std::vector<float> r = floats_make(n, Pattern::random, 3.0f, random), ones(n, 1.0f);
    std::vector<float> weight(n), floats(n);
    scalar().rmsnorm(r.data(), ones.data(), n, n, 1e-5f, weight.data());
    for (float &w : weight) w = (static_cast<float>(below(200, random)) - 99.5f) / (w * multiplier);
    std::vector<int8_t> expected(n), actual(n);
    scalar().rmsnorm(r.data(), weight.data(), n, n, 1e-5f, floats.data());
    scalar().quantize(floats.data(), n, multiplier, 127.0f, expected.data());
    table().rmsnorm_quantize(r.data(), weight.data(), n, n, 1e-5f, multiplier, 127.0f, actual.data());
    EXPECT_TRUE(same(expected, actual));
}

// v's own scale, and its codes.
struct Dynamic {
    float scale;
    std::vector<int8_t> codes;
};

Dynamic dynamic_run(const KernelTable &kernels, const std::vector<float> &v, float limit, Placement placement) {
    Guarded<float> in(v, placement);
    Guarded<int8_t> out(std::vector<int8_t>(v.size(), 99), placement);
    const float scale =
        kernels.quantize_dynamic(in.data(), static_cast<uint32_t>(v.size()), limit, out.data());
    return {scale, out.values()};
}

TEST_P(Kernels, QuantizeDynamic) {
    for (uint32_t n = 0; n <= 600; n += 8) {
        for (Pattern pattern : all_patterns) {
            for (float spread : {1.0f, 1e-30f, 1e-36f, 1e-38f, 1e30f}) {
                const std::vector<float> v = floats_make(n, pattern, spread, random);
                const float limit = limits[n / 8 % 2];
                const Dynamic expected = dynamic_run(scalar(), v, limit, Placement::at_end);
                ASSERT_TRUE(std::isnormal(expected.scale) && expected.scale > 0);
                for (Placement placement : all_placements) {
                    const Dynamic actual = dynamic_run(table(), v, limit, placement);
                    ASSERT_TRUE(same(expected.scale, actual.scale)) << "n " << n << ", spread " << spread;
                    ASSERT_TRUE(same(expected.codes, actual.codes)) << "n " << n << ", spread " << spread;
                }
            }
        }
    }
}

// The largest magnitude counts wherever it stands, also among NaNs in its lane, and is code 127 or -127.
TEST_P(Kernels, QuantizeDynamicFindsTheLargest) {
    for (uint32_t n : {8u, 64u, 104u}) {
        for (uint32_t at = 0; at < n; ++at) {
            std::vector<float> v = floats_make(n, Pattern::random, 0.1f, random);
            for (uint32_t i = at % 8; i < n; i += 8) v[i] = std::numeric_limits<float>::quiet_NaN();
            v[at] = at % 2 == 0 ? 10.0f : -10.0f;
            v[(at + 1) % n] = 0.0f;
            const Dynamic actual = dynamic_run(table(), v, 127.0f, Placement::at_end);
            ASSERT_EQ(10.0f / 127.0f, actual.scale);
            ASSERT_EQ(at % 2 == 0 ? 127 : -127, actual.codes[at]);
            ASSERT_EQ(0, actual.codes[(at + 1) % n]);
        }
    }
}

TEST_P(Kernels, QuantizeDynamicOfFourBits) {
    const std::vector<float> v = {
        -14.0f, 13.5f, 3.0f, 5.0f, 1.0f, -1.1f, std::numeric_limits<float>::quiet_NaN(), 0.0f};
    const Dynamic actual = dynamic_run(table(), v, 7.0f, Placement::at_end);
    EXPECT_EQ(2.0f, actual.scale);
    EXPECT_TRUE(same({-7, 7, 2, 2, 0, -1, 7, 0}, actual.codes));
}

TEST_P(Kernels, QuantizeDynamicEnds) {
    const float infinity = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const struct {
        float v[3], scale;
        int codes[3];
    } cases[] = {
        {{0.0f, -0.0f, 0.0f}, 1.0f, {0, 0, 0}},
        {{1e-40f, -1e-45f, 1e-37f}, 1.0f, {0, 0, 0}},
        {{0x1.fffffep-120f, 0.0f, 0.0f}, 1.0f, {0, 0, 0}},
        {{0x1p-119f, -0x1p-119f, 0.0f}, 0x1p-119f / 127.0f, {127, -127, 0}},
        {{most, -most, 1.0f}, most / 127.0f, {127, -127, 0}},
        {{infinity, -infinity, -most}, most / 127.0f, {127, -127, -127}},
        {{nan, -2.0f, 1.0f}, 2.0f / 127.0f, {127, -127, 64}},  // 63.5 to even
        {{2.0f, nan, 0.0f}, 2.0f / 127.0f, {127, 127, 0}},
        {{nan, nan, 0.0f}, 1.0f, {127, 127, 0}},
    };
    for (const auto &c : cases) {
        for (size_t first : {0u, 29u, 37u}) {  // with 8, 32 and 40 elements: in every part of the loops
            std::vector<float> v(round_up_to_tile(static_cast<uint32_t>(first) + 3), 0.0f);
            std::copy(c.v, c.v + 3, v.begin() + static_cast<ptrdiff_t>(first));
            const Dynamic actual = dynamic_run(table(), v, 127.0f, Placement::at_end);
            EXPECT_EQ(c.scale, actual.scale) << c.v[0];
            for (size_t i = 0; i < 3; ++i)
                EXPECT_EQ(c.codes[i], actual.codes[first + i]) << c.v[0] << ", element " << i;
        }
    }
}

TEST_P(Kernels, HadamardQuantize) {
    for (uint32_t n = 0; n <= 1536; n += n < 320 ? 64 : 192) {
        for (Pattern pattern : all_patterns) {
            for (Pattern factor_pattern : all_patterns) {
                const std::vector<float> v = floats_make(n, pattern, 3.0f, random);
                const std::vector<float> factors = floats_make(n, factor_pattern, 0.5f, random);
                auto call = [&](const KernelTable &kernels, Placement placement) {
                    Guarded<float> in(v, placement), f(factors, placement);
                    Guarded<int8_t> out(std::vector<int8_t>(n, 99), placement);
                    kernels.hadamard_quantize(in.data(), f.data(), n, 3.0f, limits[n / 64 % 2], out.data());
                    return out.values();
                };
                const std::vector<int8_t> expected = call(scalar(), Placement::at_end);
                for (Placement placement : all_placements)
                    ASSERT_TRUE(same(expected, call(table(), placement))) << "n " << n;
            }
        }
    }
}

// The order of the stages shows in the last bits alone, which codes seldom keep: cancel all but those. Elements of two
// magnitudes, 2^24 apart, meet in every pair of stages.
TEST_P(Kernels, HadamardQuantizeKeepsTheOrderOfStages) {
    for (int round = 0; round < 2000; ++round) {
        std::vector<float> v = floats_make(64, Pattern::random, 20.0f, random);
        for (float &f : v)
            if ((random() & 1) != 0) f = (random() & 1) != 0 ? 0x1p+27f : -0x1p+27f;
        const std::vector<float> factors(64, 1.0f);
        std::vector<int8_t> expected(64), actual(64);
        scalar().hadamard_quantize(v.data(), factors.data(), 64, 0.25f, 127.0f, expected.data());
        table().hadamard_quantize(v.data(), factors.data(), 64, 0.25f, 127.0f, actual.data());
        ASSERT_TRUE(same(expected, actual));
    }
}

TEST_P(Kernels, Quantize) {
    for (uint32_t n = 0; n <= 600; n += 8) {
        for (Pattern pattern : all_patterns) {
            for (float multiplier : {1.0f, 0.5f, 40.0f, 1e30f}) {
                std::vector<float> v = floats_make(n, pattern, 50.0f, random);
                for (size_t i = 0; i + 3 < v.size() && pattern == Pattern::random; i += 4)
                    v[i] = static_cast<float>(static_cast<int>(random() % 520) - 260) * 0.5f;  // halves
                auto call = [&](const KernelTable &kernels, Placement placement) {
                    Guarded<float> in(v, placement);
                    Guarded<int8_t> out(std::vector<int8_t>(n, 99), placement);
                    kernels.quantize(in.data(), n, multiplier, limits[n / 8 % 2], out.data());
                    return out.values();
                };
                const std::vector<int8_t> expected = call(scalar(), Placement::at_end);
                for (Placement placement : all_placements)
                    ASSERT_TRUE(same(expected, call(table(), placement))) << "n " << n;
            }
        }
    }
}

// ---- Convolution --------------------------------------------------------------------------------

// Of rows of `stride` elements only the case's tiles may have changed, and those only if they are written.
template <typename T, typename Case>
void expect_untouched(const std::vector<T> &before, const std::vector<T> &after, size_t stride, const Case &c,
                      bool written) {
    for (size_t i = 0; i < before.size(); ++i) {
        const size_t channel = i % stride;
        if (!written || channel < 8 * c.tile_begin || channel >= 8 * c.tile_end) {
            ASSERT_TRUE(same(before[i], after[i])) << "touched outside of its channels";
        }
    }
}

struct ConvCase {
    uint32_t tiles, d_conv, tokens;
    uint32_t tile_begin, tile_end;
    uint32_t x_pad, codes_pad;
    bool codes;
    Pattern pattern;
};

struct ConvData {
    std::vector<float> weight, bias, state, x, multipliers;  // no multipliers: one for all
    std::vector<int8_t> codes;
};

// Calls conv_silu over the chunk in pieces of `piece` tokens.
ConvData conv_run(const KernelTable &kernels, const ConvCase &c, const ConvData &data, Placement placement,
                  uint32_t piece) {
    Guarded<float> weight(data.weight, placement), bias(data.bias, placement), state(data.state, placement),
        x(data.x, placement), multipliers(data.multipliers, placement);
    Guarded<int8_t> codes(data.codes, placement);
    ConvArgs args = {};
    args.tile_begin = c.tile_begin;
    args.tile_end = c.tile_end;
    args.d_conv = c.d_conv;
    args.weight = weight.data();
    args.bias = bias.data();
    args.state = state.data();
    args.x_stride = 8 * c.tiles + c.x_pad;
    args.codes_stride = 8 * c.tiles + c.codes_pad;
    args.multipliers = multipliers.data();
    args.limit = limits[c.tokens % 2];
    for (uint32_t t = 0; t < c.tokens; t += piece) {
        args.tokens = std::min(piece, c.tokens - t);
        args.x = x.data() + size_t{args.x_stride} * t;
        args.codes = c.codes ? codes.data() + size_t{args.codes_stride} * t : nullptr;
        kernels.conv_silu(args);
    }
    return {weight.values(), bias.values(), state.values(), x.values(), data.multipliers, codes.values()};
}

void conv_check(const KernelTable &kernels, const ConvCase &c, Random &random) {
    SCOPED_TRACE(testing::Message() << c.tiles << " tiles, d_conv " << c.d_conv << ", " << c.tokens
                                    << " tokens, tiles " << c.tile_begin << ".." << c.tile_end << ", codes "
                                    << c.codes << ", pattern " << static_cast<int>(c.pattern));
    const uint32_t channels = 8 * c.tiles;
    ConvData data;
    data.weight = floats_make(size_t{channels} * c.d_conv, Pattern::random, 0.7f, random);
    data.bias = floats_make(channels, Pattern::random, 0.3f, random);
    data.state = floats_make(size_t{channels} * (c.d_conv - 1), c.pattern, 2.0f, random);
    data.x = floats_make(size_t{channels + c.x_pad} * (c.tokens - 1) + channels, c.pattern, 2.0f, random);
    data.multipliers = floats_make(channels, Pattern::random, 30.0f, random);
    data.codes.assign(size_t{channels + c.codes_pad} * (c.tokens - 1) + channels, 99);
    const ConvData expected = conv_run(scalar(), c, data, Placement::at_end, c.tokens);
    for (uint32_t piece : {c.tokens, 1u, 3u}) {
        for (Placement placement : all_placements) {
            const ConvData actual = conv_run(kernels, c, data, placement, piece);
            ASSERT_TRUE(same(expected.x, actual.x)) << "x, pieces of " << piece;
            ASSERT_TRUE(same(expected.state, actual.state)) << "state, pieces of " << piece;
            ASSERT_TRUE(same(expected.codes, actual.codes)) << "codes, pieces of " << piece;
            ASSERT_TRUE(same(data.weight, actual.weight) && same(data.bias, actual.bias));
        }
    }
    expect_untouched(data.x, expected.x, channels + c.x_pad, c, true);
    expect_untouched(data.codes, expected.codes, channels + c.codes_pad, c, c.codes);
}

TEST_P(Kernels, ConvSilu) {
    test::Sample sample(5);
    for (uint32_t d_conv = 1; d_conv <= 5; ++d_conv)
        for (Pattern pattern : all_patterns)
            for (uint32_t tokens : {1u, 2u, 3u, 4u, 5u, 9u})
                for (bool codes : {false, true})
                    if (sample.takes())
                        conv_check(table(),
                                   {3, d_conv, tokens, 0, 3, tokens % 3 * 24, tokens % 2 * 8, codes, pattern},
                                   random);
    for (uint32_t begin = 0; begin <= 5; ++begin)
        for (uint32_t end = begin; end <= 5; ++end)
            conv_check(table(), {5, 4, 6, begin, end, 40, 0, true, Pattern::random}, random);
    for (uint32_t tokens : {1u, 17u, 64u, 70u})
        conv_check(table(), {96, 4, tokens, 0, 96, 768, 0, true, Pattern::random}, random);
}

// ---- Scan ---------------------------------------------------------------------------------------

struct ScanCase {
    uint32_t tiles, d_state, tokens;
    uint32_t tile_begin, tile_end;
    uint32_t dt_pad, uz_pad, bc_pad, codes_pad;
    bool codes;
    Pattern pattern;
};

struct ScanData {
    std::vector<float> A2, D, state, dt, u, z, B, C, multipliers;  // no multipliers: one for all
    std::vector<int8_t> codes;
};

ScanData scan_run(const KernelTable &kernels, const ScanCase &c, const ScanData &data, Placement placement,
                  uint32_t piece) {
    Guarded<float> A2(data.A2, placement), D(data.D, placement), state(data.state, placement),
        dt(data.dt, placement), u(data.u, placement), z(data.z, placement), B(data.B, placement),
        C(data.C, placement), multipliers(data.multipliers, placement);
    Guarded<int8_t> codes(data.codes, placement);
    ScanArgs args = {};
    args.tile_begin = c.tile_begin;
    args.tile_end = c.tile_end;
    args.d_state = c.d_state;
    args.A2 = A2.data();
    args.D = D.data();
    args.state = state.data();
    args.dt_stride = 8 * c.tiles + c.dt_pad;
    args.uz_stride = 8 * c.tiles + c.uz_pad;
    args.bc_stride = c.d_state + c.bc_pad;
    args.codes_stride = 8 * c.tiles + c.codes_pad;
    args.multipliers = multipliers.data();
    args.limit = limits[c.tokens % 2];
    for (uint32_t t = 0; t < c.tokens; t += piece) {
        args.tokens = std::min(piece, c.tokens - t);
        args.dt = dt.data() + size_t{args.dt_stride} * t;
        args.u = u.data() + size_t{args.uz_stride} * t;
        args.z = z.data() + size_t{args.uz_stride} * t;
        args.B = B.data() + size_t{args.bc_stride} * t;
        args.C = C.data() + size_t{args.bc_stride} * t;
        args.codes = c.codes ? codes.data() + size_t{args.codes_stride} * t : nullptr;
        kernels.scan(args);
    }
    return {A2.values(), D.values(), state.values(), dt.values(),      u.values(),
            z.values(),  B.values(), C.values(),     data.multipliers, codes.values()};
}

void scan_check(const KernelTable &kernels, const ScanCase &c, Random &random) {
    SCOPED_TRACE(testing::Message() << c.tiles << " tiles, d_state " << c.d_state << ", " << c.tokens
                                    << " tokens, tiles " << c.tile_begin << ".." << c.tile_end << ", codes "
                                    << c.codes << ", pattern " << static_cast<int>(c.pattern));
    const uint32_t channels = 8 * c.tiles;
    auto strided = [&](uint32_t width, uint32_t pad) { return size_t{width + pad} * (c.tokens - 1) + width; };
    ScanData data;
    data.A2 = floats_make(size_t{channels} * c.d_state, Pattern::random, 8.0f, random);
    for (float &a : data.A2) a = -std::fabs(a);
    data.D = floats_make(channels, Pattern::random, 1.0f, random);
    data.state = floats_make(size_t{channels} * c.d_state, c.pattern, 1.0f, random);
    data.dt = floats_make(strided(channels, c.dt_pad), c.pattern, 3.0f, random);
    data.u = floats_make(strided(channels, c.uz_pad), c.pattern, 1.0f, random);
    data.z = floats_make(strided(channels, c.uz_pad), c.pattern, 2.0f, random);
    data.B = floats_make(strided(c.d_state, c.bc_pad), c.pattern, 1.0f, random);
    data.C = floats_make(strided(c.d_state, c.bc_pad), c.pattern, 1.0f, random);
    data.multipliers = floats_make(channels, Pattern::random, 20.0f, random);
    data.codes.assign(strided(channels, c.codes_pad), 99);
    const ScanData expected = scan_run(scalar(), c, data, Placement::at_end, c.tokens);
    for (uint32_t piece : {c.tokens, 1u, 3u}) {
        for (Placement placement : all_placements) {
            const ScanData actual = scan_run(kernels, c, data, placement, piece);
            ASSERT_TRUE(same(expected.z, actual.z)) << "z, pieces of " << piece;
            ASSERT_TRUE(same(expected.state, actual.state)) << "state, pieces of " << piece;
            ASSERT_TRUE(same(expected.codes, actual.codes)) << "codes, pieces of " << piece;
            ASSERT_TRUE(same(data.A2, actual.A2) && same(data.D, actual.D) && same(data.dt, actual.dt) &&
                        same(data.u, actual.u) && same(data.B, actual.B) && same(data.C, actual.C));
        }
    }
    expect_untouched(data.z, expected.z, channels + c.uz_pad, c, !c.codes);
    expect_untouched(data.codes, expected.codes, channels + c.codes_pad, c, c.codes);
}

TEST_P(Kernels, Scan) {
    test::Sample sample(5);
    for (uint32_t d_state : {1u, 2u, 3u, 4u, 8u, 10u, 16u, 17u})
        for (Pattern pattern : all_patterns)
            for (uint32_t tokens : {1u, 2u, 5u})
                for (bool codes : {false, true})
                    if (sample.takes())
                        scan_check(table(), {3, d_state, tokens, 0, 3, 8, 24, tokens * 3, 16, codes, pattern},
                                   random);
    for (uint32_t tiles = 1; tiles <= 9; ++tiles)
        scan_check(table(), {tiles, 16, 4, 0, tiles, 0, 0, 0, 0, true, Pattern::random}, random);
    for (uint32_t begin = 0; begin <= 5; ++begin)
        for (uint32_t end = begin; end <= 5; ++end)
            scan_check(table(), {5, 16, 3, begin, end, 0, 40, 40, 0, (begin & 1) != 0, Pattern::random},
                       random);
    for (uint32_t tokens : {1u, 7u, 64u, 70u})
        scan_check(table(), {96, 16, tokens, 0, 96, 0, 768, 40, 0, true, Pattern::random}, random);
}

// y begins as the first product, not as 0 plus it: -0 stays -0.
TEST_P(Kernels, ScanKeepsTheSignOfZero) {
    for (uint32_t d_state : {1u, 5u, 16u}) {
        const ScanCase c = {1, d_state, 1, 0, 1, 0, 0, 0, 0, false, Pattern::zeros};
        ScanData data;
        data.A2 = data.state = std::vector<float>(8 * d_state, 0.0f);
        data.B = std::vector<float>(d_state, 0.0f);
        data.C = std::vector<float>(d_state, -1.0f);
        data.D = std::vector<float>(8, -1.0f);
        data.dt = data.u = std::vector<float>(8, 0.0f);
        data.z = std::vector<float>(8, 1.0f);
        data.codes.assign(8, 99);
        EXPECT_TRUE(same(std::vector<float>(8, -0.0f), scan_run(table(), c, data, Placement::at_end, 1).z));
    }
}

// ---- The sampler's ------------------------------------------------------------------------------

// Logits of every length, one at a time past the vectors and blocks.
std::vector<uint32_t> logit_counts() {
    std::vector<uint32_t> counts;
    for (uint32_t n = 1; n <= 200; ++n) counts.push_back(n);
    counts.insert(counts.end(), {513u, 4095u, 4096u});
    return counts;
}

TEST_P(Kernels, Clamp) {
    for (uint32_t n : logit_counts()) {
        for (Pattern pattern : all_patterns) {
            const std::vector<float> v = floats_make(n, pattern, 1e30f, random);
            const auto call = [&](const KernelTable &kernels, Placement placement) {
                Guarded<float> values(v, placement);
                kernels.clamp(values.data(), n, 1e30f);
                return values.values();
            };
            const std::vector<float> expected = call(scalar(), Placement::at_end);
            for (Placement placement : all_placements)
                ASSERT_TRUE(same(expected, call(table(), placement))) << "n " << n;
        }
    }
    std::vector<float> v = {std::numeric_limits<float>::quiet_NaN(),
                            -0.0f,
                            1e-40f,
                            -1e-40f,
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            31.0f,
                            -3.0f,
                            std::numeric_limits<float>::quiet_NaN(),
                            -0.0f};
    table().clamp(v.data(), static_cast<uint32_t>(v.size()), 30.0f);
    EXPECT_TRUE(same({-30.0f, 0.0f, 0.0f, 0.0f, 30.0f, -30.0f, 30.0f, -3.0f, -30.0f, 0.0f}, v));
}

TEST_P(Kernels, Argmax) {
    for (uint32_t n : logit_counts()) {
        for (Pattern pattern : all_patterns) {
            std::vector<float> v = floats_make(n, pattern, 1.0f, random);
            scalar().clamp(v.data(), n, 1e30f);
            for (Placement placement : all_placements) {
                Guarded<float> values(v, placement);
                ASSERT_EQ(scalar().argmax(v.data(), n), table().argmax(values.data(), n)) << "n " << n;
            }
        }
    }
    for (uint32_t first = 0; first < 200; ++first) {  // of equals the first, wherever it and the last one stand
        for (uint32_t last : {first, 130u, 199u}) {
            std::vector<float> v(200, -5.0f);
            v[first] = v[std::max(first, last)] = -4.0f;
            ASSERT_EQ(first, table().argmax(v.data(), 200)) << last;
        }
    }
}

TEST_P(Kernels, SoftmaxWeights) {
    for (uint32_t n : logit_counts()) {
        for (Pattern pattern : all_patterns) {
            std::vector<float> v = floats_make(n, pattern, 10.0f, random);
            scalar().clamp(v.data(), n, 1e30f);
            const float highest = v[scalar().argmax(v.data(), n)], factor = n % 3 == 0 ? 1e5f : 1.8f;
            const auto call = [&](const KernelTable &kernels, Placement placement) {
                Guarded<float> values(v, placement);
                kernels.softmax_weights(values.data(), n, highest, factor, 1e30f);
                return values.values();
            };
            const std::vector<float> expected = call(scalar(), Placement::at_end);
            for (Placement placement : all_placements)
                ASSERT_TRUE(same(expected, call(table(), placement))) << "n " << n;
            for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(v[i] == -1e30f, expected[i] == 0.0f);
        }
    }
}

// ---- The list -----------------------------------------------------------------------------------

TEST(KernelList, FindsByName) {
    ASSERT_NE(nullptr, kernels_find("scalar"));
    EXPECT_EQ(nullptr, kernels_find("scala"));
    EXPECT_EQ(nullptr, kernels_find("scalar2"));
    EXPECT_EQ(nullptr, kernels_find(""));
    EXPECT_EQ(nullptr, kernels_find(nullptr));
    for (const KernelTable *table : built())
        EXPECT_EQ(table->usable() ? table : nullptr, kernels_find(table->name));
}

TEST(KernelList, IndicesAndTables) {
    for (const KernelTable *table : built()) EXPECT_EQ(table, kernels_at(kernels_index(table)));
    EXPECT_EQ(0u, kernels_index(&scalar()));
    EXPECT_EQ(&scalar(), kernels_at(static_cast<uint32_t>(built().size())));
    EXPECT_EQ(&scalar(), kernels_at(0xffffffffu));
}

TEST(KernelList, BestIsTheLastUsable) {
    const KernelTable *last = nullptr;
    for (const KernelTable *table : built())
        if (table->usable()) last = table;
    EXPECT_EQ(last, kernels_best());
}

}  // namespace
}  // namespace adder
