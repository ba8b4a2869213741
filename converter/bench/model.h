// adder bench FILE: rates, latencies and steps of a model's prompt and generation, and the bounds they are held against.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "converter/bench/matrices.h"
#include "converter/bench/report.h"
#include "converter/bench/stats.h"
#include "converter/blob/file.h"

namespace adder {

struct BenchConfiguration {
    uint32_t threads;
    std::string isa;  // empty: the best
};

struct BenchPlan {
    uint32_t prompt_tokens, generate_tokens;  // 0: not measured
    uint32_t long_tokens;                     // 0: not measured
    uint32_t before;                          // tokens that generation comes after
    std::vector<uint32_t> sessions;           // how many generate at once, a measurement each
    uint32_t chunk;
    uint32_t repeats;
    bool pin;             // threads to CPUs
    uint32_t least_part;  // as in adder_options
    std::vector<BenchConfiguration> configurations;
};

// The time of a token by step, in one repeat; what is left of it, the barriers' waiting included, is the rest.
struct StepShares {
    double seconds, timing;                       // by the clock, and what the timing adds to it
    std::array<double, step_count> step_seconds;  // of a thread, on average
    std::array<double, step_count> calls;         // on all threads
};

// A long generation: what its last twentieth took, and in turns with it the first one of another session.
struct Growth {
    Samples first, last;  // seconds a token
    Samples speed;        // of the last over the first, pair by pair
    uint64_t resident_before, resident_after, page_faults;
};

// What one configuration has given so far. Samples of seconds are a token's.
struct BenchResult {
    BenchConfiguration configuration;
    Samples prompt, generate;  // one per repeat
    std::vector<Samples> many;  // as BenchPlan::sessions
    Samples matrices;          // the bare products of a token
    Samples read;              // of the bytes of a token
    Samples product;  // as many products as a token has, from the first-level cache; none for some instruction sets
    Samples latencies;                                     // of single generated tokens
    uint64_t page_faults = 0;                              // while generating: of the repeat that had most
    std::vector<StepShares> prompt_steps, generate_steps;  // one per repeat
    std::vector<Growth> growth;                            // none or one
};

class ModelBench {
  public:
    ModelBench(const BlobFile &blob, const BenchPlan &plan);
    // The configurations take turns, so that a machine that others use as well slows all of them alike.
    void measure();
    BenchReport report() const;

  private:
    struct Run;
    void measure(BenchResult *result);
    void measure_many(BenchResult *result);
    void measure_growth(BenchResult *result);
    BenchTable rates_table() const;
    BenchTable latency_table() const;
    BenchTable steps_table() const;
    BenchTable growth_table() const;
    double open_milliseconds() const;

    const BlobFile &blob_;
    const BenchPlan plan_;
    const std::vector<BenchFact> machine_;  // as it was at the beginning
    TokenMatrices matrices_;
    const WeightRange weights_;
    std::vector<BenchResult> results_;
    size_t arena_bytes_ = 0;
    uint64_t anonymous_bytes_ = 0;  // with an arena and threads
};

// What the layers alone read and multiply for a chunk, which has no logits.
struct LayerTraffic {
    double bytes, products;
};
LayerTraffic layer_traffic(const BlobFile &blob, const TokenMatrices &matrices);

}  // namespace adder
