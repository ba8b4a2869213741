// Hands out the indices of a job by one counter to the members of an adder_pool.
// SPDX-License-Identifier: MIT
#include "converter/base/thread_pool.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>

#include "converter/base/error.h"

namespace adder {

namespace {

struct Job {
    const std::function<void(uint32_t index, uint32_t member)> &task;
    const uint32_t count;
    std::atomic<uint64_t> next{0};  // may pass count
    std::mutex mutex;
    std::exception_ptr exception;  // the first; guarded by mutex

    // Works as one member until no index is left.
    void work(uint32_t member) {
        try {
            for (uint64_t index; (index = next.fetch_add(1)) < count;)
                task(static_cast<uint32_t>(index), member);
        } catch (...) {
            next.store(count);
            const std::lock_guard<std::mutex> lock(mutex);
            if (!exception) exception = std::current_exception();
        }
    }
};

}  // namespace

ThreadPool::ThreadPool(uint32_t threads) : pool_(nullptr, adder_pool_destroy) {
    adder_pool_options options{};
    options.threads = threads;
    pool_.reset(adder_pool_create(&options));
    if (!pool_) fail(ExitCode::failure, "cannot start %u threads: %s", threads, std::strerror(errno));
}

ThreadPool::~ThreadPool() = default;

uint32_t ThreadPool::size() const { return adder_pool_size(pool_.get()); }

void ThreadPool::run(uint32_t count, const std::function<void(uint32_t index, uint32_t member)> &task) {
    Job job{task, count, {}, {}, {}};
    if (count == 1) {
        job.work(0);
    } else if (count > 1) {
        adder_pool_parallel_for(
            pool_.get(), [](void *given, uint32_t member) { static_cast<Job *>(given)->work(member); }, &job,
            size());
    }
    if (job.exception) std::rethrow_exception(job.exception);
}

void ThreadPool::parallel_for(void *pool, adder_task task, void *argument, uint32_t count) {
    adder_pool_parallel_for(static_cast<ThreadPool *>(pool)->pool_.get(), task, argument, count);
}

}  // namespace adder
