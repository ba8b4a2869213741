// What this machine can do at most: reading memory, and the integer product of an instruction set.
// SPDX-License-Identifier: MIT
//
// The probes share no code with the kernels, so that a kernel is held against the machine and not against itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/team.h"

namespace adder {

// Reads bytes [0, size) once, the members of the team a contiguous part each, with the widest loads of this CPU.
// Returns the seconds.
double probe_read(const Team &team, const uint8_t *data, size_t size);

// Int8 multiply-accumulates a second of all members together, in each one's first-level cache: the product and
// accumulate instructions of that instruction set, each load of weights serving four tokens. 0: no probe for this name.
double probe_product(const Team &team, const char *isa);

}  // namespace adder
