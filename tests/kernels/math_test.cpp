// The scalar functions against libm in double precision: error bounds, exact values, seams.
// SPDX-License-Identifier: MIT
//
// docs/numerics.md has the figures; the bounds here are those, rounded up.
#include "kernels/scalar/math.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/float_mode.h"

namespace adder {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

struct Error {
    double relative = 0, absolute = 0;
};

// Over floats of every exponent and both signs within [low, high], every 499th bit pattern from 2^-67 on.
template <typename Function, typename Exact>
Error error_of(Function f, Exact exact, double low, double high) {
    Error worst;
    for (uint32_t magnitude = 0x1e000000; magnitude < 0x7f800000; magnitude += 499) {
        for (uint32_t sign : {0u, 0x80000000u}) {
            const float x = float_from_bits(magnitude | sign);
            if (x < low || x > high) continue;
            const double want = exact(static_cast<double>(x));
            const double error = std::fabs(static_cast<double>(f(x)) - want);
            worst.absolute = std::max(worst.absolute, error);
            worst.relative = std::max(worst.relative, error / std::fabs(want));
        }
    }
    return worst;
}

double softplus_exact(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double silu_exact(double x) { return x / (1 + std::exp(-x)); }

TEST(Math, Exp2Error) {
    EXPECT_LT(error_of(
                  exp2_f32, [](double t) { return std::exp2(t); }, -125, 126)
                  .relative,
              1.82e-7);
}

TEST(Math, ExpError) {
    const auto exact = [](double x) { return std::exp(x); };
    EXPECT_LT(error_of(exp_f32, exact, -1, 1).relative, 2.14e-7);
    EXPECT_LT(error_of(exp_f32, exact, -86.6, 87.3).relative, 3.95e-6);
}

TEST(Math, Log1pError) {
    EXPECT_LT(error_of(
                  log1p_f32, [](double t) { return std::log1p(t); }, 0, 1)
                  .relative,
              1.77e-7);
}

TEST(Math, SoftplusError) {
    EXPECT_LT(error_of(softplus_f32, softplus_exact, -1, 1e30).relative, 3.19e-7);
    EXPECT_LT(error_of(softplus_f32, softplus_exact, -20, 1e30).relative, 1.11e-6);
    EXPECT_LT(error_of(softplus_f32, softplus_exact, -86.6, 1e30).relative, 3.93e-6);
    EXPECT_LT(error_of(softplus_f32, softplus_exact, -1e30, 100).absolute, 7.7e-6);
}

TEST(Math, SiluError) {
    EXPECT_LT(error_of(silu_f32, silu_exact, -1, 1e30).relative, 1.98e-7);
    EXPECT_LT(error_of(silu_f32, silu_exact, -20, 1e30).relative, 1.11e-6);
    EXPECT_LT(error_of(silu_f32, silu_exact, -86.6, 1e30).relative, 3.97e-6);
}

TEST(Math, SigmoidError) {
    const auto exact = [](double x) { return 1 / (1 + std::exp(-x)); };
    EXPECT_LT(error_of(sigmoid_f32, exact, -1, 1e30).relative, 1.9e-7);
    EXPECT_LT(error_of(sigmoid_f32, exact, -20, 1e30).relative, 1.11e-6);
    EXPECT_LT(error_of(sigmoid_f32, exact, -86.6, 1e30).relative, 3.96e-6);
}

TEST(Math, TanhError) {
    const auto exact = [](double x) { return std::tanh(x); };
    EXPECT_LT(error_of(tanh_f32, exact, -1e30, 1e30).relative, 9.66e-7);
    EXPECT_LT(error_of(tanh_f32, exact, -1e30, 1e30).absolute, 1.57e-7);
}

TEST(Math, GeluError) {
    const auto exact = [](double x) {
        return x / (1 + std::exp(-2 * std::sqrt(2 / std::acos(-1)) * (x + 0.044715 * x * x * x)));
    };
    EXPECT_LT(error_of(gelu_f32, exact, -1, 1e10).relative, 2.79e-7);
    EXPECT_LT(error_of(gelu_f32, exact, -8, 1e10).relative, 8.63e-6);
    EXPECT_LT(error_of(gelu_f32, exact, -1e10, 8).absolute, 5.17e-7);
}

// 1 - 2^t of the two parts, as RG-LRU takes it: next to t = 0 with all digits.
TEST(Math, PartsOfExp2KeepTheRestNextToZero) {
    const auto left = [](float t) {
        const Exp2Parts parts = exp2_parts(t);
        return (1.0f - parts.power) - parts.rest;
    };
    const auto exact = [](double t) { return -std::expm1(t * std::log(2.0)); };
    EXPECT_LT(error_of(left, exact, -125, -1e-30).relative, 6.98e-7);
    EXPECT_EQ(left(0.0f), 0.0f);
}

// Every angle of 24 bits, and some of 32.
TEST(Math, TurnError) {
    double worst = 0, longest = 0;
    const auto measure = [&](uint32_t angle) {
        const Turn turn = turn_f32(angle);
        const double radians = angle * 0x1p-31 * std::acos(-1.0);
        const double sine = turn.sine, cosine = turn.cosine;
        worst = std::max({worst, std::fabs(sine - std::sin(radians)), std::fabs(cosine - std::cos(radians))});
        longest = std::max(longest, std::fabs(std::hypot(sine, cosine) - 1));
    };
    for (uint32_t angle = 0; angle < 1u << 24; angle += 7) measure(angle << 8);
    for (uint64_t angle = 0; angle < uint64_t{1} << 32; angle += 99991) measure(static_cast<uint32_t>(angle));
    EXPECT_LT(worst, 8.9e-8);
    EXPECT_LT(longest, 9.1e-8);
}

TEST(Math, TurnsOfAQuarterAreExact) {
    const float sines[] = {0, 1, 0, -1};
    for (uint32_t quarter = 0; quarter < 4; ++quarter) {
        const Turn turn = turn_f32(quarter << 30);
        EXPECT_EQ(turn.sine, sines[quarter]);
        EXPECT_EQ(turn.cosine, sines[(quarter + 1) % 4]);
    }
}

TEST(Math, Exp2IsExactOnIntegers) {
    for (int n = -125; n <= 126; ++n) EXPECT_EQ(std::ldexp(1.0f, n), exp2_f32(static_cast<float>(n))) << n;
}

TEST(Math, Exp2Ends) {
    const float least = std::ldexp(1.0f, -125), most = std::ldexp(1.0f, 126);
    EXPECT_EQ(least, exp2_f32(-126.0f));
    EXPECT_EQ(least, exp2_f32(-infinity));
    EXPECT_EQ(least, exp2_f32(nan));
    EXPECT_EQ(most, exp2_f32(126.5f));
    EXPECT_EQ(most, exp2_f32(infinity));
    EXPECT_EQ(1.0f, exp2_f32(-0.0f));
}

// From one polynomial to the next, at n + 1/2, the value does not fall.
TEST(Math, Exp2RisesAcrossSeams) {
    for (int n = -125; n < 126; ++n) {
        const float seam = static_cast<float>(n) + 0.5f;
        float before = exp2_f32(seam - 4 * std::fabs(seam) * 0x1p-23f);
        for (int i = -3; i <= 4; ++i) {
            const float here = exp2_f32(seam + static_cast<float>(i) * std::fabs(seam) * 0x1p-23f);
            EXPECT_LE(before, here) << seam << " + " << i;
            before = here;
        }
    }
}

TEST(Math, Log1pEnds) {
    EXPECT_EQ(0.0f, log1p_f32(0.0f));
    EXPECT_EQ(0x1p-60f, log1p_f32(0x1p-60f));
}

TEST(Math, SoftplusEnds) {
    EXPECT_EQ(infinity, softplus_f32(infinity));
    EXPECT_EQ(100.0f, softplus_f32(100.0f));
    EXPECT_EQ(0x1p-125f, softplus_f32(-infinity));
    EXPECT_EQ(0x1p-125f, softplus_f32(nan));
}

TEST(Math, SigmoidEnds) {
    EXPECT_EQ(0.5f, sigmoid_f32(0.0f));
    EXPECT_EQ(1.0f, sigmoid_f32(infinity));
    EXPECT_EQ(0x1p-126f, sigmoid_f32(-infinity));
    EXPECT_EQ(1.0f, sigmoid_f32(nan));
}

TEST(Math, TanhEnds) {
    EXPECT_EQ(0.0f, tanh_f32(0.0f));
    EXPECT_EQ(1.0f, tanh_f32(infinity));
    EXPECT_EQ(-1.0f, tanh_f32(-infinity));
    EXPECT_EQ(-1.0f, tanh_f32(nan));
}

TEST(Math, GeluEnds) {
    EXPECT_EQ(0.0f, gelu_f32(0.0f));
    EXPECT_EQ(100.0f, gelu_f32(100.0f));
    EXPECT_EQ(-100.0f * 0x1p-126f, gelu_f32(-100.0f));
    EXPECT_TRUE(std::isnan(gelu_f32(nan)));
}

TEST(Math, SiluEnds) {
    EXPECT_EQ(0.0f, silu_f32(0.0f));
    EXPECT_TRUE(std::signbit(silu_f32(-0.0f)));
    EXPECT_EQ(100.0f, silu_f32(100.0f));
    EXPECT_TRUE(std::isnan(silu_f32(nan)));
}

// A clamped exponential must not become a constant divisor whose reciprocal is subnormal, and so flushed to
// zero.
TEST(Math, SiluSurvivesFlushing) {
    const FloatMode mode = float_mode_enter();
    float x[8] = {-200, -90, -1000, -88, -300, -1e10f, -1e20f, -1e30f};
    float y[8];
    for (int i = 0; i < 8; ++i) y[i] = silu_f32(x[i]);
    float_mode_leave(mode);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(i == 3 ? y[i] : x[i] * 0x1p-126f, y[i]) << x[i];
}

TEST(Math, Q8RoundsHalvesToEvenAndClamps) {
    for (int code = -127; code <= 127; ++code) {
        const float exact = static_cast<float>(code);
        EXPECT_EQ(code, q8_f32(exact, 1.0f, 127.0f));
        const int even = code % 2 == 0 ? code : code + (code < 127 ? 1 : 0);
        EXPECT_EQ(even, q8_f32(exact + 0.5f, 1.0f, 127.0f)) << code;
        if (code < 126) {
            EXPECT_EQ(code + 1, q8_f32(std::nextafter(exact + 0.5f, 1000.0f), 1.0f, 127.0f)) << code;
        }
        EXPECT_EQ(code, q8_f32(std::nextafter(exact + 0.5f, -1000.0f), 1.0f, 127.0f)) << code;
    }
    EXPECT_EQ(-127, q8_f32(-127.5f, 1.0f, 127.0f));
    EXPECT_EQ(127, q8_f32(infinity, 1.0f, 127.0f));
    EXPECT_EQ(-127, q8_f32(-infinity, 1.0f, 127.0f));
    EXPECT_EQ(127, q8_f32(nan, 1.0f, 127.0f));
    EXPECT_EQ(127, q8_f32(0.0f, infinity, 127.0f));
    EXPECT_EQ(-127, q8_f32(-1e30f, 1e30f, 127.0f));
}

TEST(Math, Q8OfFourBits) {
    for (int code = -7; code <= 7; ++code) EXPECT_EQ(code, q8_f32(static_cast<float>(code), 1.0f, 7.0f));
    EXPECT_EQ(6, q8_f32(6.5f, 1.0f, 7.0f));
    EXPECT_EQ(7, q8_f32(7.5f, 1.0f, 7.0f));
    EXPECT_EQ(-7, q8_f32(-100.0f, 1.0f, 7.0f));
    EXPECT_EQ(7, q8_f32(nan, 1.0f, 7.0f));
}

// IEEE 754-2019, 3.4: binary16 has a bias of 15 and ten bits behind the leading one.
double half_exact(uint32_t half) {
    const int exponent = static_cast<int>(half >> 10 & 31);
    const double fraction = half & 1023;
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Math, HalvesWidenExactly) {
    for (bool flushing : {false, true}) {
        const FloatMode mode = float_mode_enter();
        if (!flushing) float_mode_leave(mode);
        for (uint32_t half = 0; half < 65536; ++half) {
            const float v = f16_f32(static_cast<uint16_t>(half));
            if ((half & 0x7fff) > 0x7c00)
                ASSERT_EQ(float_bits(v), (half & 0x8000) << 16 | 0x7fc00000 | (half & 0x03ff) << 13);
            else if ((half & 0x7fff) == 0x7c00)
                ASSERT_EQ(v, (half & 0x8000) != 0 ? -infinity : infinity);
            else
                ASSERT_EQ(float_bits(v), float_bits(static_cast<float>(half_exact(half)))) << half;
            if ((half & 0x7fff) < 0x7c00) {
                ASSERT_EQ(f32_f16(v), half);
            }
        }
        if (flushing) float_mode_leave(mode);
    }
}

// Against rounding to a multiple of the last bit by the C library; every 509th float.
TEST(Math, HalvesAreRoundedHalfToEven) {
    for (uint32_t bits = 0; bits < 0x7f800000; bits += 509) {
        const float v = float_from_bits(bits);
        const int last = std::max(std::ilogb(v), -14) - 10;
        const double want =
            std::min(std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(v), -last)), last), 65504.0);
        ASSERT_EQ(half_exact(f32_f16(v)), want) << v;
        ASSERT_EQ(f32_f16(-v), f32_f16(v) | 0x8000);
    }
    EXPECT_EQ(f32_f16(infinity), 0x7bff);
    EXPECT_EQ(f32_f16(-infinity), 0xfbff);
    EXPECT_EQ(f32_f16(nan), 0x7e00);
    EXPECT_EQ(f32_f16(float_from_bits(0xff802000)), 0xfe01);
    EXPECT_EQ(f32_f16(0x1p-25f), 0);
    EXPECT_EQ(f32_f16(0x1.000002p-25f), 1);
    EXPECT_EQ(f32_f16(0x1.8p-24f), 2);
}

TEST(Math, SqrtIsCorrectlyRounded) {
    for (uint32_t bits = 0x00800000; bits < 0x7f800000; bits += 9973) {
        const float v = float_from_bits(bits);
        EXPECT_EQ(static_cast<float>(std::sqrt(static_cast<double>(v))), sqrt_f32(v));
    }
}

}  // namespace
}  // namespace adder
