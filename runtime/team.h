// A team: the caller's parallel-for, with a static partition of tiles. The result never depends on the partition.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/adder.h"
#include "kernels/float_mode.h"

namespace adder {

struct Team {
    uint32_t size;
    adder_parallel_for parallel_for;
    void *context;
};

struct Range {
    uint32_t begin, end;
};

// Part `index` of `count` equal parts of 0 .. total-1.
static inline Range part_of(uint32_t total, uint32_t index, uint32_t count) {
    const auto bound = [&](uint32_t i) { return static_cast<uint32_t>(uint64_t{total} * i / count); };
    return {bound(index), bound(index + 1)};
}

// Runs body(range) over parts of 0 .. total-1 on all members of the team, and waits for all.
template <typename Body>
static inline void team_run(const Team &team, uint32_t total, const Body &body) {
    if (team.size == 1) {
        body(Range{0, total});
        return;
    }
    struct Job {
        const Body &body;
        uint32_t total, parts;
        static void run(void *argument, uint32_t index) {
            const Job &job = *static_cast<const Job *>(argument);
            const Range range = part_of(job.total, index, job.parts);
            if (range.begin == range.end) return;
            const FloatModeScope mode;
            job.body(range);
        }
    };
    Job job{body, total, team.size};
    team.parallel_for(team.context, &Job::run, &job, team.size);
}

}  // namespace adder
