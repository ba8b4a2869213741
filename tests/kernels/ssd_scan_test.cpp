// Mamba-2's scan and the gated delta rule in every usable table, against the scalar one: bit for bit, between guard pages; their
// states of halves; and what the delta rule computes.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "kernels/scalar/math.h"
#include "tests/kernels/kernel_test.h"

namespace adder {
namespace {

class SsdScan : public KernelTest {
  protected:
    // With a state of halves only where the processor's conversions are a processor's.
    bool can_half() { return !halves_are_flushed() || std::strncmp(table().name, "avx", 3) != 0; }
};
INSTANTIATE_TEST_SUITE_P(Isa, SsdScan, testing::ValuesIn(built()), table_name);

struct Case {
    uint32_t heads, head_dim, d_state, heads_per_group, tokens;
    uint32_t tile_begin, tile_end;
    uint32_t dt_pad = 0, x_pad = 0, z_pad = 0, bc_pad = 0;
    bool half = false, gate = true, delta = false;
    float low = 0.0f, high = std::numeric_limits<float>::infinity();
    Pattern pattern = Pattern::random;

    uint32_t channels() const { return heads * head_dim; }
    uint32_t bc_width() const { return (heads + heads_per_group - 1) / heads_per_group * d_state; }
};

std::ostream &operator<<(std::ostream &out, const Case &c) {
    return out << c.heads << " heads of " << c.head_dim << ", d_state " << c.d_state << ", "
               << c.heads_per_group << " heads a group, " << c.tokens << " tokens, tiles " << c.tile_begin
               << ".." << c.tile_end << (c.half ? ", halves" : "") << (c.gate ? "" : ", no gate")
               << (c.delta ? ", delta rule" : "") << ", pattern " << static_cast<int>(c.pattern);
}

struct Data {
    std::vector<float> A2, D, state, dt, x, z, B, C;
    std::vector<uint16_t> halves;
    std::vector<float> beta;
};

Data data_make(const Case &c, Random &random) {
    const auto strided = [&](uint32_t width, uint32_t pad) {
        return size_t{width + pad} * (c.tokens - 1) + width;
    };
    const uint32_t heads = round_up_to_tile(c.heads);
    Data data;
    data.A2 = floats_make(heads, Pattern::random, 8.0f, random);
    for (float &a : data.A2) a = -std::fabs(a);
    if (!c.delta) data.D = floats_make(heads, Pattern::random, 1.0f, random);
    data.state = floats_make(size_t{c.channels()} * c.d_state, c.pattern, 1.0f, random);
    if (c.half) {
        for (float v : data.state) data.halves.push_back(f32_f16(v));
        data.state.clear();
    }
    data.dt = floats_make(strided(heads, c.dt_pad), c.pattern, 3.0f, random);
    data.x = floats_make(strided(c.channels(), c.x_pad), c.pattern, 1.0f, random);
    if (c.gate) data.z = floats_make(strided(c.channels(), c.z_pad), c.pattern, 2.0f, random);
    data.B = floats_make(strided(c.bc_width(), c.bc_pad), c.pattern, 1.0f, random);
    data.C = floats_make(strided(c.bc_width(), c.bc_pad), c.pattern, 1.0f, random);
    if (c.delta) data.beta = floats_make(strided(heads, c.dt_pad), c.pattern, 3.0f, random);
    return data;
}

// The chunk in pieces of `piece` tokens.
Data run(const KernelTable &kernels, const Case &c, const Data &data, Placement placement, uint32_t piece) {
    Guarded<float> A2(data.A2, placement), D(data.D, placement), state(data.state, placement),
        dt(data.dt, placement), x(data.x, placement), z(data.z, placement), B(data.B, placement),
        C(data.C, placement), beta(data.beta, placement);
    Guarded<uint16_t> halves(data.halves, placement);
    SsdArgs args = {};
    args.tile_begin = c.tile_begin;
    args.tile_end = c.tile_end;
    args.d_state = c.d_state;
    args.head_dim = c.head_dim;
    args.heads_per_group = c.heads_per_group;
    args.A2 = A2.data();
    args.D = c.delta ? nullptr : D.data();
    args.dt_low = c.low;
    args.dt_high = c.high;
    args.state = c.half ? static_cast<void *>(halves.data()) : state.data();
    args.half_state = c.half;
    args.dt_stride = round_up_to_tile(c.heads) + c.dt_pad;
    args.x_stride = c.channels() + c.x_pad;
    args.z_stride = c.channels() + c.z_pad;
    args.bc_stride = c.bc_width() + c.bc_pad;
    for (uint32_t t = 0; t < c.tokens; t += piece) {
        args.tokens = std::min(piece, c.tokens - t);
        args.dt = dt.data() + size_t{args.dt_stride} * t;
        args.x = x.data() + size_t{args.x_stride} * t;
        args.z = c.gate ? z.data() + size_t{args.z_stride} * t : nullptr;
        args.B = B.data() + size_t{args.bc_stride} * t;
        args.C = C.data() + size_t{args.bc_stride} * t;
        args.beta = c.delta ? beta.data() + size_t{args.dt_stride} * t : nullptr;
        kernels.ssd_scan(args);
    }
    return {A2.values(), D.values(), state.values(), dt.values(),     x.values(),
            z.values(),  B.values(), C.values(),     halves.values(), beta.values()};
}

// Of halves, too, any NaN is any other.
bool same_halves(const std::vector<uint16_t> &a, const std::vector<uint16_t> &b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](uint16_t p, uint16_t q) {
               return p == q || ((p & 0x7fff) > 0x7c00 && (q & 0x7fff) > 0x7c00);
           });
}

void check(const KernelTable &kernels, const Case &c, Random &random) {
    SCOPED_TRACE(testing::Message() << c);
    const Data data = data_make(c, random);
    const Data expected = run(scalar(), c, data, Placement::at_end, c.tokens);
    for (uint32_t piece : {c.tokens, 1u, 3u}) {
        for (Placement placement : all_placements) {
            const Data actual = run(kernels, c, data, placement, piece);
            ASSERT_TRUE(same(expected.x, actual.x)) << "x, pieces of " << piece;
            ASSERT_TRUE(same(expected.z, actual.z)) << "z, pieces of " << piece;
            ASSERT_TRUE(same(expected.state, actual.state)) << "state, pieces of " << piece;
            ASSERT_TRUE(same_halves(expected.halves, actual.halves)) << "state, pieces of " << piece;
            ASSERT_TRUE(same(data.A2, actual.A2) && same(data.D, actual.D) && same(data.dt, actual.dt) &&
                        same(data.B, actual.B) && same(data.C, actual.C) && same(data.beta, actual.beta));
        }
    }
    const std::vector<float> &before = c.gate ? data.z : data.x, &after = c.gate ? expected.z : expected.x;
    for (size_t i = 0; i < before.size(); ++i) {
        const size_t channel = i % (c.channels() + (c.gate ? c.z_pad : c.x_pad));
        if (channel < 8 * c.tile_begin || channel >= 8 * c.tile_end) {
            ASSERT_TRUE(same(before[i], after[i])) << "touched outside of its channels";
        }
    }
    ASSERT_TRUE(!c.gate || same(data.x, expected.x));
}

// All tiles of these heads.
Case whole(uint32_t heads, uint32_t head_dim, uint32_t d_state, uint32_t heads_per_group, uint32_t tokens) {
    Case c = {heads, head_dim, d_state, heads_per_group, tokens, 0, heads * head_dim / 8};
    c.dt_pad = 8 * (tokens % 2);
    c.x_pad = 8 * (d_state % 3);
    c.z_pad = 8 * (head_dim % 5);
    c.bc_pad = d_state % 7;
    return c;
}

TEST_P(SsdScan, EveryStateAndHead) {
    test::Sample sample(5);
    for (bool half : {false, true}) {
        if (half && !can_half()) continue;
        for (uint32_t head_dim : {8u, 32u, 64u, 80u, 128u}) {
            for (uint32_t d_state = 1; d_state <= 67; ++d_state) {
                if (!sample.takes()) continue;
                Case c = whole(2, head_dim, d_state, 1 + d_state % 2, 1 + d_state % 3);
                c.half = half;
                c.gate = d_state % 5 != 0;
                c.delta = d_state % 2 != 0;
                c.pattern = d_state % 4 == 3 ? Pattern::special : Pattern::random;
                check(table(), c, random);
            }
            for (uint32_t d_state : {64u, 128u, 256u}) {
                if (!sample.takes()) continue;
                Case c = whole(3, head_dim, d_state, 3, 2);
                c.half = half;
                c.delta = d_state == 128;
                check(table(), c, random);
            }
        }
    }
}

TEST_P(SsdScan, EveryPatternAndNumberOfTokens) {
    test::Sample sample(5);
    for (bool half : {false, true}) {
        if (half && !can_half()) continue;
        for (Pattern pattern : all_patterns)
            for (uint32_t tokens : {1u, 2u, 3u, 4u, 5u, 8u, 15u, 16u, 17u, 33u, 70u})
                for (bool gate : {false, true})
                    for (bool delta : {false, true}) {
                        if (!sample.takes()) continue;
                        Case c = whole(3, 16, 5, 2, tokens);
                        c.half = half;
                        c.gate = gate;
                        c.delta = delta;
                        c.pattern = pattern;
                        if (tokens % 2 == 0) {
                            c.low = 0.5f;
                            c.high = 1.5f;
                        }
                        check(table(), c, random);
                    }
    }
}

// Groups of heads, more heads than are done at once, and every range of tiles.
TEST_P(SsdScan, EveryGroupAndRange) {
    for (uint32_t groups : {1u, 2u, 8u})
        for (uint32_t heads : {8u, 16u, 24u})
            for (bool delta : {false, true}) {
                Case c = whole(heads, 8 * groups, 16, heads / groups, 2);
                c.delta = delta;
                check(table(), c, random);
            }
    for (uint32_t begin = 0; begin <= 22; ++begin)
        for (uint32_t end = begin; end <= 22; end += 1 + begin % 3) {
            Case c = whole(11, 16, 6, 4, 2);
            c.tile_begin = begin;
            c.tile_end = end;
            c.half = can_half() && (begin & 1) != 0;
            c.delta = (end & 1) != 0;
            check(table(), c, random);
        }
}

// A layer of mamba2-130m, and one of Qwen3.5-4B.
TEST_P(SsdScan, OfARealModel) {
    for (bool half : {false, true})
        if (!half || can_half())
            for (uint32_t tokens : {1u, 18u})
                for (bool delta : {false, true}) {
                    Case c = delta ? whole(32, 128, 128, 2, tokens) : whole(24, 64, 128, 24, tokens);
                    c.half = half;
                    c.delta = delta;
                    c.gate = !delta;
                    check(table(), c, random);
                }
}

// S = g S;  e = beta (v - S k);  S = S + e k^T;  o = S q, in double precision.
TEST_P(SsdScan, TheDeltaRuleIsThatOfThePaper) {
    Case c = whole(4, 16, 24, 2, 9);
    c.delta = true;
    c.gate = false;
    Data data = data_make(c, random);
    for (std::vector<float> *keys : {&data.B, &data.C})
        for (float &v : *keys) v /= 5.0f;  // of about length 1
    const Data found = run(table(), c, data, Placement::at_end, 4);
    const uint32_t heads = round_up_to_tile(c.heads) + c.dt_pad, keys = c.d_state;
    const auto state_at = [&](uint32_t channel, uint32_t n) {
        return size_t{channel / 8} * keys * 8 + 8 * n + channel % 8;
    };
    std::vector<double> S(data.state.begin(), data.state.end());
    for (uint32_t t = 0; t < c.tokens; ++t)
        for (uint32_t channel = 0; channel < c.channels(); ++channel) {
            const uint32_t head = channel / c.head_dim;
            const auto of_head = [&](const std::vector<float> &v) {
                return static_cast<double>(v[size_t{heads} * t + head]);
            };
            const double g = std::exp2(std::log1p(std::exp(of_head(data.dt))) *
                                       static_cast<double>(data.A2[head])),
                         beta = 1 / (1 + std::exp(-of_head(data.beta)));
            const size_t group =
                size_t{c.bc_width() + c.bc_pad} * t + size_t{keys} * (head / c.heads_per_group);
            const size_t at = size_t{c.channels() + c.x_pad} * t + channel;
            double known = 0, o = 0;
            for (uint32_t n = 0; n < keys; ++n) {
                double &s = S[state_at(channel, n)];
                s *= g;
                known += s * static_cast<double>(data.B[group + n]);
            }
            const double e = beta * (static_cast<double>(data.x[at]) - known);
            for (uint32_t n = 0; n < keys; ++n) {
                double &s = S[state_at(channel, n)];
                s += e * static_cast<double>(data.B[group + n]);
                o += s * static_cast<double>(data.C[group + n]);
            }
            ASSERT_NEAR(static_cast<double>(found.x[at]), o, 2e-6 * (1 + std::fabs(o)))
                << t << ", " << channel;
        }
    for (size_t i = 0; i < S.size(); ++i)
        ASSERT_NEAR(static_cast<double>(found.state[i]), S[i], 2e-6 * (1 + std::fabs(S[i])));
}

// Delta is clamped from below first, as it is written.
TEST_P(SsdScan, ClampsDelta) {
    Case c = whole(1, 8, 1, 1, 1);
    c.gate = false;
    Data data = data_make(c, random);
    data.A2.assign(8, 0.0f);
    data.D.assign(8, 0.0f);
    data.state.assign(8, 0.0f);
    data.x.assign(8, 1.0f);
    data.B.assign(1, 1.0f);
    data.C.assign(1, 1.0f);
    const struct {
        float dt, low, high, delta;
    } cases[] = {
        {-50.0f, 0.25f, 4.0f, 0.25f},
        {50.0f, 0.25f, 4.0f, 4.0f},
        {100.0f, 0.0f, std::numeric_limits<float>::infinity(), 100.0f},
        {1.0f, 2.0f, 0.5f, 0.5f},
        {std::numeric_limits<float>::quiet_NaN(), 0.125f, 1.0f, 0.125f},
        {std::numeric_limits<float>::infinity(), 0.0f, 8.0f, 8.0f},
    };
    for (const auto &one : cases) {
        data.dt.assign(8, one.dt);
        c.low = one.low;
        c.high = one.high;
        EXPECT_EQ(run(table(), c, data, Placement::at_end, 1).x, std::vector<float>(8, one.delta)) << one.dt;
    }
}

// y begins as the first product, not as 0 plus it: -0 stays -0.
TEST_P(SsdScan, KeepsTheSignOfZero) {
    for (uint32_t d_state : {1u, 5u, 16u}) {
        Case c = whole(1, 8, d_state, 1, 1);
        c.gate = false;
        c.x_pad = c.bc_pad = 0;
        Data data;
        data.A2 = data.dt = std::vector<float>(8, 0.0f);
        data.D = std::vector<float>(8, -1.0f);
        data.state = std::vector<float>(8 * d_state, 0.0f);
        data.x = std::vector<float>(8, 0.0f);
        data.B = std::vector<float>(d_state, 0.0f);
        data.C = std::vector<float>(d_state, -1.0f);
        EXPECT_TRUE(same(std::vector<float>(8, -0.0f), run(table(), c, data, Placement::at_end, 1).x));
    }
}

// ---- Halves -------------------------------------------------------------------------------------

// One token with a decay of 1 and a delta of 1: S = half + x for each n, and S rounded is kept; of d_state 1, y = S. Kernels
// take several n together where d_state is large enough.
Data through_state(const KernelTable &kernels, const std::vector<uint16_t> &halves,
                   const std::vector<float> &x, uint32_t d_state) {
    const auto channels = static_cast<uint32_t>(halves.size());
    Case c = {1, channels, d_state, 1, 1, 0, channels / 8};
    c.half = true;
    c.gate = false;
    c.low = c.high = 1.0f;
    Data data;
    data.A2 = data.D = data.dt = std::vector<float>(8, 0.0f);
    for (uint32_t i = 0; i < channels * d_state; ++i)
        data.halves.push_back(halves[i / (8 * d_state) * 8 + i % 8]);
    data.x = x;
    data.B = data.C = std::vector<float>(d_state, 1.0f);
    return run(kernels, c, data, Placement::at_end, 1);
}

TEST_P(SsdScan, ReadsEveryHalf) {
    if (!can_half()) GTEST_SKIP() << "the emulator flushes subnormal halves";
    std::vector<uint16_t> halves(65536);
    for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
    for (uint32_t d_state : {1u, 4u}) {
        const Data actual = through_state(table(), halves, std::vector<float>(65536, -0.0f), d_state);
        for (uint32_t i = 0; i < 65536; ++i)
            if (d_state == 1) {
                ASSERT_TRUE(same(f16_f32(halves[i]), actual.x[i])) << i;
            }
        for (uint32_t i = 0; i < 65536 * d_state; ++i) {
            const uint16_t half = halves[i / (8 * d_state) * 8 + i % 8];
            // Infinities are the largest number from then on; all else stays.
            const uint16_t kept = (half & 0x7fff) == 0x7c00 ? static_cast<uint16_t>(half - 1) : half;
            ASSERT_TRUE(same_halves({kept}, {actual.halves[i]})) << half << ", d_state " << d_state;
        }
    }
}

// Every half, what lies half way to the next, their neighbours, and many others.
TEST_P(SsdScan, RoundsFloatsToHalves) {
    if (!can_half()) GTEST_SKIP() << "the emulator flushes subnormal halves";
    std::vector<float> x;
    for (uint32_t half = 0; half <= 0x7c00; ++half) {
        const float here = f16_f32(static_cast<uint16_t>(half)),
                    next = f16_f32(static_cast<uint16_t>(std::min(half + 1, 0x7c00u)));
        for (const float v : {here, 0.5f * here + 0.5f * next}) {
            const uint32_t bits = float_bits(v);
            for (const uint32_t near : {bits - 1, bits, bits + 1})
                x.push_back(float_from_bits(near ^ (random() % 2 << 31)));
        }
    }
    for (uint32_t i = 0; i < 100000; ++i) x.push_back(float_from_bits(static_cast<uint32_t>(random())));
    while (x.size() % 8 != 0) x.push_back(0.0f);
    for (uint32_t d_state : {1u, 4u}) {
        const Data actual = through_state(table(), std::vector<uint16_t>(x.size(), 0x8000), x, d_state);
        for (size_t i = 0; i < x.size() * d_state; ++i) {
            const float v = x[i / (8 * d_state) * 8 + i % 8];
            ASSERT_TRUE(same_halves({f32_f16(v)}, {actual.halves[i]})) << v << ", bits " << float_bits(v);
        }
    }
}

}  // namespace
}  // namespace adder
