// The product probes: each instruction set's int8 multiply-accumulate, fed from the first-level cache.
// SPDX-License-Identifier: MIT
//
// A probe loads a vector of weights and multiplies it with those of four tokens, which stay in registers: four or eight
// sums side by side hide the latency, and the multipliers are what limits it. Results are meaningless (sums may
// saturate); only the count of products is kept. A kernel has more to do: signs, x to be loaded, sums to be finished.
#include "converter/bench/probe.h"

#include <cstring>

#include "converter/bench/clock.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace adder {
namespace {

constexpr size_t weight_bytes = 8192;  // well within any first-level cache
constexpr uint32_t tokens = 4;

using Probe = void (*)(const int8_t *weights, const int8_t *x, uint32_t passes, uint8_t *result);

// At the end of a pass: for all that the compiler knows the weights have changed, so the next one is run as well.
[[gnu::always_inline]] inline void pass_end() { __asm__ volatile("" : : : "memory"); }

// What the compiler makes of plain C for the baseline of this build, as it does with the scalar kernels.
void product_plain(const int8_t *weights, const int8_t *x, uint32_t passes, uint8_t *result) {
    uint32_t sums[tokens] = {};  // may wrap
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (uint32_t t = 0; t < tokens; ++t) {
            int32_t sum = 0;
            for (size_t i = 0; i < weight_bytes; ++i) sum += weights[i] * x[i + t];
            sums[t] += static_cast<uint32_t>(sum);
        }
        pass_end();
    }
    std::memcpy(result, sums, sizeof sums);
}

#if defined(__x86_64__)

[[gnu::target("sse4.1")]] void product_sse41(const int8_t *weights, const int8_t *x, uint32_t passes,
                                             uint8_t *result) {
    const __m128i ones = _mm_set1_epi16(1);
    __m128i codes[tokens], sums[tokens];
    for (uint32_t t = 0; t < tokens; ++t) {
        std::memcpy(&codes[t], x + 16 * t, sizeof codes[t]);
        sums[t] = _mm_setzero_si128();
    }
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < weight_bytes; i += 16) {
            __m128i w;
            std::memcpy(&w, weights + i, sizeof w);
#pragma GCC unroll 4
            for (uint32_t t = 0; t < tokens; ++t)
                sums[t] = _mm_add_epi32(sums[t], _mm_madd_epi16(_mm_maddubs_epi16(w, codes[t]), ones));
        }
        pass_end();
    }
    for (uint32_t t = 0; t < tokens; ++t) std::memcpy(result + sizeof sums[t] * t, &sums[t], sizeof sums[t]);
}

[[gnu::target("avx2")]] void product_avx2(const int8_t *weights, const int8_t *x, uint32_t passes,
                                          uint8_t *result) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i codes[tokens], sums[tokens];
    for (uint32_t t = 0; t < tokens; ++t) {
        std::memcpy(&codes[t], x + 32 * t, sizeof codes[t]);
        sums[t] = _mm256_setzero_si256();
    }
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < weight_bytes; i += 32) {
            __m256i w;
            std::memcpy(&w, weights + i, sizeof w);
#pragma GCC unroll 4
            for (uint32_t t = 0; t < tokens; ++t)
                sums[t] =
                    _mm256_add_epi32(sums[t], _mm256_madd_epi16(_mm256_maddubs_epi16(w, codes[t]), ones));
        }
        pass_end();
    }
    for (uint32_t t = 0; t < tokens; ++t) std::memcpy(result + sizeof sums[t] * t, &sums[t], sizeof sums[t]);
}

[[gnu::target("avxvnni")]] void product_avxvnni(const int8_t *weights, const int8_t *x, uint32_t passes,
                                                uint8_t *result) {
    __m256i codes[tokens], sums[2][tokens];
    for (uint32_t t = 0; t < tokens; ++t) {
        std::memcpy(&codes[t], x + 32 * t, sizeof codes[t]);
        sums[0][t] = sums[1][t] = _mm256_setzero_si256();
    }
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < weight_bytes; i += 64) {
#pragma GCC unroll 2
            for (size_t half = 0; half < 2; ++half) {
                __m256i w;
                std::memcpy(&w, weights + i + 32 * half, sizeof w);
#pragma GCC unroll 4
                for (uint32_t t = 0; t < tokens; ++t)
                    sums[half][t] = _mm256_dpbusd_avx_epi32(sums[half][t], w, codes[t]);
            }
        }
        pass_end();
    }
    for (uint32_t t = 0; t < tokens; ++t) {
        const auto total = sums[0][t] + sums[1][t];
        std::memcpy(result + sizeof total * t, &total, sizeof total);
    }
}

[[gnu::target("avx512f,avx512vnni")]] void product_avx512vnni(const int8_t *weights, const int8_t *x,
                                                              uint32_t passes, uint8_t *result) {
    __m512i codes[tokens], sums[2][tokens];
    for (uint32_t t = 0; t < tokens; ++t) {
        std::memcpy(&codes[t], x + 64 * t, sizeof codes[t]);
        sums[0][t] = sums[1][t] = _mm512_setzero_si512();
    }
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < weight_bytes; i += 128) {
#pragma GCC unroll 2
            for (size_t half = 0; half < 2; ++half) {
                __m512i w;
                std::memcpy(&w, weights + i + 64 * half, sizeof w);
#pragma GCC unroll 4
                for (uint32_t t = 0; t < tokens; ++t)
                    sums[half][t] = _mm512_dpbusd_epi32(sums[half][t], w, codes[t]);
            }
        }
        pass_end();
    }
    for (uint32_t t = 0; t < tokens; ++t) {
        const auto total = sums[0][t] + sums[1][t];
        std::memcpy(result + sizeof total * t, &total, sizeof total);
    }
}

#elif defined(__ARM_NEON)

void product_neon(const int8_t *weights, const int8_t *x, uint32_t passes, uint8_t *result) {
    int8x8_t codes[tokens];
    int32x4_t sums[tokens];
    for (uint32_t t = 0; t < tokens; ++t) {
        codes[t] = vld1_s8(x + 16 * t);
        sums[t] = vdupq_n_s32(0);
    }
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < weight_bytes; i += 16) {
            const int8x16_t w = vld1q_s8(weights + i);
#pragma GCC unroll 4
            for (uint32_t t = 0; t < tokens; ++t) {
                const int16x8_t pairs = vmull_s8(vget_low_s8(w), codes[t]);
                sums[t] = vpadalq_s16(sums[t], vmlal_s8(pairs, vget_high_s8(w), codes[t]));
            }
        }
        pass_end();
    }
    for (uint32_t t = 0; t < tokens; ++t) std::memcpy(result + sizeof sums[t] * t, &sums[t], sizeof sums[t]);
}

// gcc knows these instructions in a function that asks for them; clang 14 in a file alone that does.
#if defined(__aarch64__) && !defined(__clang__)
#define ADDER_PROBE_DOTPROD 1

[[gnu::target("arch=armv8.2-a+dotprod")]] void product_dotprod(const int8_t *weights, const int8_t *x,
                                                               uint32_t passes, uint8_t *result) {
    int8x16_t codes[tokens];
    int32x4_t sums[2][tokens];
    for (uint32_t t = 0; t < tokens; ++t) {
        codes[t] = vld1q_s8(x + 16 * t);
        sums[0][t] = sums[1][t] = vdupq_n_s32(0);
    }
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < weight_bytes; i += 32) {
#pragma GCC unroll 2
            for (size_t half = 0; half < 2; ++half) {
                const int8x16_t w = vld1q_s8(weights + i + 16 * half);
#pragma GCC unroll 4
                for (uint32_t t = 0; t < tokens; ++t) sums[half][t] = vdotq_s32(sums[half][t], w, codes[t]);
            }
        }
        pass_end();
    }
    for (uint32_t t = 0; t < tokens; ++t) {
        const auto total = sums[0][t] + sums[1][t];
        std::memcpy(result + sizeof total * t, &total, sizeof total);
    }
}

// 2 rows of 8 by 8 columns of 2 tokens: 32 products an instruction, for two tokens at a time.
[[gnu::target("arch=armv8.2-a+i8mm")]] void product_i8mm(const int8_t *weights, const int8_t *x,
                                                         uint32_t passes, uint8_t *result) {
    int8x16_t codes[tokens / 2];
    int32x4_t sums[4][tokens / 2];
    for (uint32_t t = 0; t < tokens / 2; ++t) {
        codes[t] = vld1q_s8(x + 16 * t);
        for (auto &sum : sums) sum[t] = vdupq_n_s32(0);
    }
    for (uint32_t pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < weight_bytes; i += 64) {
#pragma GCC unroll 4
            for (size_t part = 0; part < 4; ++part) {
                const int8x16_t w = vld1q_s8(weights + i + 16 * part);
#pragma GCC unroll 2
                for (uint32_t t = 0; t < tokens / 2; ++t)
                    sums[part][t] = vmmlaq_s32(sums[part][t], w, codes[t]);
            }
        }
        pass_end();
    }
    for (uint32_t t = 0; t < tokens / 2; ++t) {
        const auto total = (sums[0][t] + sums[1][t]) + (sums[2][t] + sums[3][t]);
        std::memcpy(result + sizeof total * t, &total, sizeof total);
    }
}
#endif

#endif

Probe probe_of(const char *isa) {
    static const struct {
        const char *isa;
        Probe probe;
    } probes[] = {
        {"scalar", product_plain},
#if defined(__x86_64__)
        {"sse41", product_sse41},
        {"avx2", product_avx2},
        {"avxvnni", product_avxvnni},
        {"avx512vnni", product_avx512vnni},
#elif defined(__ARM_NEON)
        {"neon", product_neon},
#if defined(ADDER_PROBE_DOTPROD)
        {"dotprod", product_dotprod},
        {"i8mm", product_i8mm},
#endif
#endif
    };
    for (const auto &entry : probes)
        if (std::strcmp(entry.isa, isa) == 0) return entry.probe;
    return nullptr;
}

}  // namespace

double probe_product(const Team &team, const char *isa) {
    constexpr double products_a_pass = double{weight_bytes} * tokens;
    constexpr double seconds_wanted = 2e-3;
    const Probe probe = probe_of(isa);
    if (probe == nullptr) return 0;
    const auto run = [&](uint32_t passes) {
        const Stopwatch watch;
        team_run(team, team.size, [&](Range range) {
            alignas(64) int8_t weights[weight_bytes], x[weight_bytes + tokens];
            std::memset(weights, 3, sizeof weights);
            std::memset(x, 5, sizeof x);
            uint8_t result[64 * tokens];
            for (uint32_t i = range.begin; i < range.end; ++i) probe(weights, x, passes, result);
            __asm__ volatile("" : : "r"(result) : "memory");  // it is wanted
        });
        return watch.seconds();
    };
    uint32_t passes = 1;
    double seconds = run(passes);
    while (seconds < seconds_wanted) seconds = run(passes *= 2);
    return products_a_pass * passes * team.size / seconds;
}

}  // namespace adder
