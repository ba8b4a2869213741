// The machine under a benchmark: what it is, what else it does, and what this process takes of it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "converter/bench/report.h"

namespace adder {

// CPU, CPUs that this process may use, instruction sets, compiler, and the load average as it is now.
std::vector<BenchFact> machine_facts();

// The kernel tables that are built and that this CPU runs, in the list's order.
std::vector<std::string> isa_names();

uint64_t page_faults_so_far();  // of this process, minor and major
uint64_t resident_bytes();      // of this process, now; 0 where that is unknown

// Bytes of a level of the first CPU's data cache, 1 to 3, or a usual size where the system does not tell.
size_t cache_bytes(int level);

}  // namespace adder
