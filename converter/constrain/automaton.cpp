// Subsets of states, made into states; what leads nowhere, and what is there twice, left out.
// SPDX-License-Identifier: MIT
#include "converter/constrain/automaton.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "converter/base/error.h"
#include "converter/constrain/nfa.h"
#include "runtime/crc32.h"

namespace adder {

namespace {

constexpr uint32_t none = 0xFFFFFFFF;
constexpr size_t max_members = size_t{1} << 26;   // of all subsets together
constexpr uint64_t max_work = uint64_t{1} << 28;  // members of subsets, edges of them

struct HashOfNumbers {
    size_t operator()(const std::vector<uint32_t> &numbers) const {
        uint64_t hash = 0xCBF29CE484222325;
        for (const uint32_t number : numbers) hash = (hash ^ number) * 0x100000001B3;
        return static_cast<size_t>(hash ^ hash >> 32);
    }
};
using NumberOf = std::unordered_map<std::vector<uint32_t>, uint32_t, HashOfNumbers>;

// States of the deterministic automaton on their way.
struct Dfa {
    struct Edge {
        uint8_t first, last;
        uint32_t next;
    };
    struct State {
        bool accepting = false;
        std::vector<Edge> edges;
    };
    std::vector<State> states;
};

void add_edge(std::vector<Dfa::Edge> *edges, Dfa::Edge edge) {
    if (!edges->empty() && edges->back().next == edge.next && edges->back().last + 1 == edge.first)
        edges->back().last = edge.last;
    else
        edges->push_back(edge);
}

// A place in the NFA is a state that takes a code point, one between the bytes of such a state's fragment, or the accepting state.
class Subsets {
  public:
    Subsets(const Nfa &nfa, const std::string &what, size_t max_subsets)
        : nfa_(nfa), what_(what), max_subsets_(max_subsets), first_(nfa.states.size()) {
        for (size_t state = 0; state < nfa.states.size(); ++state) {
            if (nfa.states[state].fragment == Nfa::none) continue;
            first_[state] = static_cast<uint32_t>(owner_.size());
            const size_t nodes = nfa.fragments[nfa.states[state].fragment].nodes.size();
            owner_.insert(owner_.end(), nodes, static_cast<uint32_t>(state));
        }
        seen_.resize(nfa.states.size());
    }

    Dfa run() {
        std::vector<uint32_t> start;
        begin_subset();
        close(0, &start);
        number(std::move(start));
        for (size_t i = 0; i < subsets_.size(); ++i) expand(i);
        return std::move(dfa_);
    }

  private:
    static constexpr uint32_t at_end = 0xFFFFFFFE;

    struct Target {
        uint8_t first, last;
        uint32_t place;  // in owner_, or else `closed` is the state that is entered
        uint32_t closed;
    };

    void begin_subset() {
        if (++round_ == 0) {
            std::fill(seen_.begin(), seen_.end(), 0u);
            round_ = 1;
        }
    }

    // Adds the places that a state leads to without a byte.
    void close(uint32_t state, std::vector<uint32_t> *places) {
        stack_.push_back(state);
        while (!stack_.empty()) {
            const uint32_t at = stack_.back();
            stack_.pop_back();
            if (seen_[at] == round_) continue;
            seen_[at] = round_;
            work(1);
            const Nfa::State &s = nfa_.states[at];
            if (s.fragment != Nfa::none) {
                places->push_back(first_[at]);
                continue;
            }
            if (at == nfa_.accepting) places->push_back(at_end);
            if (s.a != Nfa::none) stack_.push_back(s.a);
            if (s.b != Nfa::none) stack_.push_back(s.b);
        }
    }

    uint32_t number(std::vector<uint32_t> places) {
        std::sort(places.begin(), places.end());
        places.erase(std::unique(places.begin(), places.end()), places.end());
        const auto [found, is_new] =
            number_of_.emplace(std::move(places), static_cast<uint32_t>(subsets_.size()));
        if (is_new) {
            if (subsets_.size() == max_subsets_ || (members_ += found->first.size()) > max_members)
                too_many();
            subsets_.push_back(&found->first);
            dfa_.states.emplace_back();
            dfa_.states.back().accepting = !found->first.empty() && found->first.back() == at_end;
        }
        return found->second;
    }

    void expand(size_t subset) {
        targets_.clear();
        bool starts[257] = {};
        for (const uint32_t place : *subsets_[subset]) {
            if (place == at_end) continue;
            const uint32_t owner = owner_[place];
            const Nfa::State &state = nfa_.states[owner];
            for (const ByteFragment::Edge &edge : nfa_.fragments[state.fragment].nodes[place - first_[owner]]) {
                const bool ends = edge.to == ByteFragment::end;
                targets_.push_back(
                    {edge.first, edge.last, ends ? none : first_[owner] + edge.to, ends ? state.a : none});
                starts[edge.first] = starts[edge.last + 1] = true;
            }
        }
        work(targets_.size());
        std::vector<Dfa::Edge> edges;
        for (uint32_t byte = 0, end; byte < 256; byte = end) {
            for (end = byte + 1; end < 256 && !starts[end];) ++end;
            std::vector<uint32_t> places;
            begin_subset();
            for (const Target &target : targets_) {
                if (target.first > byte || target.last < byte) continue;
                if (target.closed != none)
                    close(target.closed, &places);
                else
                    places.push_back(target.place);
            }
            work(targets_.size());
            if (!places.empty())
                add_edge(&edges, {static_cast<uint8_t>(byte), static_cast<uint8_t>(end - 1),
                                  number(std::move(places))});
        }
        dfa_.states[subset].edges = std::move(edges);
    }

    void work(uint64_t steps) {
        if ((work_ += steps) > max_work) too_many();
    }
    [[noreturn]] void too_many() const {
        bad_input("%s: the automaton gets too large: it was given up at %zu states; bounds on lengths, "
                  "repetitions and depth make it smaller",
                  what_.c_str(), subsets_.size());
    }

    const Nfa &nfa_;
    const std::string &what_;
    const size_t max_subsets_;
    std::vector<uint32_t> first_;  // [states], of one that takes a code point, where its nodes begin in owner_
    std::vector<uint32_t> owner_;  // [places], the state that a place belongs to
    std::vector<uint32_t> seen_;   // [states], the round that a state was closed in
    uint32_t round_ = 0;
    uint64_t work_ = 0;
    size_t members_ = 0;
    std::vector<uint32_t> stack_;
    std::vector<Target> targets_;
    NumberOf number_of_;
    std::vector<const std::vector<uint32_t> *> subsets_;
    Dfa dfa_;
};

// Bytes of the shortest way from each state to an accepting one, or `none`.
std::vector<uint32_t> shortest_ways(const Dfa &dfa) {
    std::vector<std::vector<uint32_t>> sources(dfa.states.size());
    std::vector<uint32_t> ways(dfa.states.size(), none);
    std::deque<uint32_t> queue;
    for (uint32_t s = 0; s < dfa.states.size(); ++s) {
        for (const Dfa::Edge &edge : dfa.states[s].edges) sources[edge.next].push_back(s);
        if (!dfa.states[s].accepting) continue;
        ways[s] = 0;
        queue.push_back(s);
    }
    for (; !queue.empty(); queue.pop_front())
        for (const uint32_t source : sources[queue.front()])
            if (ways[source] == none) {
                ways[source] = ways[queue.front()] + 1;
                queue.push_back(source);
            }
    return ways;
}

// Leaves out edges to states that no text ends behind.
void trim(Dfa *dfa) {
    const std::vector<uint32_t> ways = shortest_ways(*dfa);
    for (Dfa::State &state : dfa->states)
        state.edges.erase(std::remove_if(state.edges.begin(), state.edges.end(),
                                         [&](const Dfa::Edge &edge) { return ways[edge.next] == none; }),
                          state.edges.end());
}

// States reached from state 0, each after all that it leads to; empty where some state leads to itself.
std::vector<uint32_t> from_the_end(const Dfa &dfa) {
    std::vector<uint32_t> order;
    std::vector<uint8_t> mark(dfa.states.size());  // 1: on the way, 2: done
    std::vector<std::pair<uint32_t, size_t>> stack = {{0, 0}};
    mark[0] = 1;
    while (!stack.empty()) {
        auto &[state, next] = stack.back();
        if (next == dfa.states[state].edges.size()) {
            mark[state] = 2;
            order.push_back(state);
            stack.pop_back();
            continue;
        }
        const uint32_t to = dfa.states[state].edges[next++].next;
        if (mark[to] == 1) return {};
        if (mark[to] == 0) {
            mark[to] = 1;
            stack.emplace_back(to, 0);
        }
    }
    return order;
}

// What a state is, given the classes of those it leads to.
std::vector<uint32_t> signature(const Dfa::State &state, const std::vector<uint32_t> &class_of, uint32_t own) {
    std::vector<Dfa::Edge> edges;
    for (const Dfa::Edge &edge : state.edges) add_edge(&edges, {edge.first, edge.last, class_of[edge.next]});
    std::vector<uint32_t> out = {own};
    for (const Dfa::Edge &edge : edges) {
        out.push_back(edge.first * 256u + edge.last);
        out.push_back(edge.next);
    }
    return out;
}

// Classes of equal states. Where no state leads to itself they are known from the end on; else two classes are refined until no
// state of one leads elsewhere than another one (Moore 1956), or, if that takes too long, every state is a class.
std::vector<uint32_t> classes_of(const Dfa &dfa, const std::vector<uint32_t> &order) {
    std::vector<uint32_t> class_of(dfa.states.size());
    if (!order.empty()) {
        NumberOf known;
        for (const uint32_t s : order)
            class_of[s] =
                known.emplace(signature(dfa.states[s], class_of, dfa.states[s].accepting), known.size())
                    .first->second;
        return class_of;
    }
    for (size_t s = 0; s < dfa.states.size(); ++s) class_of[s] = dfa.states[s].accepting;
    uint64_t work = 0;
    for (size_t count = 1, before = 0; count != before;) {
        before = count;
        NumberOf known;
        std::vector<uint32_t> finer(class_of.size());
        for (size_t s = 0; s < class_of.size(); ++s) {
            finer[s] =
                known.emplace(signature(dfa.states[s], class_of, class_of[s]), known.size()).first->second;
            work += 1 + dfa.states[s].edges.size();
        }
        class_of = std::move(finer);
        count = known.size();
        if (work > max_work / 4) {
            for (size_t s = 0; s < class_of.size(); ++s) class_of[s] = static_cast<uint32_t>(s);
            break;
        }
    }
    return class_of;
}

// One state for each class that is reached, in the order in which they are.
Dfa join(const Dfa &dfa, const std::vector<uint32_t> &class_of) {
    Dfa out;
    std::unordered_map<uint32_t, uint32_t> number;
    std::vector<uint32_t> states = {0};
    number[class_of[0]] = 0;
    for (size_t i = 0; i < states.size(); ++i) {
        const Dfa::State &state = dfa.states[states[i]];
        out.states.emplace_back();
        out.states.back().accepting = state.accepting;
        for (const Dfa::Edge &edge : state.edges) {
            const auto [found, is_new] =
                number.emplace(class_of[edge.next], static_cast<uint32_t>(states.size()));
            if (is_new) states.push_back(edge.next);
            add_edge(&out.states.back().edges, {edge.first, edge.last, found->second});
        }
    }
    return out;
}

uint64_t longest_way(const Dfa &dfa, const std::vector<uint32_t> &order) {
    std::vector<uint64_t> longest(dfa.states.size());
    for (const uint32_t s : order)
        for (const Dfa::Edge &edge : dfa.states[s].edges)
            longest[s] = std::max(longest[s], longest[edge.next] + 1);
    return longest[0];
}

}  // namespace

Automaton make_automaton(const Expr &expression, const std::string &what, size_t max_subsets) {
    Dfa dfa;
    {
        const Nfa nfa = make_nfa(expression, what);
        dfa = Subsets(nfa, what, max_subsets).run();
    }
    trim(&dfa);
    dfa = join(dfa, classes_of(dfa, from_the_end(dfa)));
    const std::vector<uint32_t> lacks = shortest_ways(dfa);
    if (lacks[0] == none) bad_input("%s: there is no text that this allows", what.c_str());
    if (dfa.states.size() > constraint_max_states)
        bad_input("%s: the automaton has %zu states, and may have %u; bounds on lengths, repetitions and depth "
                  "make it smaller",
                  what.c_str(), dfa.states.size(), constraint_max_states);
    const std::vector<uint32_t> order = from_the_end(dfa);
    Automaton automaton;
    automaton.unbounded = order.empty();
    automaton.longest = longest_way(dfa, order);
    for (size_t s = 0; s < dfa.states.size(); ++s) {
        Automaton::State state = {dfa.states[s].accepting, {}, lacks[s]};
        for (const Dfa::Edge &edge : dfa.states[s].edges)
            state.edges.push_back({edge.first, edge.last, static_cast<uint16_t>(edge.next)});
        automaton.states.push_back(std::move(state));
    }
    return automaton;
}

std::vector<uint8_t> write_constraint(const Automaton &automaton, uint32_t max_bytes, const std::string &what) {
    const uint32_t shortest = automaton.states[0].lacks;
    if (automaton.unbounded && max_bytes == 0)
        bad_input("%s: there are texts of any length; --max-bytes N bounds them", what.c_str());
    if (max_bytes != 0 && max_bytes < shortest)
        bad_input("%s: the shortest text has %u bytes, and at most %u are allowed", what.c_str(), shortest,
                  max_bytes);
    uint64_t longest = automaton.unbounded ? max_bytes : automaton.longest;
    if (max_bytes != 0) longest = std::min<uint64_t>(longest, max_bytes);
    if (longest > constraint_max_longest)
        bad_input("%s: the longest text has %llu bytes; at most %u are possible", what.c_str(),
                  static_cast<unsigned long long>(longest), constraint_max_longest);

    ConstraintHeader header{};
    std::memcpy(header.magic, constraint_magic, sizeof header.magic);
    header.version = constraint_version;
    header.states = static_cast<uint32_t>(automaton.states.size());
    header.longest = static_cast<uint32_t>(longest);
    std::vector<ConstraintState> states;
    std::vector<ConstraintEdge> edges;
    for (const Automaton::State &state : automaton.states) {
        states.push_back({static_cast<uint32_t>(edges.size()), state.lacks});
        edges.insert(edges.end(), state.edges.begin(), state.edges.end());
    }
    header.edges = static_cast<uint32_t>(edges.size());
    states.push_back({header.edges, 0});

    std::vector<uint8_t> out(sizeof header);
    const auto append = [&out](const auto &table) {
        const auto *const bytes = reinterpret_cast<const uint8_t *>(table.data());
        out.insert(out.end(), bytes, bytes + table.size() * sizeof table[0]);
    };
    append(states);
    append(edges);
    header.size = static_cast<uint32_t>(out.size());
    std::memcpy(out.data(), &header, sizeof header);
    header.crc = crc32(0, out.data(), out.size());
    std::memcpy(out.data(), &header, sizeof header);
    return out;
}

}  // namespace adder
