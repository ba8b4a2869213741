// Sharing work out among the members of a team.
// SPDX-License-Identifier: MIT
#include "runtime/team.h"

#include "kernels/float_mode.h"

namespace adder {
namespace {

struct Job {
    void (*body)(const void *context, Range range);
    const void *context;
    uint32_t total, parts;
};

// Part `index` of `count` equal parts of 0 .. total-1, bounded by total * i / count rounded down; count is at most 256. Without
// 64-bit divisions, which are calls of half a kilobyte on small cores.
Range part_of(uint32_t total, uint32_t index, uint32_t count) {
    const auto bound = [&](uint32_t i) { return total / count * i + total % count * i / count; };
    return {bound(index), bound(index + 1)};
}

void run_part(void *argument, uint32_t index) {
    const Job &job = *static_cast<const Job *>(argument);
    const Range range = part_of(job.total, index, job.parts);
    if (range.begin == range.end) return;
    const FloatModeScope mode;
    job.body(job.context, range);
}

}  // namespace

uint32_t parts_of(const Team &team, uint64_t work) {
    if (team.least_part == 0 || work >= uint64_t{team.size} * team.least_part) return team.size;
    uint32_t parts = 1;
    for (uint64_t next = 2 * uint64_t{team.least_part}; next <= work; next += team.least_part) ++parts;
    return parts;
}

void team_share(const Team &team, uint32_t parts, uint32_t total,
                void (*body)(const void *context, Range range), const void *context) {
    Job job{body, context, total, parts};
    team.parallel_for(team.context, run_part, &job, parts);
}

}  // namespace adder
