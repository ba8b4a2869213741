// The machine under a benchmark: what it is, and what else it does.
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

// Bytes of a level of the first CPU's data cache, 1 to 3, or a usual size where the system does not tell.
size_t cache_bytes(int level);

}  // namespace adder
