// adder bench kernels --model: the bare matrix products of a model's token, by role.
// SPDX-License-Identifier: MIT
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/bench/kernels.h"
#include "converter/bench/machine.h"
#include "converter/bench/matrices.h"
#include "converter/bench/probe.h"
#include "converter/bench/stats.h"
#include "converter/bench/team.h"

namespace adder {
namespace {

constexpr double seconds_wanted = 2e-3;  // a sample

struct Result {
    uint32_t threads;
    std::string isa;
    std::array<Samples, step_count> roles{};  // seconds a token
    Samples token, read, product;
};

void measure(const BlobFile &blob, const KernelBenchPlan &plan, TokenMatrices *matrices, Result *result) {
    const BenchTeam threads(result->threads, plan.pin);
    const KernelTable &kernels = *kernels_find(result->isa.c_str());
    const Team team = threads.team(plan.least_part ? plan.least_part : kernels.least_part);
    matrices->run(kernels, team, nullptr);  // the pages and the caches get warm
    for (uint32_t tokens = 1;; tokens *= 2) {
        std::array<uint64_t, step_count> ticks{};
        const TickRate rate;
        const Stopwatch watch;
        for (uint32_t i = 0; i < tokens; ++i) matrices->run(kernels, team, &ticks);
        const double seconds = watch.seconds();
        if (seconds < seconds_wanted) continue;
        result->token.add(seconds / tokens);
        for (uint32_t step = 0; step < step_count; ++step)
            result->roles[step].add(static_cast<double>(ticks[step]) * rate.seconds_per_tick() / tokens);
        break;
    }
    const WeightRange weights = weight_range(*model_of(blob.model()));
    result->read.add(probe_read(team, weights.data, weights.size) / static_cast<double>(weights.size));
    if (const double peak = probe_product(team, kernels.name)) result->product.add(1 / peak);
}

BenchTable empty_table() {
    return {"matrices",
            "The matrix products of a token, one barrier a matrix",
            {{"role", "role"},
             {"threads", "threads"},
             {"isa", "isa"},
             {"matrices", "matrices"},
             {"tokens_per_second", "tokens/s", 1},
             {"microseconds_per_token", "us/token", 2},
             {"spread_percent", "± %", 1},
             {"bytes_per_token", "bytes/token"},
             {"gb_per_second", "GB/s", 2},
             {"percent_of_read", "% of read", 1},
             {"products_per_token", "MAC/token"},
             {"gmac_per_second", "GMAC/s", 2},
             {"percent_of_product", "% of product", 1}},
            {}};
}

void add_row(BenchTable *table, const char *name, const Result &result, const TokenMatrices::Role &role,
             const Samples &samples) {
    const double seconds = samples.median();
    BenchCell percent_of_product;
    if (!result.product.empty()) percent_of_product = 100 * role.products * result.product.least() / seconds;
    table->rows.push_back({std::string(name), uint64_t{result.threads}, result.isa, uint64_t{role.matrices},
                           1 / seconds, 1e6 * seconds, samples.spread_percent(), role.bytes,
                           1e-9 * role.bytes / seconds, 100 * role.bytes * result.read.least() / seconds,
                           role.products, 1e-9 * role.products / seconds, percent_of_product});
}

}  // namespace

BenchReport bench_matrices(const BlobFile &blob, const KernelBenchPlan &plan) {
    BenchReport report;
    report.machine = machine_facts();
    TokenMatrices matrices(*model_of(blob.model()));
    std::vector<Result> results;
    for (const uint32_t threads : plan.threads)
        for (const std::string &isa : plan.isas) {
            Result result{};
            result.threads = threads;
            result.isa = isa;
            results.push_back(std::move(result));
        }
    Progress progress("bench kernels", uint64_t{plan.repeats} * results.size());
    for (uint32_t repeat = 0; repeat < plan.repeats; ++repeat)
        for (Result &result : results) {
            measure(blob, plan, &matrices, &result);
            throw_if_interrupted();
            progress.advance();
        }
    BenchTable table = empty_table();
    for (const Result &result : results) {
        for (const Step step : all_steps()) {
            const auto place = static_cast<uint32_t>(step);
            if (matrices.roles()[place].matrices > 0)
                add_row(&table, step_name(step), result, matrices.roles()[place], result.roles[place]);
        }
        add_row(&table, "all", result, matrices.all(), result.token);
    }
    report.tables.push_back(std::move(table));
    const std::string pages = page_kind(model_of(blob.model())->blob);
    report.machine.push_back({"pages", pages, pages.empty() ? pages : "weights in " + pages});
    report.facts = {{"model", blob.path(), blob.path()},
                    {"repeats", uint64_t{plan.repeats}, format("medians of %u", plan.repeats)}};
    return report;
}

}  // namespace adder
