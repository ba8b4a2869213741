// Regular expressions as constraints.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "converter/constrain/expression.h"

namespace adder {

// What a pattern is meant for. In both, everything is about code points, and groups only group.
enum class RegexDialect {
    whole,  // RE2's syntax; the whole text matches
    search  // ECMA-262's, as JSON Schema has it: a match somewhere in the text, unless ^ and $ say where
};

// Taken are literals, ., classes with ranges and POSIX names, \d \D \w \W \s \S (of ASCII; \s in `search` as ECMA-262 has it), \p{..} of L,
// Lu, Ll, Lt, Lm, Lo, M, N, Nd, P and S, \t \n \r \f \v \a \0 \xHH \x{H..} \uHHHH \u{H..}, groups with and without names, |, * + ?
// {m} {m,} {m,n}, also lazy ones, which match the same texts, and ^ and $ at the ends of the pattern's alternatives. Everything else is
// refused by Error(bad_input), which names `what`, the pattern and the place in it: back-references, look-around, word boundaries,
// flags.
Expr parse_regex(const std::string &pattern, const std::string &what, RegexDialect dialect);

}  // namespace adder
