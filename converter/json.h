// JSON (RFC 8259): a strict reader into a tree of values, and a writer.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adder {

// One JSON value. Objects keep the order of their members, so that what is read can be written again as it was.
class Json {
  public:
    enum class Type { null, boolean, number, string, array, object };
    using Member = std::pair<std::string, Json>;

    // Reads a whole document. `name` (a file's path) stands in error messages, with line and column.
    // Throws Error(bad_input) on anything RFC 8259 does not allow: invalid UTF-8, lone surrogates (they have no
    // UTF-8 form), duplicate members, trailing text, nesting deeper than 64, numbers that overflow a double.
    static Json parse(std::string_view text, const std::string &name);

    Type type() const { return type_; }
    bool is_null() const { return type_ == Type::null; }
    bool is_boolean() const { return type_ == Type::boolean; }
    bool is_number() const { return type_ == Type::number; }
    bool is_string() const { return type_ == Type::string; }
    bool is_array() const { return type_ == Type::array; }
    bool is_object() const { return type_ == Type::object; }

    // Typed access. `what` names the item in the error: "config.json: hidden_size". Throws Error(bad_input) naming
    // the type found and the type needed; integer() also when the number has a fraction or leaves [low, high].
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
    Type type_ = Type::null;
    bool boolean_ = false;
    bool integral_ = false;  // integer_ holds the number exactly
    int64_t integer_ = 0;
    double number_ = 0;
    std::string string_;
    std::vector<Json> array_;
    std::vector<Member> object_;
};

// Writes one document piece by piece: commas, quotes, escapes and indentation are its business.
//     JsonWriter w;  w.begin_object();  w.key("bytes").value(uint64_t{12});  w.end_object();  w.text();
class JsonWriter {
  public:
    explicit JsonWriter(bool pretty = true) : pretty_(pretty) {}
    JsonWriter &begin_object();
    JsonWriter &end_object();
    JsonWriter &begin_array();
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
    void separate();
    void newline();
    std::string text_;
    std::vector<bool> has_items_;  // one an open container
    bool after_key_ = false;
    bool pretty_;
};

}  // namespace adder
