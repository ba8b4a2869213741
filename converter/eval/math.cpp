// Log-sum-exp, KL divergence and sample statistics.
// SPDX-License-Identifier: MIT
#include "converter/eval/math.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/scalar/math.h"

namespace adder {
namespace {

// Four floats side by side, by the vector extension of gcc and clang: SSE2 and Neon have them, others take them apart.
using Floats = float __attribute__((vector_size(16)));
using Ints = int32_t __attribute__((vector_size(16)));
constexpr uint32_t width = 4;
constexpr uint32_t lanes = 16;  // sums side by side
constexpr uint32_t vectors = lanes / width;
constexpr uint32_t block = 8 * lanes;  // terms that are added in float before they are added in double

Floats load(const float *from) {
    Floats v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

Floats highest_of(Floats a, Floats b) {
    const Ints greater = a > b;
    return reinterpret_cast<Floats>((reinterpret_cast<Ints>(a) & greater) |
                                    (reinterpret_cast<Ints>(b) & ~greater));
}

// exp_f32 of kernels/scalar/math.h, the same bits lane by lane, for x up to about 80.
Floats exp_of(Floats x) {
    const Floats low = {-125.0f, -125.0f, -125.0f, -125.0f};
    const Floats t = highest_of(x * log2_e, low);
    const Floats rounded = t + round_magic;
    const Floats f = t - (rounded - round_magic);
    Floats p = f * exp2_c5 + exp2_c4;
    p = p * f + exp2_c3;
    p = p * f + exp2_c2;
    p = p * f + exp2_c1;
    p = p * f + 1.0f;
    return reinterpret_cast<Floats>(reinterpret_cast<Ints>(p) + (reinterpret_cast<Ints>(rounded) << 23));
}

// Sums of doubles over lanes, in a fixed order.
struct LaneSums {
    double lane[lanes] = {};
    void add(uint32_t vector, Floats v) {
        for (uint32_t l = 0; l < width; ++l) lane[vector * width + l] += static_cast<double>(v[l]);
    }
    double total() const {
        double sum = 0;
        for (double x : lane) sum += x;
        return sum;
    }
};

float highest_of(const float *logits, uint32_t n) {
    Floats best[2] = {{logits[0], logits[0], logits[0], logits[0]},
                      {logits[0], logits[0], logits[0], logits[0]}};
    uint32_t i = 0;
    for (; i + 2 * width <= n; i += 2 * width)
        for (uint32_t v = 0; v < 2; ++v) best[v] = highest_of(load(logits + i + v * width), best[v]);
    const Floats both = highest_of(best[0], best[1]);
    float highest = both[0];
    for (uint32_t l = 1; l < width; ++l) highest = both[l] > highest ? both[l] : highest;
    for (; i < n; ++i) highest = logits[i] > highest ? logits[i] : highest;
    return highest;
}

}  // namespace

double log_sum_exp(const float *logits, uint32_t n) {
    const float highest = highest_of(logits, n);
    LaneSums sums;
    uint32_t i = 0;
    for (; i + block <= n; i += block) {
        Floats partial[vectors] = {};
        for (uint32_t k = 0; k < block; k += lanes)
            for (uint32_t v = 0; v < vectors; ++v)
                partial[v] += exp_of(load(logits + i + k + v * width) - highest);
        for (uint32_t v = 0; v < vectors; ++v) sums.add(v, partial[v]);
    }
    for (; i < n; ++i) sums.lane[i % lanes] += static_cast<double>(exp_f32(logits[i] - highest));
    return static_cast<double>(highest) + std::log(sums.total());
}

double kl_divergence(const float *base, double base_lse, const float *model, double model_lse, uint32_t n) {
    // sum p (base - model), with p made to add up to 1, less the difference of the normalizers. The model's logits are
    // moved to the base's level first, so that the differences are small and float holds them well.
    const float shift = static_cast<float>(base_lse), level = static_cast<float>(base_lse - model_lse);
    LaneSums sums, weights;
    uint32_t i = 0;
    for (; i + block <= n; i += block) {
        Floats partial[vectors] = {}, weight[vectors] = {};
        for (uint32_t k = 0; k < block; k += lanes)
            for (uint32_t v = 0; v < vectors; ++v) {
                const uint32_t at = i + k + v * width;
                const Floats b = load(base + at), p = exp_of(b - shift);
                weight[v] += p;
                partial[v] += p * (b - load(model + at) - level);
            }
        for (uint32_t v = 0; v < vectors; ++v) {
            sums.add(v, partial[v]);
            weights.add(v, weight[v]);
        }
    }
    for (; i < n; ++i) {
        const float p = exp_f32(base[i] - shift);
        weights.lane[i % lanes] += static_cast<double>(p);
        sums.lane[i % lanes] += static_cast<double>(p * (base[i] - model[i] - level));
    }
    return std::max(0.0,
                    sums.total() / weights.total() + (static_cast<double>(level) - (base_lse - model_lse)));
}

double kl_divergence(const float *base, const float *model, uint32_t n) {
    return kl_divergence(base, log_sum_exp(base, n), model, log_sum_exp(model, n), n);
}

uint32_t top1(const float *logits, uint32_t n) {
    const float highest = highest_of(logits, n);
    uint32_t index = 0;
    while (index + 1 < n && !(logits[index] == highest)) ++index;
    return index;
}

Estimate mean_of(const std::vector<double> &sample) {
    Estimate result;
    if (sample.empty()) return result;
    const double n = static_cast<double>(sample.size());
    double sum = 0, squares = 0;
    for (double x : sample) sum += x;
    result.value = sum / n;
    for (double x : sample) squares += (x - result.value) * (x - result.value);
    if (sample.size() > 1) result.error = std::sqrt(squares / (n - 1) / n);
    return result;
}

Estimate ratio_of(const std::vector<Cluster> &clusters) {
    Estimate result;
    double n = 0, x = 0, squares = 0;
    for (const Cluster &c : clusters) {
        n += c.n;
        x += c.x;
    }
    if (n <= 0) return result;
    result.value = x / n;
    for (const Cluster &c : clusters) squares += (c.x - c.n * result.value) * (c.x - c.n * result.value);
    const double count = static_cast<double>(clusters.size());
    if (clusters.size() > 1) result.error = std::sqrt(count / (count - 1) * squares) / n;
    return result;
}

}  // namespace adder
