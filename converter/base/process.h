// What this process takes of the machine.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace adder {

// Peak resident bytes of this process: what Linux says in /proc, else getrusage, which also remembers the process that
// started this one.
uint64_t peak_rss_bytes();

// Resident bytes of this process that are of no file: heap, stacks, arenas. 0 where the system does not say.
uint64_t anonymous_bytes();

uint64_t resident_bytes();      // of this process, now; 0 where that is unknown
uint64_t page_faults_so_far();  // of this process, minor and major

}  // namespace adder
