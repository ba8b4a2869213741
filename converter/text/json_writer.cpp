// Writes JSON text.
// SPDX-License-Identifier: MIT
#include <charconv>
#include <cmath>

#include "converter/text/json.h"
#include "converter/text/utf8.h"

namespace adder {

static void append_quoted(std::string &out, std::string_view text) {
    static const char hexadecimal[] = "0123456789abcdef";
    out += '"';
    while (!text.empty()) {
        const size_t length = utf8_sequence(text);
        const char c = text.front();
        if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else if (length > 1) {
            out.append(text.substr(0, length));
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c < 0x20 || c == 0x7F) {
            out += "\\u00";
            out += hexadecimal[c >> 4];
            out += hexadecimal[c & 15];
        } else {
            out += c;
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out += '"';
}

std::string json_quote(std::string_view text, size_t limit) {
    std::string quoted;
    if (text.size() <= limit) {
        append_quoted(quoted, text);
        return quoted;
    }
    // Not inside a sequence: its first bytes alone would be written as U+FFFD.
    while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xC0) == 0x80) --limit;
    append_quoted(quoted, text.substr(0, limit));
    return quoted + "...";
}

void JsonWriter::newline() {
    if (!pretty_ || packed_) return;
    text_ += '\n';
    text_.append(2 * has_items_.size(), ' ');
}

// What stands between the previous item and the next one.
void JsonWriter::separate() {
    if (after_key_) {
        after_key_ = false;
        return;
    }
    if (has_items_.empty()) return;
    if (has_items_.back()) text_ += ',';
    has_items_.back() = true;
    newline();
}

JsonWriter &JsonWriter::open(char bracket) {
    separate();
    text_ += bracket;
    has_items_.push_back(false);
    return *this;
}

JsonWriter &JsonWriter::close(char bracket) {
    const bool had_items = has_items_.back();
    has_items_.pop_back();
    if (had_items) newline();
    text_ += bracket;
    return *this;
}

JsonWriter &JsonWriter::begin_object() { return open('{'); }
JsonWriter &JsonWriter::end_object() { return close('}'); }
JsonWriter &JsonWriter::begin_array() { return open('['); }
JsonWriter &JsonWriter::begin_packed_array() {
    open('[');
    packed_ = true;
    return *this;
}
JsonWriter &JsonWriter::end_array() {
    close(']');
    packed_ = false;
    return *this;
}

JsonWriter &JsonWriter::key(std::string_view name) {
    separate();
    append_quoted(text_, name);
    text_ += pretty_ ? ": " : ":";
    after_key_ = true;
    return *this;
}

JsonWriter &JsonWriter::value(std::string_view text) {
    separate();
    append_quoted(text_, text);
    return *this;
}

JsonWriter &JsonWriter::raw(std::string_view text) {
    separate();
    text_ += text;
    return *this;
}

// The locale has no say in std::to_chars.
template <typename Number>
static std::string_view number_text(char (&buffer)[32], Number number) {
    const char *const end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
    return {buffer, static_cast<size_t>(end - buffer)};
}

JsonWriter &JsonWriter::value(double number) {
    char buffer[32];
    return std::isfinite(number) ? raw(number_text(buffer, number)) : null();
}

JsonWriter &JsonWriter::value(float number) {
    char buffer[32];
    return std::isfinite(number) ? raw(number_text(buffer, number)) : null();
}

JsonWriter &JsonWriter::value(int64_t number) {
    char buffer[32];
    return raw(number_text(buffer, number));
}

JsonWriter &JsonWriter::value(uint64_t number) {
    char buffer[32];
    return raw(number_text(buffer, number));
}

JsonWriter &JsonWriter::value(bool flag) { return raw(flag ? "true" : "false"); }
JsonWriter &JsonWriter::null() { return raw("null"); }

}  // namespace adder
