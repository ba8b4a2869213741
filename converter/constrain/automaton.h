// The deterministic automaton of a constraint: made from an expression, and written as the library reads it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/constrain/expression.h"
#include "runtime/constraint.h"

namespace adder {

// Every state is reached from state 0, and reaches one where a text may end.
struct Automaton {
    struct State {
        bool accepting;
        std::vector<ConstraintEdge> edges;  // ascending by bytes, apart
        uint32_t lacks;                     // as in ConstraintState
    };
    std::vector<State> states;
    bool unbounded;    // there are texts of any length
    uint64_t longest;  // bytes of the longest text; of an unbounded one 0
};

// States that there may be before equal ones become one.
constexpr size_t automaton_max_subsets = size_t{1} << 18;

// The subset construction, and then equal states are one: of a bounded automaton all that are equal, of an unbounded one unless that
// takes too long. Throws Error(bad_input), which begins with `what`, if no text is allowed, or where states or work pass their bounds.
Automaton make_automaton(const Expr &expression, const std::string &what,
                         size_t max_subsets = automaton_max_subsets);

// The bytes of the file, of texts of at most max_bytes bytes (0: as long as the automaton allows). Throws Error(bad_input) if the
// automaton is unbounded and max_bytes is 0, or if max_bytes allows no text.
std::vector<uint8_t> write_constraint(const Automaton &automaton, uint32_t max_bytes, const std::string &what);

}  // namespace adder
