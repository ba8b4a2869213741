// Starts threads, and binds them and the caller to CPUs.
// SPDX-License-Identifier: MIT
#include "converter/bench/team.h"

#include <sched.h>

#include <cerrno>
#include <cstring>

#include "converter/base/error.h"

namespace adder {
namespace {

#ifdef __linux__

std::vector<uint32_t> usable_cpus() {
    std::vector<uint32_t> cpus;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        fail(ExitCode::failure, "--pin: the CPUs of this process are not told: %s", std::strerror(errno));
    for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    return cpus;
}

bool bind_caller(const uint32_t *cpus, size_t count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < count; ++i) CPU_SET(cpus[i], &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

#else

std::vector<uint32_t> usable_cpus() {
    fail(ExitCode::usage, "--pin: threads can be bound to CPUs on Linux only");
}
bool bind_caller(const uint32_t *, size_t) { return false; }

#endif

}  // namespace

BenchTeam::BenchTeam(uint32_t threads, bool pin) : threads_(threads), pool_(nullptr, adder_pool_destroy) {
    adder_pool_options options{};
    options.threads = threads;
    if (pin) {
        cpus_ = usable_cpus();
        if (cpus_.size() < threads)
            fail(ExitCode::usage, "--pin: %u threads, but this process may use %zu CPUs", threads,
                 cpus_.size());
        options.cpus = cpus_.data();
    }
    pool_.reset(adder_pool_create(&options));
    if (pool_ == nullptr)
        fail(ExitCode::failure, "cannot start %u threads: %s", threads, std::strerror(errno));
    if (pin && !bind_caller(cpus_.data(), 1))
        fail(ExitCode::failure, "cannot bind to CPU %u: %s", cpus_[0], std::strerror(errno));
}

BenchTeam::~BenchTeam() {
    if (!cpus_.empty()) bind_caller(cpus_.data(), cpus_.size());
}

}  // namespace adder
