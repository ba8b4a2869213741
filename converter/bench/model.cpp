// Measures a model: every configuration in turn, its bounds beside it.
// SPDX-License-Identifier: MIT
#include "converter/bench/model.h"
#include "converter/base/process.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/base/random.h"
#include "converter/bench/machine.h"
#include "converter/bench/probe.h"
#include "converter/bench/team.h"
#include "converter/blob/session.h"
#include "host/file_memory.h"
#include "runtime/session.h"

namespace adder {
namespace {

constexpr uint32_t warm_up_steps = 4;
constexpr double seconds_wanted = 1e-3;  // of a bound's sample: several tokens, where one takes less

// The same tokens for everyone: spread over the vocabulary, no two alike in a row.
class TokenSource {
  public:
    explicit TokenSource(uint32_t vocab_size) : vocab_size_(vocab_size) {}
    int32_t next() { return static_cast<int32_t>(random_.below(vocab_size_)); }

  private:
    uint32_t vocab_size_;
    RandomNumbers random_{1};
};

// Seconds of work(), repeated until it takes long enough to be measured.
template <typename Work>
double seconds_of(const Work &work) {
    for (uint32_t times = 1;; times *= 2) {
        const Stopwatch watch;
        for (uint32_t i = 0; i < times; ++i) work();
        const double seconds = watch.seconds();
        if (seconds >= seconds_wanted) return seconds / times;
    }
}

// What `tokens` tokens took by the clock and by the kernels' timer.
StepShares shares_of(StepTimer *timer, double seconds, uint32_t tokens, uint32_t threads) {
    const StepTimes times = timer->take();
    StepShares shares{};
    double calls = 0;
    for (uint32_t step = 0; step < step_count; ++step) {
        shares.step_seconds[step] = times.seconds[step] / tokens / threads;
        shares.calls[step] = static_cast<double>(times.calls[step]) / tokens;
        calls += shares.calls[step];
    }
    shares.seconds = seconds / tokens;
    shares.timing = timer->seconds_per_call() * calls / threads;
    return shares;
}

}  // namespace

// A session with its threads, warmed up.
struct ModelBench::Run {
    const BenchTeam team;
    const Session session;
    const BlobFile &blob;
    TokenSource source;
    std::vector<int32_t> chunk;

    Run(const BlobFile &file, const BenchPlan &plan, const BenchConfiguration &configuration)
        : team(configuration.threads, plan.pin), session(file, options(plan, configuration, team.team())),
          blob(file), source(file.info().vocab_size), chunk(plan.chunk) {
        feed(plan.chunk);
        for (uint32_t i = 0; i < warm_up_steps; ++i) step();
        adder_state_reset(session.get());
    }

    static adder_options options(const BenchPlan &plan, const BenchConfiguration &configuration,
                                 const Team &team) {
        adder_options options{};
        options.chunk = plan.chunk;
        options.threads = configuration.threads;
        options.least_part = plan.least_part;
        options.parallel_for = team.parallel_for;
        options.parallel_context = team.context;
        options.isa = configuration.isa.empty() ? nullptr : configuration.isa.c_str();
        // Looked at where attention sees all of a sequence.
        options.context = std::max({plan.prompt_tokens, plan.before + plan.generate_tokens, plan.long_tokens,
                                    plan.chunk + warm_up_steps, 1u});
        return options;
    }

    void feed(uint32_t tokens) {
        while (tokens > 0) {
            const auto count = std::min(tokens, static_cast<uint32_t>(chunk.size()));
            for (uint32_t i = 0; i < count; ++i) chunk[i] = source.next();
            check(adder_feed(session.get(), chunk.data(), count), blob.path());
            throw_if_interrupted();
            tokens -= count;
        }
    }
    void step() { step(session); }
    void step(const Session &one) {
        float *logits = nullptr;
        check(adder_step(one.get(), source.next(), &logits), blob.path());
        throw_if_interrupted();
    }
};

ModelBench::ModelBench(const BlobFile &blob, const BenchPlan &plan)
    : blob_(blob), plan_(plan), machine_(machine_facts()), matrices_(*model_of(blob.model())),
      weights_(weight_range(*model_of(blob.model()))) {
    for (const BenchConfiguration &configuration : plan.configurations) {
        BenchResult result;
        result.configuration = configuration;
        result.many.resize(plan.sessions.size());
        results_.push_back(std::move(result));
    }
}

void ModelBench::measure() {
    const uint64_t rounds = uint64_t{plan_.repeats} + (plan_.long_tokens > 0 ? 1 : 0);
    Progress progress("bench", rounds * results_.size());
    for (uint64_t round = 0; round < rounds; ++round)
        for (BenchResult &result : results_) {
            if (round < plan_.repeats) {
                measure(&result);
                measure_many(&result);
            } else {
                measure_growth(&result);
            }
            progress.advance();
        }
}

void ModelBench::measure(BenchResult *result) {
    Run run(blob_, plan_, result->configuration);
    adder_session *const session = run.session.get();
    const uint32_t threads = result->configuration.threads;
    const KernelTable &kernels = *session->kernels;
    const Team team = run.team.team(run.session.get()->team.least_part);
    arena_bytes_ = run.session.arena_bytes();
    result->configuration.isa = adder_session_isa(session);

    if (plan_.prompt_tokens > 0) {
        const Stopwatch watch;
        run.feed(plan_.prompt_tokens);
        result->prompt.add(watch.seconds() / plan_.prompt_tokens);
    }
    if (plan_.generate_tokens > 0) {
        std::vector<double> ends(plan_.generate_tokens);
        adder_state_reset(session);
        run.feed(plan_.before);
        const uint64_t faults = page_faults_so_far();
        const Stopwatch watch;
        for (double &end : ends) {
            run.step();
            end = watch.seconds();
        }
        result->page_faults = std::max(result->page_faults, page_faults_so_far() - faults);
        result->generate.add(ends.back() / plan_.generate_tokens);
        for (size_t i = 0; i < ends.size(); ++i)
            result->latencies.add(i == 0 ? ends[0] : ends[i] - ends[i - 1]);
    }
    anonymous_bytes_ = std::max(anonymous_bytes_, anonymous_bytes());
    result->matrices.add(seconds_of([&] { matrices_.run(kernels, team, nullptr); }));
    result->read.add(seconds_of([&] { probe_read(team, weights_.data, weights_.size); }));
    if (const double rate = probe_product(team, kernels.name))
        result->product.add(matrices_.all().products / rate);

    // A quarter of the tokens, once more, for the steps.
    StepTimer timer(session);
    const auto quarter = [](uint32_t tokens, uint32_t least) {
        return std::min(tokens, std::max(tokens / 4, least));
    };
    if (const uint32_t tokens = quarter(plan_.prompt_tokens, plan_.chunk)) {
        adder_state_reset(session);
        const Stopwatch watch;
        run.feed(tokens);
        result->prompt_steps.push_back(shares_of(&timer, watch.seconds(), tokens, threads));
    }
    if (const uint32_t tokens = quarter(plan_.generate_tokens, 8)) {
        adder_state_reset(session);
        run.feed(plan_.before);
        const Stopwatch watch;
        for (uint32_t i = 0; i < tokens; ++i) run.step();
        result->generate_steps.push_back(shares_of(&timer, watch.seconds(), tokens, threads));
    }
}

// Of a step of all of them together a session's share is a token's time.
void ModelBench::measure_many(BenchResult *result) {
    for (size_t i = 0; i < plan_.sessions.size(); ++i) {
        const uint32_t count = plan_.sessions[i];
        const BenchTeam team(result->configuration.threads, plan_.pin);
        std::vector<std::unique_ptr<Session>> sessions;
        std::vector<adder_session *> many;
        for (uint32_t k = 0; k < count; ++k) {
            adder_options options = Run::options(plan_, result->configuration, team.team());
            options.logit_rows = options.chunk = k == 0 ? count : 1;
            sessions.push_back(std::make_unique<Session>(blob_, options));
            many.push_back(sessions.back()->get());
        }
        TokenSource source(blob_.info().vocab_size);
        std::vector<int32_t> tokens(count);
        std::vector<float *> logits(count);
        const auto step = [&] {
            for (int32_t &token : tokens) token = source.next();
            check(adder_step_many(many.data(), tokens.data(), count, logits.data(), nullptr), blob_.path());
            throw_if_interrupted();
        };
        for (uint32_t k = 0; k < warm_up_steps; ++k) step();
        const uint32_t steps = plan_.generate_tokens;
        const Stopwatch watch;
        for (uint32_t k = 0; k < steps; ++k) step();
        result->many[i].add(watch.seconds() / steps / count);
    }
}

// The last tokens of a long session and the first ones of another in turns, so that both meet the machine's slow moments.
void ModelBench::measure_growth(BenchResult *result) {
    Run run(blob_, plan_, result->configuration);
    const Session fresh(blob_, Run::options(plan_, result->configuration, run.team.team()));
    run.step(fresh);
    adder_state_reset(fresh.get());
    const auto seconds = [&](const Session &session) {
        const Stopwatch watch;
        run.step(session);
        return watch.seconds();
    };
    const uint32_t window = plan_.long_tokens / 20;
    std::vector<double> first(window), last(window);
    Progress progress(format("%u tokens", plan_.long_tokens), plan_.long_tokens);
    Growth growth{};
    growth.resident_before = resident_bytes();
    const uint64_t faults = page_faults_so_far();
    for (uint32_t i = 0; i < plan_.long_tokens - window; ++i) {
        run.step();
        progress.advance();
    }
    for (uint32_t i = 0; i < window; ++i) {
        const bool fresh_goes_first = i % 2 == 0;
        if (fresh_goes_first) first[i] = seconds(fresh);
        last[i] = seconds(run.session);
        if (!fresh_goes_first) first[i] = seconds(fresh);
        progress.advance();
    }
    growth.page_faults = page_faults_so_far() - faults;
    growth.resident_after = resident_bytes();
    for (uint32_t i = 0; i < window; ++i) {
        growth.first.add(first[i]);
        growth.last.add(last[i]);
        growth.speed.add(first[i] / last[i]);
    }
    result->growth.push_back(std::move(growth));
}

// Mapping the file and adder_model_open: the median over the repeats, as the machine is shared.
double ModelBench::open_milliseconds() const {
    Samples milliseconds;
    for (uint32_t i = 0; i < plan_.repeats; ++i)
        milliseconds.add(BlobFile(blob_.path(), BlobFile::Checksum::skip).open_seconds() * 1e3);
    return milliseconds.median();
}

LayerTraffic layer_traffic(const BlobFile &blob, const TokenMatrices &matrices) {
    const Model &model = *model_of(blob.model());
    const BlobTensor &head = tensor_of(model, no_block, Role::head);
    const bool per_row = head.granularity == static_cast<uint8_t>(Granularity::row);
    const uint64_t head_bytes = head.size + (per_row ? uint64_t{4} * model.architecture.vocab_padded() : 0);
    return {static_cast<double>(blob.info().bytes_per_token) - static_cast<double>(head_bytes),
            matrices.all().products - matrices.roles()[static_cast<uint32_t>(Step::head)].products};
}

BenchReport ModelBench::report() const {
    const auto line = [](uint64_t bytes) { return static_cast<unsigned long long>(bytes); };
    const double open_ms = open_milliseconds();
    const uint64_t blob_bytes = blob_.info().blob_bytes, state_bytes = adder_state_size(blob_.model()),
                   peak_bytes = peak_rss_bytes();
    uint64_t faults = 0;
    for (const BenchResult &result : results_) faults = std::max(faults, result.page_faults);
    const std::string pages = page_kind(weights_.data);

    BenchReport report;
    report.machine = machine_;
    report.machine.push_back({"pages", pages, pages.empty() ? pages : "weights in " + pages});
    report.tables = {rates_table(), latency_table(), steps_table(), growth_table()};
    report.facts = {
        {"model", blob_.path(), blob_.path()},
        {"repeats", uint64_t{plan_.repeats}, format("medians of %u", plan_.repeats)},
        {"chunk", uint64_t{plan_.chunk}, format("chunk %u", plan_.chunk)},
        {"generated_after", uint64_t{plan_.before},
         plan_.before > 0 ? format("generated after %u tokens", plan_.before) : ""},
        {"pinned", uint64_t{plan_.pin}, plan_.pin ? "threads bound to CPUs" : ""},
        {"blob_bytes", blob_bytes, format("blob %llu bytes", line(blob_bytes))},
        {"open_milliseconds", open_ms, format("opened in %.2f ms", open_ms)},
        {"arena_bytes", uint64_t{arena_bytes_}, format("arena %llu bytes", line(arena_bytes_))},
        {"state_bytes", state_bytes, format("state %llu bytes", line(state_bytes))},
        {"peak_rss_bytes", peak_bytes, format("peak resident %llu bytes", line(peak_bytes))},
        {"anonymous_bytes", anonymous_bytes_, format("%llu bytes of it in no file", line(anonymous_bytes_))},
        {"generation_page_faults", faults, format("%llu page faults while generating", line(faults))},
    };
    return report;
}

}  // namespace adder
