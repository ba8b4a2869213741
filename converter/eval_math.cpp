// Log-sum-exp, KL divergence and sample statistics.
// SPDX-License-Identifier: MIT
#include "converter/eval_math.h"

#include <algorithm>
#include <cmath>

#include "kernels/scalar/math.h"

namespace adder {
namespace {

constexpr uint32_t block =
    64;  // exponentials at a time: whole SIMD vectors, and short sums in float are avoided
constexpr uint32_t lanes = 8;  // sums side by side

struct LaneSums {
    double lane[lanes] = {};
    double total() const {
        return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    }
};

}  // namespace

double log_sum_exp(const float *logits, uint32_t n) {
    float highest = logits[0];
    for (uint32_t i = 1; i < n; ++i) highest = logits[i] > highest ? logits[i] : highest;
    LaneSums sums;
    float e[block];
    uint32_t i = 0;
    for (; i + block <= n; i += block) {
        for (uint32_t k = 0; k < block; ++k) e[k] = exp_f32(logits[i + k] - highest);
        for (uint32_t k = 0; k < block; k += lanes)
            for (uint32_t l = 0; l < lanes; ++l) sums.lane[l] += static_cast<double>(e[k + l]);
    }
    for (; i < n; ++i) sums.lane[i % lanes] += static_cast<double>(exp_f32(logits[i] - highest));
    return static_cast<double>(highest) + std::log(sums.total());
}

double kl_divergence(const float *base, double base_lse, const float *model, double model_lse, uint32_t n) {
    const float shift = static_cast<float>(base_lse);
    LaneSums sums, weights;
    float p[block];
    for (uint32_t i = 0; i < n; i += block) {
        const uint32_t count = std::min(block, n - i);
        for (uint32_t k = 0; k < count; ++k) p[k] = exp_f32(base[i + k] - shift);
        for (uint32_t k = 0; k < count; ++k) {
            const double weight = static_cast<double>(p[k]);
            const double difference = static_cast<double>(base[i + k]) - static_cast<double>(model[i + k]);
            sums.lane[k % lanes] += weight * difference;
            weights.lane[k % lanes] += weight;
        }
    }
    // sum p (base - model), with p made to add up to 1, less the difference of the normalizers.
    return std::max(0.0, sums.total() / weights.total() - (base_lse - model_lse));
}

double kl_divergence(const float *base, const float *model, uint32_t n) {
    return kl_divergence(base, log_sum_exp(base, n), model, log_sum_exp(model, n), n);
}

uint32_t top1(const float *logits, uint32_t n) {
    // Two passes that vectorize: the highest, then where it first stands.
    float highest = logits[0];
    for (uint32_t i = 1; i < n; ++i) highest = logits[i] > highest ? logits[i] : highest;
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
