// Initial weights from a counter-based generator, so that any part of a tensor can be made by itself.
// SPDX-License-Identifier: MIT
#include "converter/families/random_weights.h"

#include <cmath>
#include <string_view>

namespace adder {

namespace {

constexpr double least_step = 1e-3, step_ratio = 100;

// Splitmix64 (Steele, Lea, Flood, OOPSLA 2014): its output function, and the step of its counter.
constexpr uint64_t counter_step = 0x9e3779b97f4a7c15;
uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

uint64_t seed_of(uint64_t seed, std::string_view name) {
    uint64_t hash = mix(seed + counter_step);
    for (const char c : name) hash = mix((hash ^ static_cast<uint8_t>(c)) + counter_step);
    return hash;
}

// In [-1, 1), of 24 bits.
float uniform(uint64_t bits) { return static_cast<float>(static_cast<int64_t>(bits >> 40)) * 0x1p-23f - 1; }

// The sum of four uniform numbers, of mean 0 and variance 1: a bell without tails, all in +-3.47.
float bell(uint64_t bits) {
    const auto sum =
        static_cast<int32_t>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    constexpr float unit = 0x1.bb67aep-16f;  // sqrt(3) / 2^16, as the variance of a sum is 4 * 2^32 / 12
    return static_cast<float>(2 * sum - 4 * 0xffff) * (unit / 2);
}

// least_step * step_ratio^u for a u of 16 bits, from the ratio's square roots.
double log_uniform_step(uint64_t bits) {
    double step = least_step, root = step_ratio;
    for (int bit = 63; bit >= 48; --bit) {
        root = std::sqrt(root);  // correctly rounded everywhere
        if (bits >> bit & 1) step *= root;
    }
    return step;
}

}  // namespace

double portable_log(double x) {
    int exponent;
    double m = std::frexp(x, &exponent);  // exact; in [1/2, 1)
    if (m < 0x1.6a09e667f3bcdp-1) {
        m *= 2;
        --exponent;
    }
    // log m = 2 artanh(s), |s| <= 0.172: the 13th term is below 2^-66.
    const double s = (m - 1) / (m + 1), q = s * s;
    double sum = 0;
    for (int k = 25; k >= 1; k -= 2) sum = sum * q + 1.0 / k;
    constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
    return exponent * ln2_high + (2 * s * sum + exponent * ln2_low);
}

double portable_inverse_softplus(double x) {
    double sum = 1;  // (e^x - 1) / x by its series
    for (int k = 14; k >= 2; --k) sum = 1 + x / k * sum;
    return portable_log(x * sum);
}

RandomWeights::RandomWeights(uint64_t seed, const TensorSpec &tensor, const Initial &initial)
    : kind_(initial.kind), seed_(seed_of(seed, tensor.name)), bound_(initial.bound),
      row_(tensor.shape.back()) {}

void RandomWeights::fill(uint64_t first, size_t count, float *values) const {
    const float bound = static_cast<float>(bound_);
    for (size_t i = 0; i < count; ++i) {
        const uint64_t index = first + i;
        const uint64_t bits = mix(seed_ + (index + 1) * counter_step);
        switch (kind_) {
        case Initial::Kind::one: values[i] = 1; break;
        case Initial::Kind::uniform: values[i] = bound * uniform(bits); break;
        case Initial::Kind::bell: values[i] = bound * bell(bits); break;
        case Initial::Kind::steps:
            values[i] = static_cast<float>(portable_inverse_softplus(log_uniform_step(bits)));
            break;
        case Initial::Kind::log_index:
            values[i] = static_cast<float>(portable_log(static_cast<double>(index % row_ + 1)));
            break;
        case Initial::Kind::log_uniform:
            values[i] = static_cast<float>(
                portable_log(1 + (bound_ - 1) * (static_cast<double>(uniform(bits)) + 1) / 2));
            break;
        }
    }
}

}  // namespace adder
