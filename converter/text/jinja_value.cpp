// Values of chat templates, and their methods, filters and tests.
// SPDX-License-Identifier: MIT
#include "converter/text/jinja_value.h"

#include <algorithm>

namespace adder::jinja {

namespace {

constexpr char white_space[] = " \t\n\r\f\v";

Value make(Value::Type type, int64_t integer = 0) {
    Value value;
    value.type = type;
    value.integer = integer;
    return value;
}

std::string stripped(const std::string &text, bool left, bool right, const char *what = white_space) {
    const size_t first = left ? text.find_first_not_of(what) : 0;
    if (first == std::string::npos) return {};
    const size_t last = right ? text.find_last_not_of(what) : text.size() - 1;
    return last == std::string::npos ? std::string() : text.substr(first, last + 1 - first);
}

// ASCII only: what else a text holds stays as it is.
std::string cased(std::string text, char first, char last) {
    for (char &c : text)
        if (c >= first && c <= last) c = static_cast<char>(c ^ 0x20);
    return text;
}

Value split(const std::string &text, const std::string &separator) {
    Value::List parts;
    size_t at = 0;
    for (size_t next; (next = text.find(separator, at)) != std::string::npos; at = next + separator.size())
        parts.push_back(Value::of(text.substr(at, next - at)));
    parts.push_back(Value::of(text.substr(at)));
    return Value::of(std::move(parts));
}

std::optional<Value> string_method(const std::string &text, const std::string &name,
                                   const Value::List &arguments) {
    const bool one_string = arguments.size() == 1 && arguments[0].type == Value::Type::string;
    if (arguments.empty()) {
        if (name == "strip" || name == "lstrip" || name == "rstrip")
            return Value::of(stripped(text, name != "rstrip", name != "lstrip"));
        if (name == "upper") return Value::of(cased(text, 'a', 'z'));
        if (name == "lower") return Value::of(cased(text, 'A', 'Z'));
    }
    if (!one_string) return std::nullopt;
    const std::string &argument = arguments[0].string;
    if (name == "strip" || name == "lstrip" || name == "rstrip")
        return Value::of(stripped(text, name != "rstrip", name != "lstrip", argument.c_str()));
    if (name == "startswith") return Value::of(text.compare(0, argument.size(), argument) == 0);
    if (name == "endswith")
        return Value::of(text.size() >= argument.size() &&
                         text.compare(text.size() - argument.size(), argument.size(), argument) == 0);
    if (name == "split" && !argument.empty()) return split(text, argument);
    return std::nullopt;
}

}  // namespace

Value Value::of(bool flag) { return make(Type::boolean, flag); }

Value Value::of(int64_t number) { return make(Type::integer, number); }

Value Value::of(std::string text) {
    Value value = make(Type::string);
    value.string = std::move(text);
    return value;
}

Value Value::of(List items) {
    Value value = make(Type::list);
    for (const Value &item : items)
        value.depth = std::max<uint8_t>(value.depth, static_cast<uint8_t>(item.depth + 1));
    value.list = std::make_shared<const List>(std::move(items));
    return value;
}

Value Value::of(Dict items) {
    Value value = make(Type::dict);
    for (const auto &[key, item] : items)
        value.depth = std::max<uint8_t>(value.depth, static_cast<uint8_t>(item.depth + 1));
    value.dict = std::make_shared<Dict>(std::move(items));
    return value;
}

bool is_true(const Value &value) {
    switch (value.type) {
    case Value::Type::undefined:
    case Value::Type::none: return false;
    case Value::Type::boolean:
    case Value::Type::integer: return value.integer != 0;
    case Value::Type::string: return !value.string.empty();
    case Value::Type::list: return !value.list->empty();
    case Value::Type::dict: return !value.dict->empty();
    case Value::Type::space: return true;
    }
    return false;
}

std::optional<std::string> printed(const Value &value) {
    switch (value.type) {
    case Value::Type::undefined: return std::string();
    case Value::Type::none: return "None";
    case Value::Type::boolean: return value.integer != 0 ? "True" : "False";
    case Value::Type::integer: return std::to_string(value.integer);
    case Value::Type::string: return value.string;
    default: return std::nullopt;
    }
}

std::optional<int64_t> length_of(const Value &value) {
    switch (value.type) {
    case Value::Type::undefined: return 0;
    case Value::Type::string:  // characters
        return std::count_if(value.string.begin(), value.string.end(),
                             [](char c) { return (c & 0xC0) != 0x80; });
    case Value::Type::list: return static_cast<int64_t>(value.list->size());
    case Value::Type::dict: return static_cast<int64_t>(value.dict->size());
    default: return std::nullopt;
    }
}

std::optional<Value> call_method(const Value &object, const std::string &name, const Value::List &arguments) {
    if (object.type == Value::Type::string) return string_method(object.string, name, arguments);
    if (object.type == Value::Type::dict && name == "get" && !arguments.empty() && arguments.size() <= 2 &&
        arguments[0].type == Value::Type::string) {
        const auto found = object.dict->find(arguments[0].string);
        if (found != object.dict->end()) return found->second;
        return arguments.size() == 2 ? arguments[1] : make(Value::Type::none);
    }
    return std::nullopt;
}

std::optional<Value> apply_filter(const Value &object, const std::string &name, const Value::List &arguments) {
    if (name == "default" || name == "d") {
        const bool also_false = arguments.size() == 2 && is_true(arguments[1]);
        const bool absent = object.type == Value::Type::undefined || (also_false && !is_true(object));
        return !absent ? object : arguments.empty() ? Value::of("") : arguments[0];
    }
    if (!arguments.empty()) return std::nullopt;
    if (name == "length" || name == "count") {
        const std::optional<int64_t> length = length_of(object);
        return length ? std::optional<Value>(Value::of(*length)) : std::nullopt;
    }
    if ((name == "first" || name == "last") && object.type == Value::Type::list)
        return object.list->empty() ? Value() : name == "first" ? object.list->front() : object.list->back();
    const std::optional<std::string> text = printed(object);
    if (!text) return std::nullopt;
    if (name == "trim") return Value::of(stripped(*text, true, true));
    if (name == "upper") return Value::of(cased(*text, 'a', 'z'));
    if (name == "lower") return Value::of(cased(*text, 'A', 'Z'));
    if (name == "string" || name == "safe") return Value::of(*text);
    return std::nullopt;
}

std::optional<bool> apply_test(const Value &object, const std::string &name) {
    using Type = Value::Type;
    const Type type = object.type;
    if (name == "defined" || name == "undefined") return (type == Type::undefined) == (name == "undefined");
    if (name == "none") return type == Type::none;
    if (name == "string") return type == Type::string;
    if (name == "mapping") return type == Type::dict;
    if (name == "iterable" || name == "sequence")
        return type == Type::string || type == Type::list || type == Type::dict || type == Type::undefined;
    if (name == "boolean") return type == Type::boolean;
    if (name == "number" || name == "integer")
        return type == Type::integer || (type == Type::boolean && name == "number");
    if (name == "true" || name == "false")
        return type == Type::boolean && (object.integer != 0) == (name == "true");
    if ((name == "even" || name == "odd") && type == Type::integer)
        return (object.integer % 2 != 0) == (name == "odd");
    return std::nullopt;
}

}  // namespace adder::jinja
