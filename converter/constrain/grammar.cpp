// Parses grammars, and writes their rules out.
// SPDX-License-Identifier: MIT
#include "converter/constrain/grammar.h"

#include <algorithm>
#include <map>
#include <memory>

#include "converter/base/error.h"
#include "converter/text/json.h"
#include "converter/text/utf8.h"
#include "runtime/unicode.h"

namespace adder {

namespace {

constexpr uint32_t max_groups = 100;        // within each other
constexpr uint32_t max_written = 1u << 20;  // nodes of rules written out
constexpr uint32_t max_nesting = 1000;      // rules within each other
constexpr uint32_t max_repeat = 65535;

struct Node {
    enum class Kind : uint8_t { leaf, rule, sequence, choice, repeat };
    Kind kind = Kind::sequence;
    Expr leaf;
    std::string rule;
    std::vector<Node> parts;
    uint32_t least = 0, most = 0;
};

using Rules = std::map<std::string, Node>;

class Parser {
  public:
    Parser(const std::string &text, const std::string &what) : text_(text), what_(what) {
        for (size_t i = 0; i < text.size();) {
            const size_t size = utf8_sequence(std::string_view(text).substr(i));
            at_ = i;
            if (size == 0) refuse("this is not UTF-8");
            i += size;
        }
        at_ = 0;
    }

    Rules run() {
        Rules rules;
        for (skip(); at_ < text_.size(); skip()) {
            const size_t start = at_;
            const std::string rule = name();
            if (rule.empty() || !begins_rule()) refuse("a rule begins with NAME ::=");
            skip();
            at_ += 3;
            Node node = choice(0);
            skip();
            if (at_ < text_.size() && !starts_rule()) refuse("this belongs to no rule");
            if (!rules.emplace(rule, std::move(node)).second) {
                at_ = start;
                refuse("there is a rule of this name already");
            }
        }
        return rules;
    }

  private:
    [[noreturn]] void refuse(const std::string &why) const {
        const size_t end = std::min(at_, text_.size());
        const auto line =
            1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(end), '\n');
        bad_input("%s: line %td, at %s: %s", what_.c_str(), line,
                  end == text_.size() ? "the end"
                                      : json_quote(std::string_view(text_).substr(end, 12)).c_str(),
                  why.c_str());
    }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    // White space and comments.
    void skip() {
        while (at_ < text_.size()) {
            if (text_[at_] == '#')
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
                ++at_;
            else
                return;
        }
    }
    static bool is_name(char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
               c == '_';
    }
    std::string name() {
        const size_t start = at_;
        while (is_name(peek())) ++at_;
        return text_.substr(start, at_ - start);
    }
    bool begins_rule() {  // behind a name
        const size_t start = at_;
        skip();
        const bool begins = text_.compare(at_, 3, "::=") == 0;
        at_ = start;
        return begins;
    }
    bool starts_rule() {  // before one
        const size_t start = at_;
        const bool starts = !name().empty() && begins_rule();
        at_ = start;
        return starts;
    }

    Node choice(uint32_t depth) {
        if (depth > max_groups) refuse("groups are nested too deeply");
        Node node;
        node.kind = Node::Kind::choice;
        do {
            node.parts.push_back(sequence(depth));
            skip();
        } while (take('|'));
        return node;
    }

    Node sequence(uint32_t depth) {
        Node node;
        for (;;) {
            skip();
            const char c = peek();
            if (at_ == text_.size() || c == '|' || c == ')' || (is_name(c) && starts_rule())) return node;
            node.parts.push_back(repeated(item(depth)));
        }
    }

    Node item(uint32_t depth) {
        Node node;
        node.kind = Node::Kind::leaf;
        if (take('"')) {
            std::vector<Expr> parts;
            while (!take('"')) {
                const uint32_t c = character();
                parts.push_back(make_set({{c, c}}));
            }
            node.leaf = make_sequence(std::move(parts));
        } else if (take('[')) {
            node.leaf = make_set(bracketed());
        } else if (take('.')) {
            node.leaf = make_set({{0, last_code_point}});
        } else if (take('(')) {
            node = choice(depth + 1);
            if (!take(')')) refuse("a group is not closed");
        } else if (is_name(peek())) {
            node.kind = Node::Kind::rule;
            node.rule = name();
        } else {
            refuse("a literal, a class, a name or a group is needed here");
        }
        return node;
    }

    Node repeated(Node part) {
        for (;;) {
            Node node;
            node.kind = Node::Kind::repeat;
            if (take('*'))
                node.least = 0, node.most = unlimited;
            else if (take('+'))
                node.least = 1, node.most = unlimited;
            else if (take('?'))
                node.least = 0, node.most = 1;
            else if (take('{'))
                bounds(&node);
            else
                return part;
            node.parts.push_back(std::move(part));
            part = std::move(node);
        }
    }

    void bounds(Node *node) {
        const auto number = [&] {
            uint32_t value = 0;
            const size_t start = at_;
            for (; peek() >= '0' && peek() <= '9'; ++at_)
                value = std::min(value * 10 + static_cast<uint32_t>(peek() - '0'), max_repeat + 1);
            if (at_ == start || value > max_repeat) refuse("bounds of repetitions go up from 0 to 65535");
            return value;
        };
        skip();
        node->least = node->most = number();
        skip();
        if (take(',')) {
            skip();
            node->most = peek() == '}' ? unlimited : number();
            skip();
        }
        if (!take('}') || node->most < node->least) refuse("bounds of repetitions go up from 0 to 65535");
    }

    uint32_t character() {
        if (at_ == text_.size() || peek() == '\n') refuse("a literal or class does not end in its line");
        if (!take('\\')) {
            uint32_t code_point;
            const auto *const at = reinterpret_cast<const uint8_t *>(text_.data());
            at_ += utf8_read(at + at_, at + text_.size(), &code_point);
            return code_point;
        }
        const char c = peek();
        ++at_;
        switch (c) {
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case 'x': return hexadecimal(2);
        case 'u': return hexadecimal(4);
        case 'U': return hexadecimal(8);
        case '\\':
        case '"':
        case '[':
        case ']':
        case '-':
        case '^': return static_cast<uint8_t>(c);
        }
        --at_;
        refuse("this escape is not supported");
    }

    uint32_t hexadecimal(size_t digits) {
        uint32_t value = 0;
        for (; digits > 0; --digits, ++at_) {
            const char c = peek(), lower = static_cast<char>(c | 0x20);
            if (c >= '0' && c <= '9')
                value = value * 16 + static_cast<uint32_t>(c - '0');
            else if (lower >= 'a' && lower <= 'f')
                value = value * 16 + static_cast<uint32_t>(lower - 'a' + 10);
            else
                refuse("hexadecimal digits are missing");
        }
        if (value > last_code_point || (value >= 0xD800 && value < 0xE000)) refuse("this is no code point");
        return value;
    }

    CodePointRanges bracketed() {
        const bool negated = take('^');
        CodePointRanges ranges;
        while (!take(']')) {
            const uint32_t first = character();
            uint32_t last = first;
            if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
                ++at_;
                last = character();
                if (last < first) refuse("a range goes up from one character to another one");
            }
            ranges.emplace_back(first, last);
        }
        return negated ? complement(ranges) : joined(ranges);
    }

    const std::string &text_, &what_;
    size_t at_ = 0;
};

// Rules written out where they are named.
class Writer {
  public:
    Writer(const Rules &rules, const std::string &what, uint32_t depth)
        : rules_(rules), what_(what), depth_(depth) {}

    Expr rule(const std::string &name) {
        const auto found = rules_.find(name);
        if (found == rules_.end()) bad_input("%s: there is no rule %s", what_.c_str(), name.c_str());
        uint32_t &within = within_[name];
        if (within > depth_) return make_choice({});
        if (nesting_ == max_nesting)
            bad_input("%s: rules are nested deeper than %u; a smaller --depth makes it less", what_.c_str(),
                      max_nesting);
        ++within, ++nesting_;
        const Expr made = write(found->second);
        --within, --nesting_;
        return made;
    }

  private:
    Expr write(const Node &node) {
        if (++written_ > max_written)
            bad_input(
                "%s: with its rules written out %u deep the grammar takes more than %u parts; a smaller --depth makes it less",
                what_.c_str(), depth_, max_written);
        if (node.kind == Node::Kind::leaf) return node.leaf;
        if (node.kind == Node::Kind::rule) return rule(node.rule);
        std::vector<Expr> parts;
        for (const Node &part : node.parts) parts.push_back(write(part));
        if (node.kind == Node::Kind::sequence) return make_sequence(std::move(parts));
        if (node.kind == Node::Kind::choice) return make_choice(std::move(parts));
        return make_repeat(parts[0], node.least, node.most);
    }

    const Rules &rules_;
    const std::string &what_;
    const uint32_t depth_;
    uint32_t written_ = 0, nesting_ = 0;
    std::map<std::string, uint32_t> within_;
};

}  // namespace

Expr parse_grammar(const std::string &text, const std::string &what, uint32_t depth) {
    const Rules rules = Parser(text, what).run();
    return Writer(rules, what, depth).rule("root");
}

}  // namespace adder
