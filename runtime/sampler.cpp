// Drawing the next token: repetition penalty, temperature, top-k, top-p, min-p, without sorting and without memory.
// SPDX-License-Identifier: MIT
//
// top-k and top-p are radix selections over the order-preserving integer keys of the floats: four passes of eight bits
// find the value at which the cut falls; of equals at the cut the lower ids stay. Linear in the vocabulary, exact, and
// the same on every machine.
#include "adder/config.h"
#if ADDER_SAMPLER

#include <string.h>

#include "kernels/float_mode.h"
#include "kernels/kernels.h"
#include "kernels/scalar/math.h"
#include "runtime/logits.h"
#include "runtime/model.h"

namespace adder {
namespace {

constexpr float lowest_temperature = 1e-5f;  // below it: greedy

// Integers in the order of the floats.
uint32_t ordered_key(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
}

// A logit of a token in the window is divided by the penalty if positive, else multiplied (CTRL, arXiv 1909.05858).
void penalize_repetition(const adder_sampler &sampler, const KernelTable &kernels, float *logits, uint32_t n) {
    const uint32_t count =
        sampler.accepted < ADDER_SAMPLER_WINDOW ? sampler.accepted : uint32_t{ADDER_SAMPLER_WINDOW};
    for (uint32_t i = 0; i < count; ++i) {
        const int32_t token = sampler.recent[i];
        if (token < 0 || static_cast<uint32_t>(token) >= n) continue;
        bool seen = false;  // each token once
        for (uint32_t k = 0; k < i && !seen; ++k) seen = sampler.recent[k] == token;
        if (seen) continue;
        float &logit = logits[token];
        if (logit <= -highest_logit) continue;  // ruled out, and stays so
        logit = logit > 0 ? logit / sampler.repetition_penalty : logit * sampler.repetition_penalty;
        kernels.clamp(&logit, 1, highest_logit);
    }
}

// Where the cut falls: everything with a key above `key` stays, and of those with that key the weight `rest`.
struct Cut {
    uint32_t key;
    float rest;
};

// Finds the cut so that the weight of what stays reaches `target`. weight_of(i) is at least 0.
template <typename Weight>
Cut find_cut(const float *values, uint32_t n, float target, const Weight &weight_of) {
    uint32_t prefix = 0;
    float left = target;
    for (int shift = 24; shift >= 0; shift -= 8) {
        float weight[256];
        memset(weight, 0, sizeof weight);
        const uint32_t high_mask = shift == 24 ? 0 : ~uint32_t{0} << (shift + 8);
        for (uint32_t i = 0; i < n; ++i) {
            const uint32_t key = ordered_key(values[i]);
            if ((key & high_mask) == prefix) weight[(key >> shift) & 0xff] += weight_of(i);
        }
        uint32_t bin = 0;
        float above = 0;  // weight of the bins above `bin`
        for (uint32_t b = 256; b-- > 0;) {
            if (weight[b] <= 0) continue;
            if (bin > 0) above += weight[bin];
            bin = b;
            if (above + weight[b] >= left) break;
        }
        // Where rounding leaves more than there is, the lowest bin with any weight stays whole.
        left = left - above < weight[bin] ? left - above : weight[bin];
        prefix |= bin << shift;
    }
    return {prefix, left};
}

// Sets to `removed` what the cut removes.
template <typename Weight>
void apply_cut(float *values, uint32_t n, Cut cut, float removed, const Weight &weight_of) {
    float rest = cut.rest;
    for (uint32_t i = 0; i < n; ++i) {
        const uint32_t key = ordered_key(values[i]);
        if (key > cut.key) continue;
        if (key == cut.key && rest > 0) {
            rest -= weight_of(i);
            continue;
        }
        values[i] = removed;
    }
}

// splitmix64 (Steele, Lea and Flood 2014), the upper 24 bits as a float in [0, 1).
float draw_uniform(uint64_t *state) {
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<float>(static_cast<uint32_t>(z >> 40)) * 0x1p-24f;
}

uint32_t draw(adder_sampler *sampler, const KernelTable &kernels, float *values, uint32_t n) {
    if (sampler->top_k > 0 && sampler->top_k < n) {
        const auto one = [](uint32_t) { return 1.0f; };
        const Cut cut = find_cut(values, n, static_cast<float>(sampler->top_k), one);
        apply_cut(values, n, cut, -highest_logit, one);
    }
    // From logits to weights relative to the most likely token.
    const float highest = values[kernels.argmax(values, n)];
    kernels.softmax_weights(values, n, highest, log2_e / sampler->temperature, highest_logit);
    const auto weight_of = [values](uint32_t i) { return values[i]; };
    if (sampler->top_p < 1.0f) {
        float total = 0;
        for (uint32_t i = 0; i < n; ++i) total += values[i];
        const float target =
            sampler->top_p * total;  // even of 0 the most likely token stays, whose weight is 1
        const Cut cut = find_cut(values, n, target > 0 ? target : 1.0f, weight_of);
        apply_cut(values, n, cut, 0.0f, weight_of);
    }
    float total = 0;
    for (uint32_t i = 0; i < n; ++i) {
        if (values[i] < sampler->min_p && values[i] < 1.0f) values[i] = 0.0f;  // the most likely token has 1
        total += values[i];
    }
    // The sums below are those that led to `total`, and a product with at most 1 - 2^-24 rounds to less than that: some
    // token is always reached, and never one that rounding alone would reach.
    const float target = draw_uniform(&sampler->random) * total;
    float sum = 0;
    for (uint32_t i = 0; i < n; ++i) {
        sum += values[i];
        if (target < sum) return i;
    }
    return 0;  // every logit ruled out
}

}  // namespace
}  // namespace adder

using namespace adder;

extern "C" void adder_sampler_init(adder_sampler *sampler, const adder_model *model) {
    const BlobHeader &header = *model_of(model)->header;
    *sampler = adder_sampler{};
    sampler->temperature = header.temperature;
    sampler->top_k = header.top_k;
    sampler->top_p = header.top_p;
    sampler->min_p = header.min_p;
    sampler->repetition_penalty = header.repetition_penalty;
    if (const KernelTable *kernels = kernels_choose(nullptr)) sampler->kernels = kernels_index(kernels);
}

extern "C" void adder_sampler_seed(adder_sampler *sampler, uint64_t seed) { sampler->random = seed; }

extern "C" void adder_sampler_accept(adder_sampler *sampler, int32_t token) {
    sampler->recent[sampler->accepted % ADDER_SAMPLER_WINDOW] = token;
    ++sampler->accepted;
    // Wrap to a full window, not to an empty one.
    if (sampler->accepted == 2u * ADDER_SAMPLER_WINDOW) sampler->accepted = ADDER_SAMPLER_WINDOW;
}

extern "C" int32_t adder_sample(adder_sampler *sampler, float *logits, uint32_t n) {
    if (n == 0) return -1;
    const KernelTable &kernels = *kernels_at(sampler->kernels);
    const FloatModeScope mode;
    // One zero for -0 and subnormals as well: they compare equal to it, but have keys of their own.
    kernels.clamp(logits, n, highest_logit);
    if (sampler->repetition_penalty > 0 && sampler->repetition_penalty != 1.0f)
        penalize_repetition(*sampler, kernels, logits, n);
    const uint32_t token = sampler->temperature >= lowest_temperature ? draw(sampler, kernels, logits, n)
                                                                      : kernels.argmax(logits, n);
    return static_cast<int32_t>(token);
}

#endif  // ADDER_SAMPLER
