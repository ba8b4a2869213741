// Parses the patterns of pre-tokenizers; a pattern is from a file, so that depth, size and repetitions have limits.
// SPDX-License-Identifier: MIT
#include "converter/import/split_pattern.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {

namespace {

constexpr size_t max_pattern = 8192, max_code = 4096;
constexpr unsigned max_depth = 40;
constexpr uint32_t max_repeat = 1000, no_limit = 0xFFFFFFFFu;

constexpr uint32_t bit(GeneralCategory category) { return 1u << static_cast<unsigned>(category); }
using C = GeneralCategory;
constexpr uint32_t letters = bit(C::Lu) | bit(C::Ll) | bit(C::Lt) | bit(C::Lm) | bit(C::Lo);

struct NamedCategory {
    std::string_view name;
    uint32_t categories;
};
constexpr NamedCategory named[] = {
    {"L", letters},     {"Lu", bit(C::Lu)}, {"Ll", bit(C::Ll)}, {"Lt", bit(C::Lt)},
    {"Lm", bit(C::Lm)}, {"Lo", bit(C::Lo)}, {"M", bit(C::M)},   {"N", bit(C::Nd) | bit(C::N)},
    {"Nd", bit(C::Nd)}, {"P", bit(C::P)},   {"S", bit(C::S)}};

// What a pattern is made of.
struct Node {
    enum class Kind { set, sequence, choice, repeat, ahead } kind = Kind::sequence;
    CodePointSet set{};                          // of set, ahead
    std::vector<std::unique_ptr<Node>> parts{};  // of sequence, choice; the one of repeat
    uint32_t least = 0, most = 0;                // of repeat
    bool negated = false;                        // of ahead
};
using NodePointer = std::unique_ptr<Node>;

bool may_be_empty(const Node &node) {
    const auto empty = [](const NodePointer &part) { return may_be_empty(*part); };
    switch (node.kind) {
    case Node::Kind::set: return false;
    case Node::Kind::ahead: return true;
    case Node::Kind::sequence: return std::all_of(node.parts.begin(), node.parts.end(), empty);
    case Node::Kind::choice: return std::any_of(node.parts.begin(), node.parts.end(), empty);
    case Node::Kind::repeat: return node.least == 0 || may_be_empty(*node.parts[0]);
    }
    return true;
}

bool is_letter(uint32_t c) { return (c | 0x20) - 'a' < 26; }

class Parser {
  public:
    Parser(const std::string &pattern, const std::string &where) : pattern_(pattern), where_(where) {}

    NodePointer run() {
        if (pattern_.size() > max_pattern)
            bad_input("%s: the pattern has %zu bytes, the limit is %zu", where_.c_str(), pattern_.size(),
                      max_pattern);
        NodePointer node = choice(0);
        if (at_ != pattern_.size()) refuse(at_, "a ) that nothing opened");
        return node;
    }

  private:
    [[noreturn]] void refuse(size_t at, const std::string &what) const {
        refuse_pattern(pattern_, where_,
                       format("is not supported, at byte %zu, %s: ", at,
                              json_quote(std::string_view(pattern_).substr(at), 20).c_str()) +
                           what);
    }
    bool more() const { return at_ < pattern_.size(); }
    bool next_is(std::string_view text) const {
        return std::string_view(pattern_).substr(at_, text.size()) == text;
    }
    bool take(std::string_view text) {
        if (!next_is(text)) return false;
        at_ += text.size();
        return true;
    }

    uint32_t code_point() {
        const auto *const text = reinterpret_cast<const uint8_t *>(pattern_.data());
        uint32_t value;
        const size_t start = at_;
        if (!more()) refuse(start, "a character is needed here");
        at_ += utf8_read(text + at_, text + pattern_.size(), &value);
        if (value >= invalid_byte) refuse(start, "this is no UTF-8");
        return value;
    }

    NodePointer choice(unsigned depth) {
        if (depth > max_depth) refuse(at_, "groups are too deep");
        auto node = std::make_unique<Node>();
        node->kind = Node::Kind::choice;
        do node->parts.push_back(sequence(depth));
        while (take("|"));
        return node->parts.size() == 1 ? std::move(node->parts[0]) : std::move(node);
    }

    NodePointer sequence(unsigned depth) {
        auto node = std::make_unique<Node>();
        uint32_t before = 0;  // the literal letter that folds its case, if such a one stands before
        while (more() && !next_is("|") && !next_is(")")) {
            const size_t start = at_;
            uint32_t folded = 0;
            NodePointer part = atom(depth, &folded);
            // ss is also U+00DF, and so on: what case folding makes of several characters.
            for (const char *pair : {"ss", "st", "ff", "fi", "fl"})
                if (before == static_cast<uint8_t>(pair[0]) && folded == static_cast<uint8_t>(pair[1]))
                    refuse(start, std::string("ignoring the case of ") + pair);
            before = folded;
            node->parts.push_back(repeated(std::move(part), start));
        }
        return node->parts.size() == 1 ? std::move(node->parts[0]) : std::move(node);
    }

    NodePointer repeated(NodePointer part, size_t start) {
        uint32_t least = 0, most = no_limit;
        if (take("?")) {
            most = 1;
        } else if (take("+")) {
            least = 1;
        } else if (take("{")) {
            least = number();
            most = least;
            if (take(",")) most = next_is("}") ? no_limit : number();
            if (!take("}") || most < least || most == 0) refuse(start, "this repetition");
        } else if (!take("*")) {
            return part;
        }
        if (next_is("?") || next_is("+") || next_is("*") || next_is("{"))
            refuse(at_, "lazy, possessive and doubled repetitions");
        if (may_be_empty(*part)) refuse(start, "repeating what may be empty");
        auto node = std::make_unique<Node>();
        node->kind = Node::Kind::repeat;
        node->least = least;
        node->most = most;
        node->parts.push_back(std::move(part));
        return node;
    }

    uint32_t number() {
        const size_t start = at_;
        uint32_t value = 0;
        while (more() && pattern_[at_] >= '0' && pattern_[at_] <= '9') {
            value = value * 10 + static_cast<uint32_t>(pattern_[at_++] - '0');
            if (value > max_repeat) refuse(start, format("more than %u repetitions", max_repeat));
        }
        if (at_ == start) refuse(start, "a number is needed here");
        return value;
    }

    NodePointer atom(unsigned depth, uint32_t *folded) {
        const size_t start = at_;
        if (take("(")) return group(depth, start);
        auto node = std::make_unique<Node>();
        node->kind = Node::Kind::set;
        if (take("[")) {
            node->set = bracket(start);
            return node;
        }
        if (next_is("\\")) {
            if (const auto item = escaped_class()) {
                node->set.items.push_back(*item);
                return node;
            }
        } else if (std::string_view("*+?{}]^$.").find(pattern_[at_]) != std::string_view::npos) {
            refuse(start, "this character, without a backslash");
        }
        const uint32_t value = literal();
        if (ignores_case_ && is_letter(value)) *folded = value | 0x20;
        add_range(value, value, start, &node->set);
        return node;
    }

    NodePointer group(unsigned depth, size_t start) {
        const bool outer_case = ignores_case_;
        bool ahead = false, negated = false;
        if (take("?i:")) {
            ignores_case_ = true;
        } else if (take("?=") || take("?!")) {
            ahead = true;
            negated = pattern_[at_ - 1] == '!';
        } else if (next_is("?") && !take("?:")) {
            refuse(start, "only ( (?: (?i: (?= and (?! are");
        }
        NodePointer node = choice(depth + 1);
        if (!take(")")) refuse(start, "this is not closed");
        ignores_case_ = outer_case;
        if (ahead) {
            if (node->kind != Node::Kind::set) refuse(start, "looking ahead for anything but one character");
            node->kind = Node::Kind::ahead;
            node->negated = negated;
        } else if (node->kind == Node::Kind::ahead) {  // apart from what it is around
            auto around = std::make_unique<Node>();
            around->parts.push_back(std::move(node));
            node = std::move(around);
        }
        return node;
    }

    // \s and the like, or nothing: then it is a literal.
    std::optional<CodePointSet::Item> escaped_class() {
        const size_t start = at_;
        CodePointSet::Item item;
        if (take("\\s") || take("\\S")) {
            item.categories = bit(C::Z);
            item.negated = pattern_[start + 1] == 'S';
        } else if (take("\\d") || take("\\D")) {
            item.categories = bit(C::Nd);
            item.negated = pattern_[start + 1] == 'D';
        } else if (take("\\p{") || take("\\P{")) {
            item.negated = pattern_[start + 1] == 'P';
            if (ignores_case_) refuse(start, "ignoring the case of a category");
            if (take("^")) item.negated = !item.negated;
            const size_t end = pattern_.find('}', at_);
            const std::string_view name =
                std::string_view(pattern_).substr(at_, end == std::string::npos ? 0 : end - at_);
            for (const NamedCategory &category : named)
                if (category.name == name) item.categories = category.categories;
            if (item.categories == 0)
                refuse(start, "of categories only L, Lu, Ll, Lt, Lm, Lo, M, N, Nd, P and S are");
            at_ = end + 1;
        } else {
            return std::nullopt;
        }
        return item;
    }

    uint32_t literal() {
        const size_t start = at_;
        if (!take("\\")) return code_point();
        if (!more()) refuse(start, "a backslash at the end");
        constexpr std::string_view letter = "rntvf", meaning = "\r\n\t\v\f";
        if (const size_t which = letter.find(pattern_[at_]); which != std::string_view::npos) {
            ++at_;
            return static_cast<uint8_t>(meaning[which]);
        }
        const auto c = static_cast<uint8_t>(pattern_[at_]);
        if (c >= 0x80 || is_letter(c) || (c >= '0' && c <= '9')) refuse(start, "this escape");
        ++at_;
        return c;
    }

    void add_range(uint32_t first, uint32_t last, size_t start, CodePointSet *set) const {
        const auto add = [&](uint32_t from, uint32_t to) {
            CodePointSet::Item item;
            item.first = from;
            item.last = to;
            set->items.push_back(item);
        };
        add(first, last);
        if (!ignores_case_) return;
        if (last >= 0x80 || first != last) {
            if (last >= 'A') refuse(start, "ignoring the case of anything but single letters from A to Z");
            return;
        }
        if (!is_letter(first)) return;
        add(first ^ 0x20, first ^ 0x20);
        if ((first | 0x20) == 's') add(0x17F, 0x17F);    // long s
        if ((first | 0x20) == 'k') add(0x212A, 0x212A);  // the sign for kelvin
    }

    CodePointSet bracket(size_t start) {
        CodePointSet set;
        set.negated = take("^");
        if (next_is("]")) refuse(start, "a class that begins with ]");
        while (!take("]")) {
            const size_t at = at_;
            if (!more()) refuse(start, "this class is not closed");
            if (next_is("[")) refuse(at, "a class within a class");
            if (next_is("&&")) refuse(at, "what classes have in common");
            if (const auto item = next_is("\\") ? escaped_class() : std::nullopt) {
                set.items.push_back(*item);
                if (next_is("-") && !next_is("-]")) refuse(at, "a range that begins with a class");
                continue;
            }
            const uint32_t first = literal();
            uint32_t last = first;
            if (next_is("-") && !next_is("-]")) {
                if (first == '-') refuse(at, "a range that begins with -");
                take("-");
                if (next_is("[") || (next_is("\\") && escaped_class()))
                    refuse(at, "a range that ends with a class");
                last = literal();
                if (last < first) refuse(at, "a range that ends before it begins");
            }
            add_range(first, last, at, &set);
        }
        return set;
    }

    const std::string &pattern_, &where_;
    size_t at_ = 0;
    bool ignores_case_ = false;
};

class Emitter {
  public:
    Emitter(const std::string &pattern, const std::string &where) : pattern_(pattern), where_(where) {}

    SplitProgram run(const Node &node) {
        emit(node);
        add(SplitProgram::Kind::match);
        return std::move(program_);
    }

  private:
    using Kind = SplitProgram::Kind;

    uint32_t here() const { return static_cast<uint32_t>(program_.code.size()); }
    uint32_t add(Kind kind, uint32_t a = 0, uint32_t b = 0) {
        if (program_.code.size() == max_code)
            refuse_pattern(pattern_, where_, format("is too large: more than %zu steps", max_code));
        program_.code.push_back({kind, a, b});
        return here() - 1;
    }
    // One for each node, however often that is repeated.
    uint32_t add_set(const Node &node) {
        const auto [known, is_new] = sets_.emplace(&node, static_cast<uint32_t>(program_.sets.size()));
        if (is_new) program_.sets.push_back(node.set);
        return known->second;
    }

    void emit(const Node &node) {
        std::vector<uint32_t> exits;
        switch (node.kind) {
        case Node::Kind::set: add(Kind::set, add_set(node)); break;
        case Node::Kind::ahead: add(Kind::ahead, add_set(node), node.negated); break;
        case Node::Kind::sequence:
            for (const NodePointer &part : node.parts) emit(*part);
            break;
        case Node::Kind::choice:
            for (size_t i = 0; i < node.parts.size(); ++i) {
                const bool is_last = i + 1 == node.parts.size();
                const uint32_t either = is_last ? 0 : add(Kind::either, here() + 1);
                emit(*node.parts[i]);
                if (is_last) break;
                exits.push_back(add(Kind::go));
                program_.code[either].b = here();
            }
            for (const uint32_t exit : exits) program_.code[exit].a = here();
            break;
        case Node::Kind::repeat:
            for (uint32_t i = 0; i < node.least; ++i) emit(*node.parts[0]);
            if (node.most == no_limit) {
                const uint32_t either = add(Kind::either, here() + 1);
                emit(*node.parts[0]);
                add(Kind::go, either);
                program_.code[either].b = here();
                break;
            }
            for (uint32_t i = node.least; i < node.most; ++i) {
                exits.push_back(add(Kind::either, here() + 1));
                emit(*node.parts[0]);
            }
            for (const uint32_t exit : exits) program_.code[exit].b = here();
            break;
        }
    }

    const std::string &pattern_, &where_;
    std::map<const Node *, uint32_t> sets_;
    SplitProgram program_;
};

}  // namespace

bool CodePointSet::contains(uint32_t code_point, GeneralCategory category) const {
    const bool found = std::any_of(items.begin(), items.end(), [&](const Item &item) {
        const bool inside =
            (code_point >= item.first && code_point <= item.last) || (item.categories & bit(category)) != 0;
        return inside != item.negated;
    });
    return found != negated;
}

void refuse_pattern(const std::string &pattern, const std::string &where, const std::string &why) {
    bad_input("%s: the pattern %s %s", where.c_str(), json_quote(pattern, 400).c_str(), why.c_str());
}

SplitProgram parse_split_pattern(const std::string &pattern, const std::string &where) {
    const NodePointer node = Parser(pattern, where).run();
    if (may_be_empty(*node)) refuse_pattern(pattern, where, "is not supported: it may match nothing at all");
    return Emitter(pattern, where).run(*node);
}

}  // namespace adder
