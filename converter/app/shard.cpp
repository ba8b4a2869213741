// The option --shard: work shared among processes.
// SPDX-License-Identifier: MIT
#include "converter/app/shard.h"

#include <cstdio>

#include "converter/base/error.h"

namespace adder {

Shard parse_shard(const std::string &text) {
    unsigned number = 0, count = 0;
    int used = 0;
    if (std::sscanf(text.c_str(), "%6u/%6u%n", &number, &count, &used) != 2 ||
        static_cast<size_t>(used) != text.size() || number < 1 || number > count)
        fail(ExitCode::usage, "--shard is %s; K/N with K from 1 to N is needed", text.c_str());
    return {number, count};
}

}  // namespace adder
