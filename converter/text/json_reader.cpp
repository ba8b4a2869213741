// Reads JSON text into a tree of values.
// SPDX-License-Identifier: MIT
#include "converter/text/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "converter/base/error.h"
#include "converter/text/utf8.h"

namespace adder {

namespace {

constexpr int max_depth = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether a well-formed number that left the range of a double did so upwards. Such a number is hundreds of
// decimal places away from 1, so that the place of its first significant digit decides.
bool is_overflow(std::string_view number) {
    if (number.front() == '-') number.remove_prefix(1);
    const size_t exponent_mark = number.find_first_of("eE");
    const std::string_view mantissa = number.substr(0, exponent_mark);
    const size_t point = std::min(mantissa.find('.'), mantissa.size());
    const size_t first = mantissa.find_first_of("123456789");
    if (first == std::string_view::npos) return false;
    const double place = static_cast<double>(point) - static_cast<double>(first);
    double exponent = 0;
    if (exponent_mark != std::string_view::npos) {
        for (const char c : number.substr(exponent_mark + 1)) {
            if (is_digit(c)) exponent = std::min(1e18, exponent * 10 + (c - '0'));
        }
        if (number[exponent_mark + 1] == '-') exponent = -exponent;
    }
    return place + exponent > 0;
}

}  // namespace

// Recursive descent over the grammar of RFC 8259; the depth limit bounds the stack.
class JsonReader {
  public:
    JsonReader(std::string_view text, const std::string &name, Json::Numbers numbers)
        : text_(text), name_(name), numbers_(numbers) {}

    Json document() {
        if (text_.substr(0, 3) == "\xEF\xBB\xBF") error(0, "a byte order mark; UTF-8 without one is needed");
        Json root = value(0);
        skip_space();
        if (at_ < text_.size()) error(at_, "text after the end of the document");
        return root;
    }

  private:
    // Lines and columns are counted only once something is wrong. A column counts characters.
    [[noreturn]] void error(size_t at, const std::string &what) const {
        const std::string_view before = text_.substr(0, at);
        const auto lines = std::count(before.begin(), before.end(), '\n');
        const size_t newline = before.rfind('\n');
        const std::string_view line = before.substr(newline == std::string_view::npos ? 0 : newline + 1);
        const auto column = std::count_if(line.begin(), line.end(),
                                          [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
        bad_input("%s:%lld:%lld: %s", name_.c_str(), static_cast<long long>(lines + 1),
                  static_cast<long long>(column + 1), what.c_str());
    }

    [[noreturn]] void unexpected(const char *needed) const {
        if (at_ >= text_.size()) error(at_, format("the text ends where %s is needed", needed));
        const char c = text_[at_];
        if (c > 0x20 && c < 0x7F) error(at_, format("'%c' where %s is needed", c, needed));
        error(at_, format("byte 0x%02X where %s is needed", static_cast<uint8_t>(c), needed));
    }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    void skip_space() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
            ++at_;
        }
    }

    bool accept(char c) {
        skip_space();
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    Json value(int depth) {
        skip_space();
        Json result;
        switch (peek()) {
        case '{': object(result, depth + 1); break;
        case '[': array(result, depth + 1); break;
        case '"': string(result.value_.emplace<std::string>()); break;
        case 't': word("true"), result.value_ = true; break;
        case 'f': word("false"), result.value_ = false; break;
        case 'n': word("null"); break;
        default: number(result); break;
        }
        return result;
    }

    void word(std::string_view expected) {
        if (text_.substr(at_, expected.size()) != expected) unexpected("a value");
        at_ += expected.size();
    }

    void enter(int depth) {
        if (depth > max_depth) error(at_, format("nested deeper than %d", max_depth));
        ++at_;
    }

    void array(Json &result, int depth) {
        enter(depth);
        auto &items = result.value_.emplace<std::vector<Json>>();
        if (accept(']')) return;
        do {
            items.push_back(value(depth));
        } while (accept(','));
        if (!accept(']')) unexpected("',' or ']'");
    }

    void object(Json &result, int depth) {
        enter(depth);
        auto &members = result.value_.emplace<std::vector<Json::Member>>();
        if (accept('}')) return;
        const size_t outer_keys = key_offsets_.size();
        do {
            skip_space();
            if (peek() != '"') unexpected("a member's name");
            key_offsets_.push_back(at_);
            Json::Member &member = members.emplace_back();
            string(member.first);
            if (!accept(':')) unexpected("':'");
            member.second = value(depth);
        } while (accept(','));
        if (!accept('}')) unexpected("',' or '}'");
        check_duplicates(members, outer_keys);
        key_offsets_.resize(outer_keys);
    }

    // By sorting, so that no choice of names makes it quadratic.
    void check_duplicates(const std::vector<Json::Member> &members, size_t outer_keys) {
        if (members.size() < 2) return;
        keys_.clear();
        for (size_t i = 0; i < members.size(); ++i) {
            keys_.emplace_back(members[i].first, key_offsets_[outer_keys + i]);
        }
        std::sort(keys_.begin(), keys_.end());
        const auto same = [](const auto &a, const auto &b) { return a.first == b.first; };
        const auto twin = std::adjacent_find(keys_.begin(), keys_.end(), same);
        if (twin != keys_.end()) {
            error((twin + 1)->second, format("member %s stands twice", json_quote(twin->first).c_str()));
        }
    }

    void string(std::string &out) {
        ++at_;  // the quote
        while (true) {
            size_t end = at_;
            while (end < text_.size() && text_[end] >= 0x20 && text_[end] < 0x7F && text_[end] != '"' &&
                   text_[end] != '\\') {
                ++end;
            }
            out.append(text_, at_, end - at_);
            at_ = end;
            if (at_ >= text_.size()) error(at_, "the text ends inside a string");
            const char c = text_[at_];
            if (c == '"') break;
            if (c == '\\') {
                escape(out);
            } else if (static_cast<unsigned char>(c) < 0x20) {
                error(at_, format("control character 0x%02X in a string; \\u%04x is needed", c, c));
            } else {
                const size_t length = utf8_sequence(text_.substr(at_, 4));
                if (length == 0) error(at_, "invalid UTF-8 in a string");
                out.append(text_, at_, length);
                at_ += length;
            }
        }
        ++at_;
    }

    void escape(std::string &out) {
        const size_t start = at_++;
        const char c = peek();
        if (c == 'u') {
            at_ = start;
            uint32_t code = code_unit();
            if (code >= 0xDC00 && code <= 0xDFFF)
                error(start, "a low surrogate without a high one before it");
            if (code >= 0xD800 && code <= 0xDBFF) {
                const size_t second = at_;
                const uint32_t low = text_.substr(at_, 2) == "\\u" ? code_unit() : 0;
                if (low < 0xDC00 || low > 0xDFFF) error(second, "no low surrogate after a high one");
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            }
            append_utf8(out, code);
            return;
        }
        constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
        const size_t which = at_ < text_.size() ? names.find(c) : std::string_view::npos;
        if (which == std::string_view::npos) unexpected("one of \"\\/bfnrtu after '\\'");
        out += meanings[which];
        ++at_;
    }

    // Reads "\uXXXX" at the current place.
    uint32_t code_unit() {
        at_ += 2;
        uint32_t code = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = peek();
            const char lower = static_cast<char>(c | 0x20);
            const bool letter = lower >= 'a' && lower <= 'f';
            if (!is_digit(c) && !letter) unexpected("a hexadecimal digit");
            code = code * 16 + static_cast<uint32_t>(letter ? lower - 'a' + 10 : c - '0');
        }
        return code;
    }

    void digits() {
        if (!is_digit(peek())) unexpected("a digit");
        while (is_digit(peek())) ++at_;
    }

    // Infinity or -Infinity, where they are allowed.
    bool infinity(Json &result) {
        constexpr std::string_view name = "Infinity";
        const size_t sign = peek() == '-' ? 1 : 0;
        if (numbers_ == Json::Numbers::finite ||
            text_.substr(std::min(at_ + sign, text_.size()), name.size()) != name)
            return false;
        at_ += sign + name.size();
        const double value = std::numeric_limits<double>::infinity();
        result.value_ = Json::Number{sign == 0 ? value : -value, 0, false};
        return true;
    }

    void number(Json &result) {
        if (infinity(result)) return;
        const size_t start = at_;
        if (peek() != '-' && !is_digit(peek())) unexpected("a value");
        if (peek() == '-') ++at_;
        if (peek() == '0') {
            ++at_;
            if (is_digit(peek())) error(start, "a number with a leading zero");
        } else {
            digits();
        }
        bool whole = true;
        if (peek() == '.') ++at_, whole = false, digits();
        if (peek() == 'e' || peek() == 'E') {
            ++at_, whole = false;
            if (peek() == '+' || peek() == '-') ++at_;
            digits();
        }
        Json::Number number{0, 0, false};
        const char *const first = text_.data() + start, *const last = text_.data() + at_;
        if (whole) number.exact = std::from_chars(first, last, number.integer).ec == std::errc();
        const bool in_range = std::from_chars(first, last, number.value).ec == std::errc();
        if (!in_range && !is_overflow(text_.substr(start, at_ - start))) {
            number.value = *first == '-' ? -0.0 : 0.0;
        } else if (!in_range || !std::isfinite(number.value)) {
            error(start, "a number too large for a double");
        }
        result.value_ = number;
    }

    std::string_view text_;
    const std::string &name_;
    const Json::Numbers numbers_;
    size_t at_ = 0;
    std::vector<size_t> key_offsets_;                        // of the members of all open objects
    std::vector<std::pair<std::string_view, size_t>> keys_;  // scratch of check_duplicates
};

Json Json::parse(std::string_view text, const std::string &name, Numbers numbers) {
    return JsonReader(text, name, numbers).document();
}

}  // namespace adder
