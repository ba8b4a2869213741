// A team: the caller's parallel-for, with a static partition of tiles. The result never depends on the partition.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/adder.h"

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

// The parts that `work` multiply-accumulates are cut into: at most one per member.
uint32_t parts_of(const Team &team, uint64_t work);

// Calls body(context, range) for as many equal parts of 0 .. total-1, a member each, and waits for all.
void team_share(const Team &team, uint32_t parts, uint32_t total,
                void (*body)(const void *context, Range range), const void *context);

// Runs body(range) over parts of 0 .. total-1, a member each, and waits for all. The whole costs about as much as `work`
// multiply-accumulates; what is too small to be shared out stays on this thread, without a barrier.
template <typename Body>
static inline void team_run(const Team &team, uint64_t work, uint32_t total, const Body &body) {
    const uint32_t parts = team.size == 1 ? 1 : parts_of(team, work);
    if (parts <= 1)
        body(Range{0, total});
    else
        team_share(
            team, parts, total,
            [](const void *context, Range range) { (*static_cast<const Body *>(context))(range); }, &body);
}

// The same on all members, whatever it costs.
template <typename Body>
static inline void team_run(const Team &team, uint32_t total, const Body &body) {
    team_run(team, UINT64_MAX, total, body);
}

}  // namespace adder
