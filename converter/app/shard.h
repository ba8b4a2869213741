// The option --shard: work shared among processes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace adder {

struct Shard {
    uint32_t number = 1, count = 1;
    // Is the item of this number, from 0 on, in it? Each is in one of the shards.
    bool takes(uint64_t item) const { return item % count == number - 1; }
};

// "2/4". Throws Error(usage).
Shard parse_shard(const std::string &text);

}  // namespace adder
