// The threads of a measurement, each bound to a CPU of its own where that is asked for.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "adder/pool.h"
#include "runtime/team.h"

namespace adder {

class BenchTeam {
  public:
    // With `pin`, member i runs on the i-th of the CPUs that this process may use; the calling thread is member 0, and is
    // bound as long as this object lives. Throws Error(usage) if there are more threads than CPUs, or CPUs cannot be
    // bound to; Error(failure) if threads cannot be had.
    BenchTeam(uint32_t threads, bool pin);
    ~BenchTeam();
    BenchTeam(const BenchTeam &) = delete;
    BenchTeam &operator=(const BenchTeam &) = delete;

    Team team(uint32_t least_part = 0) const {
        return {threads_, least_part, adder_pool_parallel_for, pool_.get()};
    }

  private:
    const uint32_t threads_;
    std::vector<uint32_t> cpus_;  // those that the caller could run on before, if it is bound
    std::unique_ptr<adder_pool, void (*)(adder_pool *)> pool_;
};

}  // namespace adder
