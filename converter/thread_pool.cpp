// A pool of threads that hands out indices by one atomic word.
// SPDX-License-Identifier: MIT
//
// The word holds a job's number and how many of its indices are left. A member reads it, reads the job's fields, and
// claims an index by compare-and-swap: if that succeeds the fields were those of this job, because they change only
// while nothing is left to claim and the number changes with them. A member that sleeps is not waited for; the others
// take its share.
#include "converter/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "converter/error.h"

namespace adder {

namespace {

constexpr uint32_t max_pool_threads = 256;  // as many as a session's team may have
constexpr int spins_before_sleep = 2000;    // some 50 microseconds

uint32_t usable_cpus() {
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return static_cast<uint32_t>(std::max(1, CPU_COUNT(&set)));
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

constexpr uint32_t left_of(uint64_t word) { return static_cast<uint32_t>(word); }

}  // namespace

struct ThreadPool::Shared {
    using Call = void (*)(void *context, uint32_t index, uint32_t member);

    uint32_t size = 1;
    int spins = 0;  // none where there are more members than CPUs
    std::vector<std::thread> threads;

    std::atomic<uint64_t> word{0};  // number of the job << 32 | indices left
    std::atomic<Call> call{nullptr};
    std::atomic<void *> context{nullptr};
    std::atomic<uint32_t> count{0};
    std::atomic<uint32_t> finished{0};  // indices done, or given up after an exception

    std::mutex mutex;
    std::condition_variable wake, done;
    std::atomic<uint32_t> sleepers{0};
    std::atomic<bool> caller_sleeps{false};
    std::atomic<bool> stopping{false};
    std::exception_ptr exception;  // the first; guarded by mutex

    void finish(uint32_t indices) {
        if (finished.fetch_add(indices) + indices != count.load()) return;
        if (caller_sleeps.load()) {
            const std::lock_guard<std::mutex> lock(mutex);
            done.notify_one();
        }
    }

    // Keeps the first exception, and hands out no more.
    void give_up(uint64_t job) {
        {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!exception) exception = std::current_exception();
        }
        uint64_t seen = word.load();
        while (seen >> 32 == job && left_of(seen) > 0)
            if (word.compare_exchange_weak(seen, job << 32)) {
                finish(left_of(seen));
                return;
            }
    }

    // Works until no index is left.
    void work(uint32_t member) {
        uint64_t seen = word.load();
        while (left_of(seen) > 0) {
            const Call job_call = call.load();
            void *const job_context = context.load();
            const uint32_t job_count = count.load();
            if (!word.compare_exchange_weak(seen, seen - 1)) continue;
            const uint64_t job = seen >> 32;
            try {
                job_call(job_context, job_count - left_of(seen), member);
            } catch (...) {
                give_up(job);
            }
            finish(1);
            seen = word.load();
        }
    }

    void member_main(uint32_t member) {
        while (!stopping.load()) {
            work(member);
            for (int i = 0; i < spins && left_of(word.load()) == 0 && !stopping.load(); ++i) pause_briefly();
            if (left_of(word.load()) > 0) continue;
            std::unique_lock<std::mutex> lock(mutex);
            ++sleepers;
            wake.wait(lock, [this] { return stopping.load() || left_of(word.load()) > 0; });
            --sleepers;
        }
    }

    void run_job(uint32_t job_count, Call job_call, void *job_context) {
        if (job_count == 0) return;
        if (size == 1 || job_count == 1) {
            for (uint32_t i = 0; i < job_count; ++i) job_call(job_context, i, 0);
            return;
        }
        call.store(job_call);
        context.store(job_context);
        count.store(job_count);
        finished.store(0);
        const uint64_t job = ((word.load() >> 32) + 1) & 0xffffffff;
        word.store(job << 32 | job_count);
        if (sleepers.load() > 0) {
            const std::lock_guard<std::mutex> lock(mutex);
            wake.notify_all();
        }
        work(0);
        for (int i = 0; i < spins && finished.load() != job_count; ++i) pause_briefly();
        if (finished.load() != job_count) {
            std::unique_lock<std::mutex> lock(mutex);
            caller_sleeps.store(true);
            done.wait(lock, [&] { return finished.load() == job_count; });
            caller_sleeps.store(false);
        }
        std::exception_ptr thrown;
        {
            const std::lock_guard<std::mutex> lock(mutex);
            thrown.swap(exception);
        }
        if (thrown) std::rethrow_exception(thrown);
    }

    void stop() {
        {
            const std::lock_guard<std::mutex> lock(mutex);
            stopping.store(true);
        }
        wake.notify_all();
        for (std::thread &thread : threads) thread.join();
        threads.clear();
    }
};

ThreadPool::ThreadPool(uint32_t threads) : shared_(std::make_unique<Shared>()) {
    const uint32_t cpus = usable_cpus();
    Shared &s = *shared_;
    s.size = std::min(threads == 0 ? cpus : threads, max_pool_threads);
    s.spins = s.size <= cpus ? spins_before_sleep : 0;
    try {
        for (uint32_t member = 1; member < s.size; ++member)
            s.threads.emplace_back([&s, member] { s.member_main(member); });
    } catch (const std::system_error &error) {
        s.stop();
        fail(ExitCode::failure, "cannot start %u threads: %s", s.size, error.what());
    }
}

ThreadPool::~ThreadPool() { shared_->stop(); }

uint32_t ThreadPool::size() const { return shared_->size; }

void ThreadPool::run(uint32_t count, const std::function<void(uint32_t index, uint32_t member)> &task) {
    using Task = const std::function<void(uint32_t, uint32_t)>;
    Task *pointer = &task;
    shared_->run_job(
        count,
        [](void *context, uint32_t index, uint32_t member) {
            (**static_cast<Task **>(context))(index, member);
        },
        &pointer);
}

void ThreadPool::parallel_for(void *pool, adder_task task, void *argument, uint32_t count) {
    struct Job {
        adder_task task;
        void *argument;
    } job{task, argument};
    static_cast<ThreadPool *>(pool)->shared_->run_job(
        count,
        [](void *context, uint32_t index, uint32_t) {
            const Job &given = *static_cast<Job *>(context);
            given.task(given.argument, index);
        },
        &job);
}

}  // namespace adder
