// Expressions as nondeterministic automata over bytes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "converter/constrain/expression.h"

namespace adder {

// A set of code points as bytes: nodes with edges between them, from node 0 to `end`.
struct ByteFragment {
    static constexpr uint32_t end = 0xFFFFFFFF;
    struct Edge {
        uint8_t first, last;
        uint32_t to;
    };
    std::vector<std::vector<Edge>> nodes;
};

// Thompson's construction, over sets of code points, each a ByteFragment. State 0 is the start.
struct Nfa {
    static constexpr uint32_t none = 0xFFFFFFFF;
    struct State {
        uint32_t fragment = none;     // takes a code point of it to state a; or without taking one ...
        uint32_t a = none, b = none;  // ... goes on at a and at b
    };
    std::vector<State> states;
    uint32_t accepting = none;
    std::vector<ByteFragment> fragments;
};

constexpr uint32_t nfa_max_states = 1u << 23;  // counted generously

// Linear in what the expression is when all repetitions are written out. Throws Error(bad_input) beyond nfa_max_states; `what`
// stands in front.
Nfa make_nfa(const Expr &expression, const std::string &what);

}  // namespace adder
