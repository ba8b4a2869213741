// Parses regular expressions.
// SPDX-License-Identifier: MIT
#include "converter/constrain/regex.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/constrain/code_points.h"
#include "converter/text/json.h"
#include "converter/text/utf8.h"
#include "runtime/unicode.h"

namespace adder {

namespace {

constexpr uint32_t max_depth = 100;
constexpr uint32_t max_repeat = 65535;
constexpr uint32_t nothing = 0xFFFFFFFF;  // behind the pattern's end

class Parser {
  public:
    Parser(const std::string &pattern, const std::string &what, RegexDialect dialect)
        : pattern_(pattern), what_(what), search_(dialect == RegexDialect::search) {
        for (size_t i = 0; i < pattern.size();) {
            const size_t size = utf8_sequence(std::string_view(pattern).substr(i));
            if (size == 0) refuse_at(i, "this is not UTF-8");
            uint32_t code_point;
            const auto *const at = reinterpret_cast<const uint8_t *>(pattern.data()) + i;
            utf8_read(at, at + size, &code_point);
            text_.push_back(code_point);
            place_.push_back(i);
            i += size;
        }
        place_.push_back(pattern.size());
    }

    // The alternatives of the pattern itself, which alone may have anchors.
    Expr run() {
        std::vector<Expr> alternatives;
        do {
            const bool begins = take('^');
            Expr part = sequence(0);
            const bool ends = take('$');
            if (search_) {
                const Expr any = make_repeat(make_set({{0, last_code_point}}), 0, unlimited);
                std::vector<Expr> parts;
                if (!begins) parts.push_back(any);
                parts.push_back(std::move(part));
                if (!ends) parts.push_back(any);
                part = make_sequence(std::move(parts));
            }
            alternatives.push_back(std::move(part));
        } while (take('|'));
        if (at_ < text_.size())
            refuse(peek() == ')' ? "there is no group to close" : "nothing may come behind $ here");
        return make_choice(std::move(alternatives));
    }

  private:
    uint32_t peek(size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : nothing;
    }
    bool take(uint32_t code_point) {
        if (peek() != code_point) return false;
        ++at_;
        return true;
    }
    bool take(const char *text) {
        size_t size = 0;
        for (; text[size] != '\0'; ++size)
            if (peek(size) != static_cast<uint8_t>(text[size])) return false;
        at_ += size;
        return true;
    }
    [[noreturn]] void refuse(const char *why) const { refuse_at(place_[std::min(at_, text_.size())], why); }
    [[noreturn]] void refuse_at(size_t place, const char *why) const {
        bad_input("%s: the pattern %s at byte %zu: %s", what_.c_str(), json_quote(pattern_).c_str(), place,
                  why);
    }

    Expr choice(uint32_t depth) {
        if (depth > max_depth) refuse("groups are nested too deeply");
        std::vector<Expr> alternatives;
        do alternatives.push_back(sequence(depth));
        while (take('|'));
        return make_choice(std::move(alternatives));
    }

    Expr sequence(uint32_t depth) {
        std::vector<Expr> parts;
        while (peek() != nothing && peek() != '|' && peek() != ')') {
            if (peek() == '^') refuse("^ may stand at the start of the pattern's alternatives only");
            if (peek() == '$') {
                if (depth > 0) refuse("$ may stand at the end of the pattern's alternatives only");
                break;
            }
            parts.push_back(repeated(atom(depth)));
        }
        return make_sequence(std::move(parts));
    }

    Expr repeated(Expr part) {
        uint32_t least, most;
        if (take('*'))
            least = 0, most = unlimited;
        else if (take('+'))
            least = 1, most = unlimited;
        else if (take('?'))
            least = 0, most = 1;
        else if (!bounds(&least, &most))
            return part;
        if (peek() == '+') refuse("possessive repetitions are not supported");
        take('?');  // lazy: the same texts
        size_t end = at_;
        uint32_t ignored;
        if (peek() == '*' || peek() == '+' || peek() == '?' || bounds(&ignored, &ignored)) {
            at_ = end;
            refuse("what is repeated is a repetition already; put it in a group");
        }
        return make_repeat(std::move(part), least, most);
    }

    // {m}, {m,} or {m,n}; a { before anything else is itself.
    bool bounds(uint32_t *least, uint32_t *most) {
        const size_t start = at_;
        if (!take('{')) return false;
        const bool sound = number(least) &&
                           (take(',') ? (peek() == '}' ? (*most = unlimited, true) : number(most))
                                      : (*most = *least, true)) &&
                           take('}');
        if (!sound) {
            at_ = start;
            return false;
        }
        if (*least > max_repeat || (*most > max_repeat && *most != unlimited) || *most < *least) {
            at_ = start;
            refuse("bounds of repetitions go up from 0 to 65535");
        }
        return true;
    }

    bool number(uint32_t *value) {
        const size_t start = at_;
        *value = 0;
        for (; peek() >= '0' && peek() <= '9'; ++at_)
            *value = std::min(*value * 10 + (peek() - '0'), max_repeat + 1);
        return at_ > start;
    }

    Expr atom(uint32_t depth) {
        const uint32_t c = peek();
        if (c == '(') return group(depth);
        if (c == '[') return make_set(bracketed());
        if (c == '*' || c == '+' || c == '?') refuse("there is nothing to repeat");
        if (c == '{') {
            const size_t start = at_;
            uint32_t ignored;
            if (bounds(&ignored, &ignored)) {
                at_ = start;
                refuse("there is nothing to repeat");
            }
        }
        if (c == '.') {
            ++at_;
            return make_set(complement(search_ ? ecma_line_ends() : CodePointRanges{{'\n', '\n'}}));
        }
        if (c == '\\') return make_set(escaped());
        ++at_;
        return make_set({{c, c}});
    }

    Expr group(uint32_t depth) {
        const size_t start = at_;
        ++at_;
        if (peek() == '?') {
            for (const char *look : {"?=", "?!", "?<=", "?<!"})
                if (take(look)) {
                    at_ = start;
                    refuse("look-around is not supported");
                }
            if (take("?P<") || take("?<")) {
                while (peek() != '>' && peek() != nothing) ++at_;
                if (!take('>')) refuse("the group's name does not end");
            } else if (!take("?:")) {
                refuse(
                    "of groups that begin with (? only (?: and those with a name are supported; flags are not");
            }
        }
        Expr inner = choice(depth + 1);
        if (!take(')')) {
            at_ = start;
            refuse("the group is not closed");
        }
        return inner;
    }

    uint32_t hexadecimal(size_t digits, bool braced) {
        uint32_t value = 0;
        size_t count = 0;
        for (; count < digits; ++count, ++at_) {
            const uint32_t c = peek();
            uint32_t digit;
            if (c >= '0' && c <= '9')
                digit = c - '0';
            else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                digit = (c | 0x20) - 'a' + 10;
            else
                break;
            value = value * 16 + digit;
        }
        if (count == 0 || (!braced && count < digits) || (braced && !take('}')))
            refuse("hexadecimal digits are missing");
        if (value > last_code_point || (value >= 0xD800 && value < 0xE000)) refuse("this is no code point");
        return value;
    }

    // At a backslash: the set that it and what follows stand for.
    CodePointRanges escaped() {
        ++at_;
        const uint32_t c = peek();
        if (c == nothing) refuse("a backslash is the last character");
        if (c >= '1' && c <= '9') refuse("back-references are not supported");
        ++at_;
        switch (c) {
        case 'd': return digits();
        case 'D': return complement(digits());
        case 'w': return word_characters();
        case 'W': return complement(word_characters());
        case 's': return search_ ? ecma_spaces() : ascii_spaces();
        case 'S': return complement(search_ ? ecma_spaces() : ascii_spaces());
        case 't': return {{'\t', '\t'}};
        case 'n': return {{'\n', '\n'}};
        case 'r': return {{'\r', '\r'}};
        case 'f': return {{'\f', '\f'}};
        case 'v': return {{'\v', '\v'}};
        case 'a': return {{'\a', '\a'}};
        case '0': return {{0, 0}};
        case 'p':
        case 'P': return category(c == 'P');
        case 'x':
        case 'u': {
            const bool braced = take('{');
            const uint32_t value = hexadecimal(braced ? 6 : c == 'x' ? 2 : 4, braced);
            return {{value, value}};
        }
        case 'b':
        case 'B':
            if (in_class_ && c == 'b') return {{'\b', '\b'}};
            --at_;
            refuse("word boundaries are not supported");
        }
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
            --at_;
            refuse(c == 'k' ? "back-references are not supported" : "this escape is not supported");
        }
        return {{c, c}};
    }

    CodePointRanges category(bool negated) {
        std::string name;
        if (take('{')) {
            if (take('^')) negated = !negated;
            for (; peek() != '}'; ++at_) {
                if (peek() == nothing) refuse("the name of the category does not end");
                append_utf8(name, peek());
            }
            ++at_;
        } else if (peek() != nothing) {
            append_utf8(name, text_[at_++]);
        }
        const CodePointRanges found = category_named(name);
        if (found.empty())
            refuse("of Unicode's classes only L, Lu, Ll, Lt, Lm, Lo, M, N, Nd, P and S are supported");
        return negated ? complement(found) : found;
    }

    CodePointRanges bracketed() {
        const size_t start = at_;
        ++at_;
        in_class_ = true;
        const bool negated = take('^');
        CodePointRanges out;
        if (peek() == ']') refuse("the class is empty; write \\] for a bracket");
        while (!take(']')) {
            if (peek() == nothing) {
                at_ = start;
                refuse("the class is not closed");
            }
            CodePointRanges one = member();
            if (peek() == '-' && peek(1) != ']' && peek(1) != nothing) {
                ++at_;
                const CodePointRanges last = member();
                const auto single = [](const CodePointRanges &set) {
                    return set.size() == 1 && set[0].first == set[0].second;
                };
                if (!single(one) || !single(last) || last[0].first < one[0].first)
                    refuse("a range goes up from one character to another one");
                one[0].second = last[0].first;
            }
            out.insert(out.end(), one.begin(), one.end());
        }
        in_class_ = false;
        return negated ? complement(out) : joined(out);
    }

    CodePointRanges member() {
        if (peek() == '\\') return escaped();
        if (peek() == '[' && peek(1) == ':') {
            at_ += 2;
            const bool negated = take('^');
            std::string name;
            for (; peek() >= 'a' && peek() <= 'z'; ++at_) name += static_cast<char>(peek());
            const CodePointRanges found = posix_class(name);
            if (found.empty() || !take(":]")) refuse("there is no POSIX class of this name");
            return negated ? complement(found) : found;
        }
        const uint32_t c = text_[at_++];
        return {{c, c}};
    }

    const std::string &pattern_, &what_;
    const bool search_;
    bool in_class_ = false;
    std::vector<uint32_t> text_;
    std::vector<size_t> place_;  // bytes, of each code point, and of the end
    size_t at_ = 0;
};

}  // namespace

Expr parse_regex(const std::string &pattern, const std::string &what, RegexDialect dialect) {
    return Parser(pattern, what, dialect).run();
}

}  // namespace adder
