// The automaton that a blob has of a pattern: tables that the runtime walks a code point at a time.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adder {

struct SplitSource {
    std::string pattern;
    std::string where;         // "FILE: ITEM", for errors
    bool of_bytes = false;     // of bytes as GPT-2's alphabet writes them, not of the text's code points
    bool all_matched = false;  // what lies between matches would be dropped: there may be nothing
};

// Writes the bytes of a SplitPass. Throws Error(bad_input) on patterns that are not supported (parse_split_pattern), that may leave
// text between matches though `all_matched` forbids it, that need too many states, or too much time: of what was read past the end of
// a match all but split_max_behind code points must belong to the next match. Then a code point is read at most
// split_max_behind + 2 times: once by the match that reads it first, once by the next one, and by those that begin in the last
// split_max_behind of what that one read.
std::vector<uint8_t> compile_split(const SplitSource &source);

// The code points that GPT-2 writes bytes as.
uint32_t byte_letter(uint8_t byte);

}  // namespace adder
