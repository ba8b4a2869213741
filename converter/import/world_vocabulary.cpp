// Reads the lines of a World vocabulary.
// SPDX-License-Identifier: MIT
#include "converter/import/world_vocabulary.h"

#include <unordered_map>

#include "converter/base/error.h"
#include "converter/import/tokenizer_section.h"
#include "converter/text/json.h"
#include "converter/text/utf8.h"
#include "runtime/tokenizer.h"

namespace adder {
namespace {

class Importer {
  public:
    Importer(const std::string &path, uint32_t model_vocab_size)
        : path_(path), model_vocab_size_(model_vocab_size) {}

    std::vector<uint8_t> run(std::string_view text) {
        section_.texts.emplace_back(world_end_of_document);
        section_.added.push_back({0, added_special, false});
        while (!text.empty()) {
            ++line_;
            const size_t end = text.find('\n');
            std::string_view line = text.substr(0, end);
            text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
            if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
            read_line(line);
        }
        check_ids();
        return write_longest_section(section_, path_);
    }

  private:
    [[noreturn]] void refuse(const std::string &why) const {
        bad_input("%s:%zu: %s", path_.c_str(), line_, why.c_str());
    }

    uint32_t number(std::string_view digits, const char *what) const {
        if (digits.empty() || digits.size() > 7 ||
            digits.find_first_not_of("0123456789") != std::string_view::npos)
            refuse(std::string(what) + " is " + json_quote(digits) + "; a number is needed, as in: 33 'A' 1");
        uint32_t value = 0;
        for (const char digit : digits) value = value * 10 + static_cast<uint32_t>(digit - '0');
        return value;
    }

    void read_line(std::string_view line) {
        const size_t first = line.find(' '), last = line.rfind(' ');
        if (first == std::string_view::npos || first == last)
            refuse(json_quote(line) +
                   " is no line of a World vocabulary: an id, a Python literal and its length");
        const uint32_t id = number(line.substr(0, first), "the id");
        if (id == 0) refuse("id 0 ends a document, and is no token of text");
        if (id >= model_vocab_size_ || id >= tokenizer_max_vocabulary)
            refuse(format("id %u is outside of the model's vocabulary of %u", id, model_vocab_size_));
        const uint32_t length = number(line.substr(last + 1), "the length");
        literal_ = line.substr(first + 1, last - first - 1);
        const std::string bytes = read_literal();
        if (bytes.size() != length)
            refuse(format("%s has %zu bytes, and the line says %u", quoted().c_str(), bytes.size(), length));
        if (bytes.empty() || bytes.size() > tokenizer_max_matched_length)
            refuse(format("%s has %zu bytes; 1 to %u are supported", quoted().c_str(), bytes.size(),
                          tokenizer_max_matched_length));
        if (id >= section_.texts.size()) section_.texts.resize(size_t{id} + 1);
        if (!section_.texts[id].empty()) refuse(format("id %u stands twice", id));
        const auto [other, is_new] = ids_.emplace(bytes, id);
        if (!is_new) refuse(format("%s is the text of ids %u and %u", quoted().c_str(), other->second, id));
        section_.texts[id] = bytes;
    }

    void check_ids() {
        for (size_t id = 1; id < section_.texts.size(); ++id)
            if (section_.texts[id].empty())
                bad_input("%s has no token with id %zu, and one with id %zu: a line is missing",
                          path_.c_str(), id, section_.texts.size() - 1);
        for (unsigned byte = 0; byte < 256; ++byte)
            if (ids_.count(std::string(1, static_cast<char>(byte))) == 0)
                bad_input("%s has no token of the byte 0x%02x alone: no World vocabulary, or cut",
                          path_.c_str(), byte);
    }

    // ---- A Python literal: Python's Language Reference, 2.4.1 ----

    std::string quoted() const { return json_quote(literal_); }
    [[noreturn]] void refuse_literal(const std::string &why) const {
        refuse(quoted() + " is no literal of str or bytes: " + why);
    }

    std::string read_literal() {
        size_t at = 0;
        const bool is_bytes = !literal_.empty() && literal_[0] == 'b';
        if (is_bytes) ++at;
        if (literal_.size() < at + 2 || (literal_[at] != '\'' && literal_[at] != '"') ||
            literal_.back() != literal_[at])
            refuse_literal("it does not begin and end with one quote");
        const char quote = literal_[at];
        std::string_view body = literal_.substr(at + 1, literal_.size() - at - 2);
        if (!is_bytes && !is_utf8(body)) refuse_literal("it is no UTF-8");
        std::string bytes;
        while (!body.empty()) {
            const char c = body[0];
            body.remove_prefix(1);
            if (c == '\\') {
                read_escape(&body, is_bytes, &bytes);
            } else if (c == quote) {
                refuse_literal("it ends before its last quote");
            } else if (is_bytes && static_cast<unsigned char>(c) >= 0x80) {
                refuse_literal("it is of bytes and not ASCII");
            } else {
                bytes += c;
            }
        }
        return bytes;
    }

    // What stands behind a backslash.
    void read_escape(std::string_view *body, bool is_bytes, std::string *bytes) const {
        if (body->empty()) refuse_literal("it ends with a backslash");
        const char c = (*body)[0];
        constexpr std::string_view letters = "\\'\"abfnrtv", meanings = "\\'\"\a\b\f\n\r\t\v";
        if (const size_t which = letters.find(c); which != std::string_view::npos) {
            body->remove_prefix(1);
            *bytes += meanings[which];
            return;
        }
        uint32_t value = 0;
        if (c >= '0' && c <= '7') {
            size_t digits = 0;
            for (; digits < 3 && digits < body->size() && (*body)[digits] >= '0' && (*body)[digits] <= '7';
                 ++digits)
                value = value * 8 + static_cast<uint32_t>((*body)[digits] - '0');
            body->remove_prefix(digits);
        } else if (c == 'x' || (!is_bytes && (c == 'u' || c == 'U'))) {
            const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
            if (body->size() < digits + 1) refuse_literal("an escape is cut");
            for (size_t i = 1; i <= digits; ++i) value = value * 16 + hex_digit((*body)[i]);
            body->remove_prefix(digits + 1);
        } else {
            refuse_literal(std::string("the escape \\") + c + " is not supported");
        }
        if (is_bytes) {
            if (value > 0xFF) refuse_literal("an escape is larger than a byte");
            *bytes += static_cast<char>(value);
            return;
        }
        if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
            refuse_literal("an escape is no Unicode character");
        uint8_t utf8[4];
        bytes->append(reinterpret_cast<const char *>(utf8), utf8_write(value, utf8));
    }

    uint32_t hex_digit(char c) const {
        if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
        if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a' + 10);
        if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A' + 10);
        refuse_literal("an escape has a digit that is none");
    }

    static bool is_utf8(std::string_view text) {
        while (const size_t size = utf8_sequence(text)) text.remove_prefix(size);
        return text.empty();
    }

    const std::string &path_;
    const uint32_t model_vocab_size_;
    size_t line_ = 0;
    std::string_view literal_;  // of the line
    SectionSource section_;
    std::unordered_map<std::string, uint32_t> ids_;
};

}  // namespace

bool is_world_vocabulary(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    return begin != std::string_view::npos && text[begin] >= '0' && text[begin] <= '9';
}

std::vector<uint8_t> import_world_vocabulary(std::string_view text, const std::string &path,
                                             uint32_t model_vocab_size) {
    return Importer(path, model_vocab_size).run(text);
}

}  // namespace adder
