// Grammars as constraints.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "converter/constrain/expression.h"

namespace adder {

// The texts that rule `root` makes, of a grammar as GBNF writes it: NAME ::= followed by literals in quotes, [classes], ., names of rules,
// groups, |, * + ? {m} {m,} {m,n}; # begins a comment; a rule ends where the next one begins. Escapes of literals and classes are \n \r \t
// \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH. A rule may lead to itself `depth` times; texts that need more are left out. Throws
// Error(bad_input), which names `what`, the line and what is wrong.
Expr parse_grammar(const std::string &text, const std::string &what, uint32_t depth);

}  // namespace adder
