// What a constraint allows, text by text; and texts drawn from it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adder/adder.h"
#include "converter/constrain/automaton.h"
#include "converter/constrain/regex.h"
#include "runtime/constraint.h"
#include "tests/support/random.h"

namespace adder::test {

inline const ConstraintHeader &constraint_header(const std::vector<uint8_t> &file) {
    return *reinterpret_cast<const ConstraintHeader *>(file.data());
}

// The whole text, from the start to an end.
inline bool accepts(const std::vector<uint8_t> &file, std::string_view text) {
    const ConstraintHeader &header = constraint_header(file);
    const uint32_t state = constraint_walk(header, 0, reinterpret_cast<const uint8_t *>(text.data()),
                                           static_cast<uint32_t>(text.size()));
    return state != constraint_no_state && header.state()[state].lacks == 0 && text.size() <= header.longest;
}

inline std::vector<uint8_t> regex_constraint(const std::string &pattern, uint32_t max_bytes = 64,
                                             RegexDialect dialect = RegexDialect::whole) {
    return write_constraint(make_automaton(parse_regex(pattern, "toy", dialect), "toy"), max_bytes, "toy");
}

// A text that the automaton allows: a random way, that turns to the shortest end after a random number of bytes.
inline std::string random_text(const std::vector<uint8_t> &file, SplitMix *random) {
    const ConstraintHeader &header = constraint_header(file);
    std::string text;
    const size_t turn = random->below(header.longest + 1);
    for (uint32_t state = 0;;) {
        const ConstraintState &here = header.state()[state];
        const uint32_t count = (&here)[1].first_edge - here.first_edge;
        const bool end = text.size() >= turn;
        std::vector<const ConstraintEdge *> edges;
        for (uint32_t i = 0; i < count; ++i) {
            const ConstraintEdge *const edge = header.edge() + here.first_edge + i;
            if (header.state()[edge->next].lacks < (end ? here.lacks : header.longest - text.size()))
                edges.push_back(edge);
        }
        if (here.lacks == 0 && (end || edges.empty() || random->below(8) == 0)) return text;
        const ConstraintEdge *const edge = edges[random->below(edges.size())];
        text += static_cast<char>(edge->first + random->below(edge->last - edge->first + size_t{1}));
        state = edge->next;
    }
}

}  // namespace adder::test
