// Sets of code points that patterns and grammars name.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "converter/constrain/expression.h"

namespace adder {

CodePointRanges digits();           // 0-9
CodePointRanges word_characters();  // 0-9A-Za-z_
CodePointRanges ascii_spaces();     // RE2's \s: tab, line feed, form feed, carriage return, space
CodePointRanges ecma_spaces();      // ECMA-262's \s: WhiteSpace and LineTerminator
CodePointRanges ecma_line_ends();   // what its . does not match

// A POSIX class by its name, "alpha"; empty if there is none.
CodePointRanges posix_class(std::string_view name);

// A general category by its name: L, Lu, Ll, Lt, Lm, Lo, M, N, Nd, P, S; empty for any other one.
CodePointRanges category_named(std::string_view name);

}  // namespace adder
