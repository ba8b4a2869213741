// The tables of a model's measurements.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "converter/bench/machine.h"
#include "converter/bench/model.h"

namespace adder {
namespace {

// One line of the rates: anything that does the work of a token, or a part of it, in so many seconds.
struct Rate {
    const char *test;
    uint64_t tokens;
    const Samples &seconds;  // a token
    double bytes, products;  // of a token; 0: does not apply
    uint64_t sessions = 1;   // at once
};

// Zero, and what is no number, does not apply.
BenchCell if_any(double number) { return number > 0 ? BenchCell(number) : BenchCell(); }

std::vector<BenchCell> rate_row(const Rate &rate, const BenchResult &result, double read_bandwidth,
                                double peak) {
    const double seconds = rate.seconds.median();
    const bool bare = rate.test != std::string("generate") && rate.test != std::string("many");
    return {std::string(rate.test),
            rate.tokens == 0 ? BenchCell() : BenchCell(rate.tokens),
            uint64_t{result.configuration.threads},
            result.configuration.isa,
            1 / seconds,
            1 / rate.seconds.most(),
            1 / rate.seconds.least(),
            rate.seconds.spread_percent(),
            1e3 * seconds,
            if_any(rate.bytes),
            if_any(1e-9 * rate.bytes / seconds),
            if_any(100 * rate.bytes / seconds / read_bandwidth),
            if_any(rate.products),
            if_any(1e-9 * rate.products / seconds),
            if_any(100 * rate.products / seconds / peak),
            bare ? BenchCell() : BenchCell(100 * result.matrices.median() / seconds),
            bare ? BenchCell() : BenchCell(rate.sessions),
            bare || result.generate.empty() ? BenchCell() : BenchCell(result.generate.median() / seconds)};
}

// From the median repeat, so that its parts add up to its total.
void add_steps(BenchTable *table, const char *test, const BenchResult &result,
               std::vector<StepShares> repeats) {
    if (repeats.empty()) return;
    const auto middle = repeats.begin() + static_cast<ptrdiff_t>((repeats.size() - 1) / 2);
    std::nth_element(repeats.begin(), middle, repeats.end(),
                     [](const StepShares &a, const StepShares &b) { return a.seconds < b.seconds; });
    double rest = middle->seconds;
    const auto add = [&](const char *step, BenchCell calls, double seconds) {
        table->rows.push_back({std::string(test), uint64_t{result.configuration.threads},
                               result.configuration.isa, std::string(step), std::move(calls), 1e6 * seconds,
                               100 * seconds / middle->seconds});
    };
    for (const Step step : all_steps()) {
        const auto place = static_cast<uint32_t>(step);
        if (middle->calls[place] == 0) continue;
        rest -= middle->step_seconds[place];
        add(step_name(step), middle->calls[place], middle->step_seconds[place]);
    }
    const double timing = std::min(middle->timing, std::max(rest, 0.0));
    add("timing", BenchCell(), timing);
    add("rest", BenchCell(), rest - timing);
    add("all", BenchCell(), middle->seconds);
}

// Bytes a second of the best repeat of reading with so many threads, whatever kernels took turns with it.
double best_read(const std::vector<BenchResult> &results, uint32_t threads, double bytes) {
    double best = 0;
    for (const BenchResult &result : results)
        if (result.configuration.threads == threads) best = std::max(best, bytes / result.read.least());
    return best;
}

}  // namespace

BenchTable ModelBench::rates_table() const {
    BenchTable table{"rates",
                     "Tokens a second, and what bounds them",
                     {{"test", "test"},
                      {"tokens", "tokens"},
                      {"threads", "threads"},
                      {"isa", "isa"},
                      {"tokens_per_second", "tokens/s", 1},
                      {"tokens_per_second_min", nullptr},
                      {"tokens_per_second_max", nullptr},
                      {"spread_percent", "± %", 1},
                      {"milliseconds_per_token", "ms/token", 4},
                      {"bytes_per_token", "bytes/token"},
                      {"gb_per_second", "GB/s", 2},
                      {"percent_of_read", "% of read", 1},
                      {"products_per_token", "MAC/token"},
                      {"gmac_per_second", "GMAC/s", 2},
                      {"percent_of_product", "% of product", 1},
                      {"percent_of_matrices", "% of matrices", 1},
                      {"sessions", plan_.sessions.empty() ? nullptr : "sessions"},
                      {"ratio_to_generate", plan_.sessions.empty() ? nullptr : "x generate", 2}},
                     {}};
    const LayerTraffic layers = layer_traffic(blob_, matrices_);
    const TokenMatrices::Role all = matrices_.all();
    const double chunks = (plan_.prompt_tokens + plan_.chunk - 1) / plan_.chunk;
    const auto size = static_cast<double>(weights_.size);
    for (const BenchResult &result : results_) {
        const double bandwidth = best_read(results_, result.configuration.threads, size);
        const double peak = all.products / result.product.least();  // not a number without a probe
        const auto bytes = static_cast<double>(blob_.info().bytes_per_token);
        std::vector<Rate> rates = {
            {"prompt", plan_.prompt_tokens, result.prompt,
             layers.bytes * chunks / std::max(1u, plan_.prompt_tokens), layers.products},
            {"generate", plan_.generate_tokens, result.generate, bytes, all.products},
            {"matrices", 0, result.matrices, all.bytes, all.products},
            {"read", 0, result.read, size, 0},
            {"product", 0, result.product, 0, all.products},
        };
        for (size_t i = 0; i < result.many.size(); ++i)
            rates.push_back({"many", plan_.generate_tokens, result.many[i], bytes / plan_.sessions[i],
                             all.products, plan_.sessions[i]});
        for (const Rate &rate : rates)
            if (!rate.seconds.empty()) table.rows.push_back(rate_row(rate, result, bandwidth, peak));
    }
    return table;
}

BenchTable ModelBench::latency_table() const {
    BenchTable table{"latency",
                     "Microseconds a generated token",
                     {{"test", "test"},
                      {"threads", "threads"},
                      {"isa", "isa"},
                      {"tokens", "tokens"},
                      {"min_microseconds", "min", 1},
                      {"p50_microseconds", "p50", 1},
                      {"p90_microseconds", "p90", 1},
                      {"p99_microseconds", "p99", 1},
                      {"max_microseconds", "max", 1},
                      {"page_faults", "page faults"}},
                     {}};
    for (const BenchResult &result : results_) {
        if (result.latencies.empty()) continue;
        const Samples &l = result.latencies;
        table.rows.push_back({std::string("generate"), uint64_t{result.configuration.threads},
                              result.configuration.isa, uint64_t{plan_.generate_tokens} * plan_.repeats,
                              1e6 * l.least(), 1e6 * l.median(), 1e6 * l.quantile(0.9),
                              1e6 * l.quantile(0.99), 1e6 * l.most(), result.page_faults});
    }
    return table;
}

BenchTable ModelBench::steps_table() const {
    BenchTable table{"steps",
                     "Where the time goes: microseconds a token, of each thread",
                     {{"test", "test"},
                      {"threads", "threads"},
                      {"isa", "isa"},
                      {"step", "step"},
                      {"calls_per_token", "calls", 1},
                      {"microseconds_per_token", "us/token", 2},
                      {"percent", "%", 1}},
                     {}};
    for (const BenchResult &result : results_) {
        add_steps(&table, "prompt", result, result.prompt_steps);
        add_steps(&table, "generate", result, result.generate_steps);
    }
    return table;
}

BenchTable ModelBench::growth_table() const {
    BenchTable table{"growth",
                     "A long generation: its last 5 % in turns with the first 5 % of another",
                     {{"test", "test"},
                      {"tokens", "tokens"},
                      {"threads", "threads"},
                      {"isa", "isa"},
                      {"first_tokens_per_second", "first tokens/s", 1},
                      {"last_tokens_per_second", "last tokens/s", 1},
                      {"change_percent", "change %", 2},
                      {"change_low_percent", "from", 2},
                      {"change_high_percent", "to", 2},
                      {"resident_bytes_before", "resident before"},
                      {"resident_bytes_after", "resident after"},
                      {"page_faults", "page faults"}},
                     {}};
    for (const BenchResult &result : results_)
        for (const Growth &growth : result.growth) {
            const auto change = [&](double share) { return 100 * (growth.speed.quantile(share) - 1); };
            table.rows.push_back({std::string("long"), uint64_t{plan_.long_tokens},
                                  uint64_t{result.configuration.threads}, result.configuration.isa,
                                  1 / growth.first.median(), 1 / growth.last.median(), change(0.5),
                                  change(0.25), change(0.75), growth.resident_before, growth.resident_after,
                                  growth.page_faults});
        }
    return table;
}

}  // namespace adder
