// Builds the nondeterministic automaton of an expression.
// SPDX-License-Identifier: MIT
#include "converter/constrain/nfa.h"

#include <algorithm>
#include <unordered_map>

#include "converter/base/error.h"
#include "runtime/unicode.h"

namespace adder {

namespace {

using ByteRange = std::pair<uint8_t, uint8_t>;
using ByteSequence = std::vector<ByteRange>;

// The code points first .. last of one length in UTF-8: cut where a byte but the last would not run through all its values.
void split_utf8(uint32_t first, uint32_t last, std::vector<ByteSequence> *out) {
    for (const uint32_t limit : {0x7Fu, 0x7FFu, 0xFFFFu})
        if (first <= limit && last > limit) {
            split_utf8(first, limit, out);
            split_utf8(limit + 1, last, out);
            return;
        }
    for (uint32_t bits = 6; bits < 24; bits += 6) {
        const uint32_t low = (1u << bits) - 1;  // what later bytes hold
        if (first < 0x80 || (first & ~low) == (last & ~low)) break;
        if ((first & low) != 0) {
            split_utf8(first, first | low, out);
            split_utf8((first | low) + 1, last, out);
            return;
        }
        if ((last & low) != low) {
            split_utf8(first, (last & ~low) - 1, out);
            split_utf8(last & ~low, last, out);
            return;
        }
    }
    uint8_t a[4], b[4];
    const uint32_t size = utf8_write(first, a);
    utf8_write(last, b);
    ByteSequence sequence;
    for (uint32_t i = 0; i < size; ++i) sequence.emplace_back(a[i], b[i]);
    out->push_back(std::move(sequence));
}

// RFC 8259, 7: what must be escaped, in its shortest form.
std::string json_escape(uint32_t code_point) {
    switch (code_point) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    }
    return format("\\u%04x", code_point);
}

bool escapes(uint32_t code_point) { return code_point < 0x20 || code_point == '"' || code_point == '\\'; }

std::vector<ByteSequence> sequences_of(const CodePointRanges &ranges, bool in_json) {
    std::vector<ByteSequence> out;
    for (auto [first, last] : ranges) {
        // What is escaped lies below 0x5D.
        while (in_json && first <= last && first <= '\\') {
            uint32_t end = first;
            if (escapes(first)) {
                ByteSequence sequence;
                for (const char c : json_escape(first))
                    sequence.emplace_back(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
                out.push_back(std::move(sequence));
            } else {
                while (end < last && !escapes(end + 1)) ++end;
                split_utf8(first, end, &out);
            }
            first = end + 1;
        }
        if (first <= last) split_utf8(first, last, &out);
    }
    return out;
}

// Sequences that end alike share their nodes.
ByteFragment make_fragment(const CodePointRanges &ranges, bool in_json) {
    ByteFragment fragment;
    fragment.nodes.emplace_back();
    std::map<ByteSequence, uint32_t> node_of;
    for (const ByteSequence &sequence : sequences_of(ranges, in_json)) {
        uint32_t to = ByteFragment::end;
        for (size_t i = sequence.size(); i-- > 0;) {
            const ByteFragment::Edge edge = {sequence[i].first, sequence[i].second, to};
            if (i == 0) {
                fragment.nodes[0].push_back(edge);
                break;
            }
            const auto [found, is_new] = node_of.emplace(
                ByteSequence(sequence.begin() + static_cast<std::ptrdiff_t>(i), sequence.end()),
                static_cast<uint32_t>(fragment.nodes.size()));
            if (is_new) fragment.nodes.push_back({edge});
            to = found->second;
        }
    }
    return fragment;
}

// The states that `add` below makes of an expression, at most; what is shared is counted each time.
class Counter {
  public:
    uint64_t count(const Expression &e) {
        const auto found = known_.find(&e);
        if (found != known_.end()) return found->second;
        uint64_t states = 2 + e.nodes;
        if (e.kind == Expression::Kind::network) {
            for (const Expression::Arc &arc : e.arcs) states += 1 + count(*e.parts[arc.part]);
        } else {
            for (const Expr &part : e.parts) states += 2 + count(*part);
        }
        if (e.kind == Expression::Kind::repeat)
            states *= 1 + uint64_t{e.most == unlimited ? e.least : e.most};
        if (e.kind == Expression::Kind::counted) states *= 1 + uint64_t{e.most};
        return known_[&e] = std::min<uint64_t>(states, uint64_t{1} << 30);
    }

  private:
    std::unordered_map<const Expression *, uint64_t> known_;
};

class Builder {
  public:
    Nfa run(const Expr &expression) {
        Nfa nfa = make(*expression);
        nfa.fragments = std::move(fragments_);
        return nfa;
    }

  private:
    using Kind = Expression::Kind;

    Nfa make(const Expression &expression) {
        Nfa nfa;
        const uint32_t from = add_state(&nfa);
        nfa.accepting = add_state(&nfa);
        add(expression, &nfa, from, nfa.accepting);
        return nfa;
    }

    uint32_t add_state(Nfa *nfa, Nfa::State state = {}) {
        nfa->states.push_back(state);
        return static_cast<uint32_t>(nfa->states.size() - 1);
    }

    // Lets `from`, which takes no code point, go on at `to`.
    void link(Nfa *nfa, uint32_t from, uint32_t to) {
        if (nfa->states[from].a == Nfa::none) {
            nfa->states[from].a = to;
        } else if (nfa->states[from].b == Nfa::none) {
            nfa->states[from].b = to;
        } else {
            const uint32_t more = add_state(nfa, {Nfa::none, nfa->states[from].b, to});
            nfa->states[from].b = more;
        }
    }

    uint32_t fragment_of(const Expression &set) {
        const auto [found, is_new] =
            known_.emplace(std::make_pair(set.ranges, set.in_json), static_cast<uint32_t>(fragments_.size()));
        if (is_new) fragments_.push_back(make_fragment(set.ranges, set.in_json));
        return found->second;
    }

    // All ways of the expression, from one state to another one; neither takes a code point.
    void add(const Expression &e, Nfa *nfa, uint32_t from, uint32_t to) {
        switch (e.kind) {
        case Kind::set:
            if (!e.ranges.empty()) link(nfa, from, add_state(nfa, {fragment_of(e), to, Nfa::none}));
            return;
        case Kind::sequence:
            for (size_t i = 0; i + 1 < e.parts.size(); ++i) {
                const uint32_t next = add_state(nfa);
                add(*e.parts[i], nfa, from, next);
                from = next;
            }
            if (e.parts.empty())
                link(nfa, from, to);
            else
                add(*e.parts.back(), nfa, from, to);
            return;
        case Kind::choice:
            for (const Expr &part : e.parts) add(*part, nfa, from, to);
            return;
        case Kind::repeat: add_repeat(e, nfa, from, to); return;
        case Kind::counted: add_counted(e, nfa, from, to); return;
        case Kind::network: {
            std::vector<uint32_t> node(e.nodes);
            for (uint32_t &state : node) state = add_state(nfa);
            link(nfa, from, node.front());
            link(nfa, node.back(), to);
            for (const Expression::Arc &arc : e.arcs)
                add(*e.parts[arc.part], nfa, node[arc.from], node[arc.to]);
            return;
        }
        }
    }

    void add_repeat(const Expression &e, Nfa *nfa, uint32_t from, uint32_t to) {
        const bool endless = e.most == unlimited;
        for (uint32_t i = 0; i < (endless ? e.least : e.most); ++i) {
            if (i >= e.least) link(nfa, from, to);
            const uint32_t next = add_state(nfa);
            add(*e.parts[0], nfa, from, next);
            from = next;
        }
        if (endless) {
            const uint32_t again = add_state(nfa);
            link(nfa, from, again);
            add(*e.parts[0], nfa, again, again);
            from = again;
        }
        link(nfa, from, to);
    }

    // A layer for each number of code points taken so far.
    void add_counted(const Expression &e, Nfa *nfa, uint32_t from, uint32_t to) {
        const Nfa one = make(*e.parts[0]);
        const auto size = static_cast<uint32_t>(one.states.size());
        const auto base = static_cast<uint32_t>(nfa->states.size());
        for (uint32_t layer = 0; layer <= e.most; ++layer) {
            const uint32_t here = base + layer * size;
            for (Nfa::State state : one.states) {
                const bool takes = state.fragment != Nfa::none;
                const uint32_t shift = takes ? here + size : here;
                if (takes && layer == e.most) state = {};
                if (state.a != Nfa::none) state.a += shift;
                if (state.b != Nfa::none) state.b += shift;
                add_state(nfa, state);
            }
        }
        link(nfa, from, base);
        for (uint32_t layer = e.least; layer <= e.most; ++layer)
            link(nfa, base + layer * size + one.accepting, to);
    }

    std::vector<ByteFragment> fragments_;
    std::map<std::pair<CodePointRanges, bool>, uint32_t> known_;
};

}  // namespace

Nfa make_nfa(const Expr &expression, const std::string &what) {
    const uint64_t states = Counter().count(*expression);
    if (states > nfa_max_states)
        bad_input(
            "%s: with all repetitions written out this takes %s%llu states, and may take %u; bounds on lengths, "
            "repetitions and depth make it smaller",
            what.c_str(), states >> 30 != 0 ? "more than " : "up to ",
            static_cast<unsigned long long>(states), nfa_max_states);
    return Builder().run(expression);
}

}  // namespace adder
