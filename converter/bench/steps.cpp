// The timing functions around the kernels, and the counters of each thread.
// SPDX-License-Identifier: MIT
#include "converter/bench/steps.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "converter/plan/model_shape.h"
#include "converter/plan/names.h"

namespace adder {
namespace {

struct Counters {
    std::array<uint64_t, step_count> ticks{}, calls{};
};

// The timer's state that its functions can reach. They only read it, but for the registration of a thread.
struct State {
    KernelTable kernels{}, timed{};
    std::vector<std::pair<const void *, Step>> matrices;  // by the address of their weights
    std::mutex mutex;
    std::vector<std::unique_ptr<Counters>> counters;  // one per thread that has run a kernel; guarded by mutex
    std::atomic<uint32_t> timer{0};                   // the number of the timer at work
};

State state;

// This thread's counters for the timer at work.
Counters &own_counters() {
    thread_local Counters *own = nullptr;
    thread_local uint32_t own_timer = 0;
    const uint32_t timer = state.timer.load(std::memory_order_acquire);
    if (own_timer != timer) {
        const std::lock_guard<std::mutex> lock(state.mutex);
        state.counters.push_back(std::make_unique<Counters>());
        own = state.counters.back().get();
        own_timer = timer;
    }
    return *own;
}

void count(Step step, uint64_t ticks) {
    Counters &own = own_counters();
    own.ticks[static_cast<uint32_t>(step)] += ticks;
    ++own.calls[static_cast<uint32_t>(step)];
}

Step step_of(const Matrix &matrix) {
    const auto at = std::lower_bound(
        state.matrices.begin(), state.matrices.end(), matrix.weights,
        [](const auto &entry, const void *weights) { return std::less<>()(entry.first, weights); });
    return at->second;
}

// A function with the signature of KernelTable's member, and what the call of `Member` takes booked on a step.
template <auto Member, Step step, typename Function>
struct Timed;

template <auto Member, Step step, typename Result, typename... Args>
struct Timed<Member, step, Result (*KernelTable::*)(Args...)> {
    static Result call(Args... args) {
        struct Booking {
            const uint64_t start = ticks_now();
            ~Booking() { count(step, ticks_now() - start); }
        } const booking;
        return (state.kernels.*Member)(args...);
    }
};

// The same for matrix products, whose step depends on the matrix.
template <auto Member>
void timed_matmul(const Matrix &matrix, const MatmulArgs &args) {
    const uint64_t start = ticks_now();
    (state.kernels.*Member)(matrix, args);
    const uint64_t ticks = ticks_now() - start;
    count(step_of(matrix), ticks);
}

// What the list of kernels has for each: the step that its time is booked on. That of what no step has counts as the rest.
enum class Booking { matrix, norm, quantize, conv, scan, rest };

template <auto Member, Booking booking>
void wrap() {
    if constexpr (booking == Booking::matrix) state.timed.*Member = timed_matmul<Member>;
    if constexpr (booking == Booking::norm)
        state.timed.*Member = Timed<Member, Step::norm, decltype(Member)>::call;
    if constexpr (booking == Booking::quantize)
        state.timed.*Member = Timed<Member, Step::quantize, decltype(Member)>::call;
    if constexpr (booking == Booking::conv)
        state.timed.*Member = Timed<Member, Step::conv, decltype(Member)>::call;
    if constexpr (booking == Booking::scan)
        state.timed.*Member = Timed<Member, Step::scan, decltype(Member)>::call;
}

void wrap_all() {
    state.timed = state.kernels;
#define ADDER_KERNEL(kernel, type, part, step) wrap<&KernelTable::kernel, Booking::step>();
#include "kernels/kernels.inc"
}

void list_matrices(const Model &model) {
    state.matrices.clear();
    each_linear(model, [](Role role, const Linear &linear) {
        state.matrices.emplace_back(linear.matrix.weights, adder::step_of(role));
    });
    std::sort(state.matrices.begin(), state.matrices.end(),
              [](const auto &a, const auto &b) { return std::less<>()(a.first, b.first); });
}

// The least of some rounds of empty products: of no tiles, for no tokens.
double measure_call() {
    constexpr int calls = 1000;
    Matrix matrix{};
    matrix.weights = state.matrices.front().first;
    const MatmulArgs args{};
    const auto seconds = [&](const KernelTable &kernels) {
        const Stopwatch watch;
        for (int i = 0; i < calls; ++i) kernels.matmul_q8(matrix, args);
        return watch.seconds();
    };
    double plain = 1, timed = 1;
    for (int round = 0; round < 20; ++round) {
        plain = std::min(plain, seconds(state.kernels));
        timed = std::min(timed, seconds(state.timed));
    }
    return std::max(0.0, timed - plain) / calls;
}

}  // namespace

const char *step_name(Step step) {
    switch (step) {
    case Step::conv: return "conv";
    case Step::scan: return "scan";
    case Step::quantize: return "quantize";
    default: return role_name(static_cast<Role>(step));
    }
}

const std::vector<Step> &all_steps() {
    static const std::vector<Step> all = [] {
        // A kind's steps go where its table has their tensors: the convolution's weights, the decays of a scan. What several
        // kinds have is there once; what only this one has comes after the step that it has before it.
        std::vector<Step> steps;
        for (const BlockKind *kind : all_kinds()) {
            auto after = steps.begin();
            for (uint32_t i = 0; i < kind->tensor_count; ++i) {
                const TensorRow &row = kind->tensors[i];
                if (row.form != Form::matrix && row.role != Role::conv_weight && row.role != Role::A2)
                    continue;
                const Step step = row.form == Form::matrix        ? step_of(row.role)
                                  : row.role == Role::conv_weight ? Step::conv
                                                                  : Step::scan;
                const auto known = std::find(steps.begin(), steps.end(), step);
                after = (known != steps.end() ? known : steps.insert(after, step)) + 1;
            }
        }
        steps.insert(steps.end(), {Step::head, Step::norm, Step::quantize});
        return steps;
    }();
    return all;
}

StepTimer::StepTimer(adder_session *session) : session_(session), kernels_(session->kernels) {
    state.kernels = *kernels_;
    list_matrices(session->model());
    wrap_all();
    state.counters.clear();
    state.timer.fetch_add(1, std::memory_order_release);
    seconds_per_call_ = measure_call();
    take();
    session_->kernels = &state.timed;
}

StepTimer::~StepTimer() { session_->kernels = kernels_; }

StepTimes StepTimer::take() {
    StepTimes times;
    const double seconds_per_tick = rate_.seconds_per_tick();
    const std::lock_guard<std::mutex> lock(state.mutex);
    for (const std::unique_ptr<Counters> &counters : state.counters) {
        for (uint32_t step = 0; step < step_count; ++step) {
            times.seconds[step] += static_cast<double>(counters->ticks[step]) * seconds_per_tick;
            times.calls[step] += counters->calls[step];
        }
        *counters = Counters{};
    }
    return times;
}

}  // namespace adder
