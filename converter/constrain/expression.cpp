// Makes expressions.
// SPDX-License-Identifier: MIT
#include "converter/constrain/expression.h"

#include <algorithm>
#include <unordered_map>

#include "runtime/unicode.h"

namespace adder {

namespace {

constexpr uint32_t first_surrogate = 0xD800, last_surrogate = 0xDFFF;

Expression of_kind(Expression::Kind kind) {
    Expression expression;
    expression.kind = kind;
    return expression;
}

Expr finish(Expression &&expression) { return std::make_shared<const Expression>(std::move(expression)); }

// Parts that stand in several places are made once: what is shared stays so.
using Known = std::unordered_map<const Expression *, Expr>;

Expr in_json(const Expr &expression, Known *known) {
    const auto found = known->find(expression.get());
    if (found != known->end()) return found->second;
    Expression copy = *expression;
    copy.in_json = copy.kind == Expression::Kind::set;
    for (Expr &part : copy.parts) part = in_json(part, known);
    return (*known)[expression.get()] = finish(std::move(copy));
}

}  // namespace

CodePointRanges joined(CodePointRanges ranges) {
    std::sort(ranges.begin(), ranges.end());
    CodePointRanges out;
    const auto add = [&out](uint32_t first, uint32_t last) {
        if (first > last) return;
        if (!out.empty() && first <= out.back().second + 1)
            out.back().second = std::max(out.back().second, last);
        else
            out.emplace_back(first, last);
    };
    for (const auto &[first, last] : ranges) {
        add(first, std::min(last, first_surrogate - 1));
        add(std::max(first, last_surrogate + 1), std::min(last, last_code_point));
    }
    return out;
}

CodePointRanges complement(const CodePointRanges &ranges) {
    CodePointRanges out;
    uint32_t next = 0;
    for (const auto &[first, last] : joined(ranges)) {
        if (first > next) out.emplace_back(next, first - 1);
        next = last + 1;
    }
    if (next <= last_code_point) out.emplace_back(next, last_code_point);
    return joined(out);
}

Expr make_set(CodePointRanges ranges) {
    Expression set = of_kind(Expression::Kind::set);
    set.ranges = joined(std::move(ranges));
    return finish(std::move(set));
}

Expr make_text(std::string_view utf8) {
    std::vector<Expr> parts;
    const uint8_t *at = reinterpret_cast<const uint8_t *>(utf8.data()), *const end = at + utf8.size();
    while (at != end) {
        uint32_t code_point;
        at += utf8_read(at, end, &code_point);
        parts.push_back(make_set({{code_point, code_point}}));
    }
    return make_sequence(std::move(parts));
}

Expr make_sequence(std::vector<Expr> parts) {
    if (parts.size() == 1) return parts[0];
    Expression sequence = of_kind(Expression::Kind::sequence);
    sequence.parts = std::move(parts);
    return finish(std::move(sequence));
}

Expr make_choice(std::vector<Expr> parts) {
    if (parts.size() == 1) return parts[0];
    Expression choice = of_kind(Expression::Kind::choice);
    choice.parts = std::move(parts);
    return finish(std::move(choice));
}

static Expr make_times(Expression::Kind kind, Expr part, uint32_t least, uint32_t most) {
    Expression times = of_kind(kind);
    times.parts.push_back(std::move(part));
    times.least = least;
    times.most = most;
    return finish(std::move(times));
}

Expr make_repeat(Expr part, uint32_t least, uint32_t most) {
    return make_times(Expression::Kind::repeat, std::move(part), least, most);
}

Expr make_counted(Expr part, uint32_t least, uint32_t most) {
    return make_times(Expression::Kind::counted, std::move(part), least, most);
}

Expr make_network(uint32_t nodes, std::vector<Expression::Arc> arcs, std::vector<Expr> parts) {
    Expression network = of_kind(Expression::Kind::network);
    network.nodes = nodes;
    network.arcs = std::move(arcs);
    network.parts = std::move(parts);
    return finish(std::move(network));
}

Expr in_json_string(const Expr &expression) {
    Known known;
    return in_json(expression, &known);
}

}  // namespace adder
