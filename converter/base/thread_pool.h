// adder_pool for the tools: tasks of uneven length handed out as members become free, and exceptions.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "adder/pool.h"

namespace adder {

class ThreadPool {
  public:
    // `threads` members, the calling thread included; 0: one a usable CPU (the process's affinity mask counts).
    explicit ThreadPool(uint32_t threads = 0);
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool &operator=(const ThreadPool &) = delete;

    uint32_t size() const;

    // Calls task(index, member) for every index 0 .. count-1, each once, handed out in order as members become free;
    // member is 0 .. size()-1, for working memory of one's own. An exception of a task ends the handing out and is
    // thrown again here. One job at a time: not from two threads, and not from a task.
    void run(uint32_t count, const std::function<void(uint32_t index, uint32_t member)> &task);

    // For adder_options: parallel_for with this pool as its context.
    static void parallel_for(void *pool, adder_task task, void *argument, uint32_t count);

  private:
    std::unique_ptr<adder_pool, void (*)(adder_pool *)> pool_;
};

}  // namespace adder
