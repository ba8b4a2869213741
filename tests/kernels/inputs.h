// Inputs for the kernel tests: random and adversarial vectors, and bitwise comparison.
// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace adder {

enum class Pattern { random, zeros, max, min, one_hot, special };

constexpr Pattern all_patterns[] = {Pattern::random, Pattern::zeros,   Pattern::max,
                                    Pattern::min,    Pattern::one_hot, Pattern::special};

using Random = std::mt19937;

inline uint32_t below(uint32_t n, Random &random) { return static_cast<uint32_t>(random() % n); }

// int8 codes. `lowest` is -127 for activations; weights may hold -128.
inline std::vector<int8_t> codes_make(size_t n, Pattern pattern, int lowest, Random &random) {
    std::vector<int8_t> v(n, 0);
    for (int8_t &c : v) {
        const int any = lowest + static_cast<int>(random() % static_cast<uint32_t>(128 - lowest));
        switch (pattern) {
        case Pattern::random: c = static_cast<int8_t>(any); break;
        case Pattern::max: c = 127; break;
        case Pattern::min: c = static_cast<int8_t>(lowest); break;
        case Pattern::special:  // the ends alone
            c = static_cast<int8_t>((random() & 1) != 0 ? 127 : lowest);
            break;
        case Pattern::zeros:
        case Pattern::one_hot: break;
        }
    }
    if (pattern == Pattern::one_hot && n != 0) v[random() % n] = static_cast<int8_t>(lowest);
    return v;
}

// Two int4 codes a byte, as code + 8 each.
inline std::vector<uint8_t> nibbles_make(size_t n, Pattern pattern, Random &random) {
    std::vector<uint8_t> v(n, 0x88);
    for (uint8_t &byte : v) {
        const uint32_t any = static_cast<uint32_t>(random());
        switch (pattern) {
        case Pattern::random: byte = static_cast<uint8_t>(any); break;
        case Pattern::max: byte = 0xff; break;
        case Pattern::min: byte = 0; break;
        case Pattern::special:  // the ends alone
            byte = static_cast<uint8_t>(((any & 1) != 0 ? 0x0f : 0) | ((any & 2) != 0 ? 0xf0 : 0));
            break;
        case Pattern::zeros:
        case Pattern::one_hot: break;
        }
    }
    if (pattern == Pattern::one_hot && n != 0) v[random() % n] = (random() & 1) != 0 ? 0x80 : 0x08;
    return v;
}

// Floats around `scale`. Special: a tenth are zeros of both signs, subnormals, extremes, infinities and NaNs.
inline std::vector<float> floats_make(size_t n, Pattern pattern, float scale, Random &random) {
    using Limits = std::numeric_limits<float>;
    const float odd[] = {0.0f,
                         -0.0f,
                         Limits::denorm_min(),
                         -1e-39f,
                         Limits::min(),
                         -1.5e-38f,
                         Limits::max(),
                         Limits::lowest(),
                         Limits::infinity(),
                         -Limits::infinity(),
                         Limits::quiet_NaN(),
                         1e30f,
                         -1e30f,
                         88.0f,
                         -88.0f,
                         12582912.0f};
    std::normal_distribution<float> normal(0.0f, scale);
    std::vector<float> v(n, 0.0f);
    for (float &f : v) {
        switch (pattern) {
        case Pattern::random: f = normal(random); break;
        case Pattern::max: f = 100.0f * scale; break;
        case Pattern::min: f = -100.0f * scale; break;
        case Pattern::special:
            f = random() % 10 == 0 ? odd[random() % (sizeof odd / sizeof odd[0])] : normal(random);
            break;
        case Pattern::zeros:
        case Pattern::one_hot: break;
        }
    }
    if (pattern == Pattern::one_hot && n != 0) v[random() % n] = scale;
    return v;
}

// The same bits; any NaN equals any other, as no instruction set promises which one comes out.
inline bool same(float a, float b) {
    return (std::isnan(a) && std::isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}
inline bool same(int8_t a, int8_t b) { return a == b; }

template <typename T>
testing::AssertionResult same(const std::vector<T> &expected, const std::vector<T> &actual) {
    if (expected.size() != actual.size()) return testing::AssertionFailure() << "sizes differ";
    for (size_t i = 0; i < expected.size(); ++i)
        if (!same(expected[i], actual[i]))
            return testing::AssertionFailure() << "element " << i << " of " << expected.size()
                                               << ": expected " << +expected[i] << ", got " << +actual[i];
    return testing::AssertionSuccess();
}

}  // namespace adder
