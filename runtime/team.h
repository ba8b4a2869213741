// A team: the caller's parallel-for, with a static partition of tiles. The result never depends on the partition.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/adder.h"
#include "kernels/float_mode.h"

namespace adder {

struct Team {
    uint32_t size;
    uint32_t least_part;  // multiply-accumulates that are worth a member's while; 0: all members are called
    adder_parallel_for parallel_for;
    void *context;
};

struct Range {
    uint32_t begin, end;
};

// Part `index` of `count` equal parts of 0 .. total-1, bounded by total * i / count rounded down; count is at most 256. Without
// 64-bit divisions, which are calls of half a kilobyte on small cores.
static inline Range part_of(uint32_t total, uint32_t index, uint32_t count) {
    const auto bound = [&](uint32_t i) { return total / count * i + total % count * i / count; };
    return {bound(index), bound(index + 1)};
}

// The parts that `work` multiply-accumulates are cut into: at most one per member.
static inline uint32_t parts_of(const Team &team, uint64_t work) {
    if (team.least_part == 0 || work >= uint64_t{team.size} * team.least_part) return team.size;
    uint32_t parts = 1;
    for (uint64_t next = 2 * uint64_t{team.least_part}; next <= work; next += team.least_part) ++parts;
    return parts;
}

// Runs body(range) over parts of 0 .. total-1, a member each, and waits for all. The whole costs about as much as `work`
// multiply-accumulates; what is too small to be shared out stays on this thread, without a barrier.
template <typename Body>
static inline void team_run(const Team &team, uint64_t work, uint32_t total, const Body &body) {
    const uint32_t parts = parts_of(team, work);
    if (parts <= 1) {
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
    Job job{body, total, parts};
    team.parallel_for(team.context, &Job::run, &job, parts);
}

// The same on all members, whatever it costs.
template <typename Body>
static inline void team_run(const Team &team, uint32_t total, const Body &body) {
    team_run(team, UINT64_MAX, total, body);
}

}  // namespace adder
