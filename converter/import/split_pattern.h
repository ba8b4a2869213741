// The regular expressions that texts are split by: parsed, and made into a program of a nondeterministic automaton.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/unicode.h"

namespace adder {

// What one code point of a text may be.
struct CodePointSet {
    struct Item {
        uint32_t first = 1, last = 0;  // a range
        uint32_t categories = 0;       // a bit for each GeneralCategory
        bool negated = false;
    };
    std::vector<Item> items;  // any of them
    bool negated = false;
    bool contains(uint32_t code_point, GeneralCategory category) const;
};

// A pattern as instructions (Thompson 1968, Pike's order of alternatives): what is tried first stands first.
struct SplitProgram {
    enum class Kind : uint8_t {
        set,     // takes a code point of set `a`
        either,  // goes on at `a`, and if that fails at `b`
        go,      // goes on at `a`
        ahead,   // goes on if the next code point is of set `a`, and there is one; with b = 1 if not so
        match
    };
    struct Instruction {
        Kind kind;
        uint32_t a, b;
    };
    std::vector<CodePointSet> sets;
    std::vector<Instruction> code;
};

// Of Oniguruma's patterns, which Hugging Face tokenizers have: literals, escapes, classes with ranges, \s \S \d \D and \p{..} of the
// categories that GeneralCategory knows (L and N of their parts), groups ( (?: and (?i:, |, ? * + {m,n}, and (?=..) (?!..) around one
// code point. Everything else is refused by Error(bad_input), which names `where`, the pattern and the place in it: it would need
// another automaton, or mean another thing there.
SplitProgram parse_split_pattern(const std::string &pattern, const std::string &where);

// "FILE: ITEM: the pattern PATTERN WHY"
[[noreturn]] void refuse_pattern(const std::string &pattern, const std::string &where, const std::string &why);

}  // namespace adder
