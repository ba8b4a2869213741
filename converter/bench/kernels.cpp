// Times every kernel out of each level of the memory.
// SPDX-License-Identifier: MIT
#include "converter/bench/kernels.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/bench/clock.h"
#include "converter/bench/machine.h"
#include "converter/bench/stats.h"
#include "converter/bench/team.h"
#include "kernels/cases.h"
#include "kernels/float_mode.h"
#include "runtime/team.h"

namespace adder {
namespace {

constexpr double seconds_wanted = 1e-3;  // a sample

struct Level {
    const char *name;
    size_t bytes;  // of all operands, about; at most, unless the smallest call takes more
    uint32_t cols;
};

// Of the caches half, as others live there, too. Each thread has its own first and second level.
std::vector<Level> levels_for(uint32_t threads) {
    const size_t memory = std::min(std::max(2 * cache_bytes(3), size_t{64} << 20), size_t{256} << 20);
    return {{"L1", threads * cache_bytes(1) * 3 / 4, 384},
            {"L2", threads * cache_bytes(2) / 2, 768},
            {"memory", memory, 768}};
}

// A case with operands that fill a level.
class Workload {
  public:
    Workload(const KernelCase &kernel, const Level &level, uint32_t tokens, uint32_t parts, uint32_t forms)
        : case_(kernel), shape_{tile_size, level.cols, tokens} {
        shape_.forms = forms;
        uint32_t &grown = kernel.parts == KernelCase::Parts::tiles ? shape_.rows : shape_.tokens;
        while (kernel.part_count(shape_) < parts) grown *= 2;
        while (bytes_of(shape_) <= level.bytes / 2) grown *= 2;
        place();
    }
    ~Workload() { munmap(memory_, mapped_); }
    Workload(const Workload &) = delete;
    Workload &operator=(const Workload &) = delete;

    size_t bytes() const { return bytes_of(shape_); }
    double work() const { return static_cast<double>(case_.work(shape_)); }

    // Seconds a call, each member of the team working on its part again and again.
    double seconds(const KernelTable &kernels, const Team &team, uint32_t *times) const {
        const FloatModeScope mode;
        while (true) {
            const Stopwatch watch;
            team_run(team, case_.part_count(shape_), [&](Range range) {
                for (uint32_t i = 0; i < *times; ++i)
                    case_.call(kernels, shape_, operands_.data(), range.begin, range.end);
            });
            const double taken = watch.seconds();
            if (taken >= seconds_wanted) return taken / *times;
            *times *= 2;
        }
    }

  private:
    size_t bytes_of(const KernelShape &shape) const {
        size_t bytes = 0;
        for (const Operand &operand : case_.operands(shape))
            bytes += operand.count * element_size(operand.contents);
        return bytes;
    }

    // Operands begin at lines of the cache. Long ones repeat what they begin with.
    void place() {
        constexpr size_t line = 64, filled = size_t{1} << 18;
        const Operands operands = case_.operands(shape_);
        std::vector<size_t> offsets;
        for (const Operand &operand : operands) {
            offsets.push_back(mapped_);
            mapped_ += (operand.count * element_size(operand.contents) + line - 1) / line * line;
        }
        memory_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED)
            fail(ExitCode::failure, "%s: %zu bytes of operands cannot be had: %s", case_.name, mapped_,
                 std::strerror(errno));
        for (size_t i = 0; i < operands.size(); ++i) {
            char *const at = static_cast<char *>(memory_) + offsets[i];
            const size_t size = operands[i].count * element_size(operands[i].contents);
            fill_operand(operands[i].contents, Filling::ordinary, std::min(operands[i].count, filled),
                         static_cast<uint32_t>(i), at);
            const size_t begun = std::min(size, filled * element_size(operands[i].contents));
            for (size_t done = begun; done < size; done += begun)
                std::memcpy(at + done, at, std::min(begun, size - done));
            operands_.push_back(at);
        }
    }

    const KernelCase &case_;
    KernelShape shape_;
    void *memory_ = nullptr;
    size_t mapped_ = 0;
    std::vector<void *> operands_;
};

BenchTable empty_table() {
    return {"kernels",
            "The kernels alone",
            {{"kernel", "kernel"},
             {"level", "level"},
             {"tokens", "tokens"},
             {"threads", "threads"},
             {"isa", "isa"},
             {"working_set_bytes", "working set"},
             {"microseconds", "us/call", 2},
             {"spread_percent", "± %", 1},
             {"gb_per_second", "GB/s", 2},
             {"gmac_per_second", "GMAC/s", 2},
             {"gelements_per_second", "Gelements/s", 2},
             {"times_scalar", "x scalar", 2}},
            {}};
}

struct KernelTest {
    const KernelCase &kernel;
    Level level;
    uint32_t tokens, threads, forms;
};

// The instruction sets take turns. `tokens` of a vector kernel is what fills the level.
void measure(const KernelTest &test, const KernelBenchPlan &plan, const Team &team, BenchTable *table) {
    const Workload load(test.kernel, test.level, test.tokens, test.threads, test.forms);
    std::vector<Samples> samples(plan.isas.size());
    std::vector<uint32_t> times(plan.isas.size(), 1);
    for (uint32_t repeat = 0; repeat < plan.repeats; ++repeat)
        for (size_t i = 0; i < plan.isas.size(); ++i) {
            const KernelTable &kernels = *kernels_find(plan.isas[i].c_str());
            if (repeat == 0) load.seconds(kernels, team, &times[i]);  // the pages and the caches get warm
            samples[i].add(load.seconds(kernels, team, &times[i]));
            throw_if_interrupted();
        }
    const auto scalar = std::find(plan.isas.begin(), plan.isas.end(), "scalar");
    for (size_t i = 0; i < plan.isas.size(); ++i) {
        const double seconds = samples[i].median(), rate = 1e-9 * load.work() / seconds;
        BenchCell times_scalar;
        if (scalar != plan.isas.end())
            times_scalar = samples[static_cast<size_t>(scalar - plan.isas.begin())].median() / seconds;
        table->rows.push_back(
            {test.kernel.name + std::string(test.forms == form_half_state ? ", halves" : ""),
             std::string(test.level.name),
             test.kernel.parts == KernelCase::Parts::tiles ? BenchCell(uint64_t{test.tokens}) : BenchCell(),
             uint64_t{test.threads}, plan.isas[i], uint64_t{load.bytes()}, 1e6 * seconds,
             samples[i].spread_percent(), 1e-9 * static_cast<double>(load.bytes()) / seconds,
             test.kernel.matrix ? BenchCell(rate) : BenchCell(),
             test.kernel.matrix ? BenchCell() : BenchCell(rate), times_scalar});
    }
}

bool is_wanted(const KernelBenchPlan &plan, const std::string &name) {
    return plan.kernels.empty() ||
           std::find(plan.kernels.begin(), plan.kernels.end(), name) != plan.kernels.end();
}

void check_names(const std::vector<std::string> &names) {
    std::string all;
    for (const KernelCase &kernel : kernel_cases())
        all += (all.empty() ? "" : ", ") + std::string(kernel.name);
    for (const std::string &name : names)
        if (std::none_of(kernel_cases().begin(), kernel_cases().end(),
                         [&](const KernelCase &kernel) { return name == kernel.name; }))
            fail(ExitCode::usage, "--kernel is %s; there are %s", name.c_str(), all.c_str());
}

}  // namespace

BenchReport bench_kernels(const KernelBenchPlan &plan) {
    check_names(plan.kernels);
    std::vector<KernelTest> tests;
    for (const KernelCase &kernel : kernel_cases()) {
        if (!is_wanted(plan, kernel.name)) continue;
        for (uint32_t forms = 0; forms <= (kernel.halves ? uint32_t{form_half_state} : 0);
             forms += form_half_state)
            for (const uint32_t threads : plan.threads)
                for (const Level &level : levels_for(threads)) {
                    tests.push_back({kernel, level, 1, threads, forms});
                    if (kernel.parts == KernelCase::Parts::tiles && plan.chunk > 1)
                        tests.push_back({kernel, level, plan.chunk, threads, forms});
                }
    }
    BenchReport report;
    report.machine = machine_facts();
    BenchTable table = empty_table();
    Progress progress("bench kernels", tests.size());
    for (const KernelTest &test : tests) {
        const BenchTeam team(test.threads, plan.pin);
        measure(test, plan, team.team(), &table);
        progress.advance();
    }
    report.tables.push_back(std::move(table));
    report.facts = {{"repeats", uint64_t{plan.repeats}, format("medians of %u", plan.repeats)}};
    return report;
}

}  // namespace adder
