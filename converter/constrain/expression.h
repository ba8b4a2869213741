// What texts a constraint allows, as an expression: the form that patterns, schemas and grammars are made into.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace adder {

struct Expression;
using Expr = std::shared_ptr<const Expression>;  // may stand in several places

// Code points first .. last, scalar values; ascending and apart.
using CodePointRanges = std::vector<std::pair<uint32_t, uint32_t>>;
constexpr uint32_t last_code_point = 0x10FFFF;
constexpr uint32_t unlimited = 0xFFFFFFFF;

struct Expression {
    enum class Kind : uint8_t {
        set,       // one code point of `ranges`; of none: nothing at all
        sequence,  // `parts` after each other; of none: the empty text
        choice,    // one of `parts`; of none: nothing at all
        repeat,    // part 0, least .. most times
        counted,   // those texts of part 0 that have least .. most code points
        network    // a way from node 0 to the last one along `arcs`, each a part
    };
    struct Arc {
        uint32_t from, to, part;
    };
    Kind kind = Kind::sequence;
    bool in_json = false;  // a set: written as within a JSON string
    CodePointRanges ranges;
    std::vector<Expr> parts;
    uint32_t least = 0, most = 0;
    std::vector<Arc> arcs;
    uint32_t nodes = 0;
};

Expr make_set(CodePointRanges ranges);  // in any order, overlapping
Expr make_text(std::string_view utf8);  // well-formed
Expr make_sequence(std::vector<Expr> parts);
Expr make_choice(std::vector<Expr> parts);
Expr make_repeat(Expr part, uint32_t least, uint32_t most);   // most: unlimited
Expr make_counted(Expr part, uint32_t least, uint32_t most);  // most is not unlimited
Expr make_network(uint32_t nodes, std::vector<Expression::Arc> arcs, std::vector<Expr> parts);
inline Expr make_optional(Expr part) { return make_repeat(std::move(part), 0, 1); }

// The same texts as they stand within a JSON string: quotation marks, backslashes and controls are escaped, in one way each.
Expr in_json_string(const Expr &expression);

// Sorted and joined, without surrogates; and all others.
CodePointRanges joined(CodePointRanges ranges);
CodePointRanges complement(const CodePointRanges &ranges);

}  // namespace adder
