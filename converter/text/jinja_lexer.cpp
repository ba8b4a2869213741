// Cuts a template into tokens, as Jinja's own lexer does with trim_blocks and lstrip_blocks.
// SPDX-License-Identifier: MIT
#include "converter/text/jinja_lexer.h"

#include <algorithm>
#include <cstring>

#include "converter/text/utf8.h"

namespace adder::jinja {

namespace {

constexpr size_t max_source = 64 * 1024;
constexpr char white_space[] = " \t\n\r\f\v";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c); }

class Lexer {
  public:
    explicit Lexer(std::string_view source) : source_(source) {}

    std::vector<Token> run() {
        while (at_ < source_.size()) {
            const size_t tag = find_tag(at_);
            take_text(tag);
            if (tag < source_.size()) take_tag();
        }
        push(Token::Kind::end_of_template, {}, at_);
        return std::move(tokens_);
    }

  private:
    [[noreturn]] void fail(size_t offset, const std::string &message) {
        const auto [line, column] = place(offset);
        fail_at(line, column, message);
    }

    // Line and column of an offset; offsets are asked for in ascending order, so that this stays linear.
    std::pair<uint32_t, uint32_t> place(size_t offset) {
        if (offset < counted_) {
            counted_ = line_start_ = 0;
            line_ = 1;
        }
        for (; counted_ < offset; ++counted_)
            if (source_[counted_] == '\n') {
                ++line_;
                line_start_ = counted_ + 1;
            }
        return {line_, static_cast<uint32_t>(offset - line_start_ + 1)};
    }

    void push(Token::Kind kind, std::string text, size_t offset) {
        const auto [line, column] = place(offset);
        tokens_.push_back({kind, std::move(text), line, column});
    }

    size_t find_tag(size_t from) const {
        for (size_t i = from; i + 1 < source_.size(); ++i)
            if (source_[i] == '{' && std::strchr("{%#", source_[i + 1]) != nullptr && source_[i + 1] != '\0')
                return i;
        return source_.size();
    }

    // The text up to a tag, less what the tags around it strip.
    void take_text(size_t tag) {
        std::string text(source_.substr(at_, tag - at_));
        bool line_start = at_ == 0;  // does `text`, as it is trimmed below, begin a line?
        if (strip_next_) {
            text.erase(0, std::min(text.find_first_not_of(white_space), text.size()));
        } else if (trim_newline_ && !text.empty() && text[0] == '\n') {
            text.erase(0, 1);
            line_start = true;
        }
        if (tag + 2 < source_.size() && source_[tag + 2] == '-') {
            text.erase(text.find_last_not_of(white_space) + 1);
        } else if (tag + 2 < source_.size() && source_[tag + 1] != '{' && source_[tag + 2] != '+') {
            // lstrip_blocks: blanks between the line's start and the tag
            const size_t last = text.find_last_not_of(" \t");
            const bool from_line_start = last != std::string::npos ? text[last] == '\n' : line_start;
            if (from_line_start) text.erase(last + 1);
        }
        if (!text.empty()) push(Token::Kind::text, std::move(text), at_);
        at_ = tag;
        strip_next_ = trim_newline_ = false;
    }

    void take_tag() {
        const size_t begin = at_;
        const char which = source_[at_ + 1];
        at_ += 2;
        if (which == '#') {
            const size_t end = source_.find("#}", at_);
            if (end == std::string_view::npos) fail(begin, "a comment has no end");
            strip_next_ = end > at_ && source_[end - 1] == '-';
            trim_newline_ = true;
            at_ = end + 2;
            return;
        }
        if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) ++at_;
        push(which == '{' ? Token::Kind::output_begin : Token::Kind::block_begin, {}, begin);
        const char *const closing = which == '{' ? "}}" : "%}";
        int braces = 0;  // of dict literals: }} may close two of them
        while (true) {
            at_ = std::min(source_.find_first_not_of(white_space, at_), source_.size());
            if (at_ == source_.size()) fail(begin, "a tag has no end");
            if (braces == 0 && take_tag_end(closing, which)) return;
            const char c = source_[at_];
            braces += c == '{' ? 1 : c == '}' ? -1 : 0;
            take_token();
        }
    }

    bool take_tag_end(const char *closing, char which) {
        const char sign = source_[at_];
        const size_t skip = sign == '-' || sign == '+' ? 1 : 0;
        if (source_.substr(std::min(at_ + skip, source_.size()), 2) != closing) return false;
        push(Token::Kind::end, {}, at_);
        at_ += skip + 2;
        strip_next_ = skip == 1 && sign == '-';
        trim_newline_ = which == '%' && skip == 0;
        return true;
    }

    void take_token() {
        const size_t begin = at_;
        const char c = source_[at_];
        if (is_digit(c)) {
            while (at_ < source_.size() && is_digit(source_[at_])) ++at_;
            const bool fraction =
                at_ + 1 < source_.size() && source_[at_] == '.' && is_digit(source_[at_ + 1]);
            if (fraction)
                for (++at_; at_ < source_.size() && is_digit(source_[at_]);) ++at_;
            if (at_ - begin > 15) fail(begin, "a number is too long");
            push(fraction ? Token::Kind::fraction : Token::Kind::integer,
                 std::string(source_.substr(begin, at_ - begin)), begin);
        } else if (is_name(c)) {
            while (at_ < source_.size() && is_name(source_[at_])) ++at_;
            push(Token::Kind::name, std::string(source_.substr(begin, at_ - begin)), begin);
        } else if (c == '"' || c == '\'') {
            take_string(c);
        } else {
            for (const char *two : {"==", "!=", "<=", ">=", "//"})
                if (source_.substr(at_, 2) == two) {
                    at_ += 2;
                    push(Token::Kind::symbol, two, begin);
                    return;
                }
            if (c == '\0' || std::strchr("+-*/%~<>=()[]{}.,:|", c) == nullptr)
                fail(begin, "an unsupported character");
            ++at_;
            push(Token::Kind::symbol, std::string(1, c), begin);
        }
    }

    void take_string(char quote) {
        const size_t begin = at_++;
        std::string text;
        while (true) {
            if (at_ >= source_.size()) fail(begin, "a string has no end");
            const char c = source_[at_++];
            if (c == quote) break;
            if (c != '\\' || at_ >= source_.size()) {
                text += c;
                continue;
            }
            const char escaped = source_[at_++];
            static constexpr std::string_view names = "ntrbfv\\'\"", values = "\n\t\r\b\f\v\\'\"";
            const size_t which = names.find(escaped);
            if (which != std::string_view::npos) {
                text += values[which];
            } else if (escaped == 'u' || escaped == 'x') {
                append_utf8(text, take_hexadecimal(escaped == 'u' ? 4 : 2));
            } else if (is_digit(escaped) || escaped == 'N' || escaped == 'U' || escaped == '\n') {
                fail(at_ - 2, "an unsupported escape in a string");
            } else {
                text += {'\\', escaped};  // as Python keeps those that it does not know
            }
        }
        push(Token::Kind::string, std::move(text), begin);
    }

    uint32_t take_hexadecimal(size_t digits) {
        uint32_t code = 0;
        for (size_t i = 0; i < digits; ++i) {
            const char c = at_ < source_.size() ? source_[at_] : '\0';
            const int digit = is_digit(c)            ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            if (digit < 0) fail(at_, "a hexadecimal digit is missing in a string");
            code = 16 * code + static_cast<uint32_t>(digit);
            ++at_;
        }
        if (code == 0 || (code >= 0xd800 && code < 0xe000))
            fail(at_ - digits, "an unsupported escape in a string");
        return code;
    }

    const std::string_view source_;
    size_t at_ = 0;
    bool strip_next_ = false;    // the tag before ended with `-`
    bool trim_newline_ = false;  // trim_blocks: the tag before was a block or a comment
    size_t counted_ = 0, line_start_ = 0;
    uint32_t line_ = 1;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view source) {
    if (source.size() > max_source) throw TemplateError{"it is longer than 64 KiB"};
    std::string normalized;
    for (size_t i = 0; i < source.size(); ++i) {
        if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
        normalized += source[i] == '\r' ? '\n' : source[i];
    }
    if (!normalized.empty() && normalized.back() == '\n') normalized.pop_back();
    return Lexer(normalized).run();
}

}  // namespace adder::jinja
