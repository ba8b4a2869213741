// JSON (RFC 8259): a strict reader into a tree of values, and a writer.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace adder {

// One JSON value. Objects keep the order of their members, so that what is read can be written again as it
// was.
class Json {
  public:
    enum class Type { null, boolean, number, string, array, object };
    using Member = std::pair<std::string, Json>;

    // RFC 8259 alone, or with the bare words Infinity and -Infinity as numbers: Python's json.dump writes them, and so
    // they stand in configurations that are published. NaN, which it writes too, is refused either way.
    enum class Numbers { finite, infinite };

    // Reads a whole document. `name` (a file's path) stands in error messages, with line and column.
    // Throws Error(bad_input) on anything RFC 8259 does not allow: invalid UTF-8, lone surrogates (they have
    // no UTF-8 form), duplicate members, trailing text, nesting deeper than 64, numbers that overflow a
    // double.
    static Json parse(std::string_view text, const std::string &name, Numbers numbers = Numbers::finite);

    Type type() const { return static_cast<Type>(value_.index()); }
    bool is_null() const { return type() == Type::null; }
    bool is_boolean() const { return type() == Type::boolean; }
    bool is_number() const { return type() == Type::number; }
    bool is_string() const { return type() == Type::string; }
    bool is_array() const { return type() == Type::array; }
    bool is_object() const { return type() == Type::object; }

    // Typed access. `what` names the item in the error: "config.json: hidden_size". Throws Error(bad_input)
    // naming what was found and what is needed; integer() also when the number has a fraction or leaves [low,
    // high]. 1.0 and 1e3 are integers; one that is written with a point or an exponent and reaches 2^53 is
    // not, as it may have been rounded.
    bool boolean(const std::string &what) const;
    double number(const std::string &what) const;
    int64_t integer(const std::string &what, int64_t low, int64_t high) const;
    const std::string &string(const std::string &what) const;
    const std::vector<Json> &array(const std::string &what) const;
    const std::vector<Member> &object(const std::string &what) const;

    // The member of an object, or null if absent or if this is no object. Linear in the number of members.
    const Json *find(std::string_view key) const;

  private:
    friend class JsonReader;
    std::string describe() const;
    [[noreturn]] void mismatch(const std::string &what, const std::string &needed) const;
    struct Number {
        double value;
        int64_t integer;
        bool exact;  // `integer` is the number as it was written
    };
    // In the order of Type. One value takes 40 bytes, so that a hostile "[0,0,..." costs at most 20 times its
    // size.
    std::variant<std::monostate, bool, Number, std::string, std::vector<Json>, std::vector<Member>> value_;
};

// A string as JSON writes it, in quotes, for error messages: no control character reaches the terminal, and
// what is longer than `limit` bytes is cut and marked with "...".
std::string json_quote(std::string_view text, size_t limit = 100);

// Writes one document piece by piece: commas, quotes, escapes and indentation are its business.
//     JsonWriter w;  w.begin_object();  w.key("bytes").value(uint64_t{12});  w.end_object();  w.text();
class JsonWriter {
  public:
    explicit JsonWriter(bool pretty = true) : pretty_(pretty) {}
    JsonWriter &begin_object();
    JsonWriter &end_object();
    JsonWriter &begin_array();
    JsonWriter &begin_packed_array();  // of values, all on one line
    JsonWriter &end_array();
    JsonWriter &key(std::string_view name);
    JsonWriter &value(std::string_view text);  // invalid UTF-8 is written as U+FFFD
    JsonWriter &value(const char *text) { return value(std::string_view(text)); }
    JsonWriter &value(bool flag);
    JsonWriter &value(double number);  // shortest form that reads back the same; not-finite becomes null
    JsonWriter &value(float number);
    JsonWriter &value(int64_t number);
    JsonWriter &value(uint64_t number);
    JsonWriter &value(int32_t number) { return value(static_cast<int64_t>(number)); }
    JsonWriter &value(uint32_t number) { return value(static_cast<uint64_t>(number)); }
    JsonWriter &null();
    const std::string &text() const { return text_; }

  private:
    JsonWriter &open(char bracket);
    JsonWriter &close(char bracket);
    JsonWriter &raw(std::string_view text);
    void separate();
    void newline();
    std::string text_;
    std::vector<bool> has_items_;  // one an open container
    bool after_key_ = false;
    bool pretty_, packed_ = false;
};

}  // namespace adder
