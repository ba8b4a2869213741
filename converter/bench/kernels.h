// adder bench kernels: the kernels alone, out of each level of the memory; or a model's matrix products alone.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/bench/report.h"
#include "converter/blob/file.h"

namespace adder {

struct KernelBenchPlan {
    std::vector<std::string> kernels;  // names; none: all
    std::vector<std::string> isas;     // usable ones
    std::vector<uint32_t> threads;
    uint32_t chunk;  // tokens of a call, besides calls of one
    uint32_t repeats;
    bool pin;             // threads to CPUs
    uint32_t least_part;  // as in adder_options
};

// Every kernel with every instruction set, its operands in the first- and second-level cache and in memory.
// Throws Error(usage) if there is no kernel of a name.
BenchReport bench_kernels(const KernelBenchPlan &plan);

// The matrix products of a token of the model, by role; `kernels` and `chunk` do not count.
BenchReport bench_matrices(const BlobFile &blob, const KernelBenchPlan &plan);

}  // namespace adder
