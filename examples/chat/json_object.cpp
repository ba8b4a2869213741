// Reads and writes a JSON object of strings, numbers, true, false and null.
// SPDX-License-Identifier: MIT
#include "json_object.h"

#include "columns.h"

#include <algorithm>
#include <cstdio>

namespace chat {
namespace {

void append_utf8(std::string &text, uint32_t code) {
    const auto byte = [&](uint32_t value) { text += static_cast<char>(static_cast<unsigned char>(value)); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
        byte(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            byte(0xe0 | code >> 12);
        } else {
            byte(0xf0 | code >> 18);
            byte(0x80 | (code >> 12 & 0x3f));
        }
        byte(0x80 | (code >> 6 & 0x3f));
    }
    byte(0x80 | (code & 0x3f));
}

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    std::vector<JsonMember> object() {
        std::vector<JsonMember> members;
        skip_blanks();
        if (!take('{')) fail("an object is needed: {\"prompt\": \"...\"}");
        skip_blanks();
        if (!take('}')) {
            do {
                members.push_back(member(members));
                skip_blanks();
            } while (take(','));
            if (!take('}')) fail("',' or '}' is needed");
        }
        skip_blanks();
        if (at_ < text_.size()) fail("something follows the object");
        return members;
    }

  private:
    [[noreturn]] void fail(const std::string &what) const { fail_at(at_, what); }
    [[noreturn]] static void fail_at(size_t at, const std::string &what) {
        throw JsonError("byte " + std::to_string(at + 1) + ": " + what);
    }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char byte) {
        if (at_ == text_.size() || text_[at_] != byte) return false;
        ++at_;
        return true;
    }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

    JsonMember member(const std::vector<JsonMember> &before) {
        skip_blanks();
        const size_t begin = at_;
        if (peek() != '"') fail("a name in quotation marks is needed");
        JsonMember member{string(), JsonMember::Kind::null, {}};
        for (const JsonMember &other : before) {
            if (other.name == member.name) fail_at(begin, json_string(member.name) + " comes twice");
        }
        if (before.size() == max_json_members)
            fail_at(begin, "there are more than " + std::to_string(max_json_members) + " members");
        skip_blanks();
        if (!take(':')) fail("':' is needed");
        skip_blanks();
        const size_t value = at_;
        if (peek() == '"') {
            member.kind = JsonMember::Kind::string;
            member.text = string();
            return member;
        }
        if (peek() == '{' || peek() == '[')
            fail(json_string(member.name) +
                 " has an object or an array; strings, numbers, true, false and null are read");
        if (take("true") || take("false")) {
            member.kind = JsonMember::Kind::boolean;
        } else if (!take("null")) {
            member.kind = JsonMember::Kind::number;
            number();
        }
        member.text = text_.substr(value, at_ - value);
        return member;
    }

    size_t digits() {
        const size_t begin = at_;
        while (peek() >= '0' && peek() <= '9') ++at_;
        return at_ - begin;
    }

    void number() {
        const size_t begin = at_;
        take('-');
        const bool zero = peek() == '0';
        const size_t whole = digits();
        bool valid = whole == 1 || (whole > 1 && !zero);
        if (take('.')) valid = valid && digits() > 0;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            valid = valid && digits() > 0;
        }
        if (!valid) fail_at(begin, "this is no value");
    }

    std::string string() {
        const size_t begin = at_++;
        std::string value;
        for (;;) {
            if (at_ == text_.size()) fail_at(begin, "this string does not end");
            const char byte = text_[at_];
            if (take('"')) return value;
            if (byte == '\\') {
                escape(value);
                continue;
            }
            if (static_cast<unsigned char>(byte) < 0x20)
                fail("a control character in a string; it is written with a backslash");
            const Character character = character_at(text_, at_);
            if (character.size == 1 && character.code == 0xfffd) fail("this is not UTF-8");
            value += text_.substr(at_, character.size);
            at_ += character.size;
        }
    }

    void escape(std::string &value) {
        constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
        const size_t begin = at_++;
        const size_t letter = at_ < text_.size() ? letters.find(text_[at_]) : std::string_view::npos;
        if (letter != std::string_view::npos) {
            ++at_;
            value += meanings[letter];
            return;
        }
        if (!take('u')) fail_at(begin, "there is no such escape");
        uint32_t code = four_digits(begin);
        if (code >= 0xdc00 && code < 0xe000)
            fail_at(begin, "the second half of a surrogate pair without the first");
        if (code >= 0xd800 && code < 0xdc00) {
            const uint32_t low = take("\\u") ? four_digits(at_ - 2) : 0;
            if (low < 0xdc00 || low >= 0xe000)
                fail_at(begin, "the first half of a surrogate pair without the second");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        append_utf8(value, code);
    }

    uint32_t four_digits(size_t begin) {
        uint32_t code = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char byte = peek();
            const int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                              : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                              : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                           : -1;
            if (digit < 0) fail_at(begin, "\\u needs four hexadecimal digits");
            code = code << 4 | static_cast<uint32_t>(digit);
        }
        return code;
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

std::vector<JsonMember> parse_json_object(std::string_view line) { return Parser(line).object(); }

std::string json_string(std::string_view text) {
    std::string json = "\"";
    for (size_t at = 0; at < text.size();) {
        const Character character = character_at(text, at);
        if (character.code == '"' || character.code == '\\') {
            json += {'\\', static_cast<char>(character.code)};
        } else if (character.code == '\n') {
            json += "\\n";
        } else if (character.code < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(character.code));
            json += escape;
        } else {
            append_utf8(json, character.code);
        }
        at += character.size;
    }
    return json + '"';
}

}  // namespace chat
