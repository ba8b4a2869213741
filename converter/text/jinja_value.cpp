// Values of chat templates, and their methods, filters and tests.
// SPDX-License-Identifier: MIT
#include "converter/text/jinja_value.h"

#include <algorithm>

#include "converter/text/json.h"

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

// By runs of white space.
Value words(const std::string &text) {
    Value::List parts;
    for (size_t at = 0; (at = text.find_first_not_of(white_space, at)) != std::string::npos;) {
        const size_t end = std::min(text.find_first_of(white_space, at), text.size());
        parts.push_back(Value::of(text.substr(at, end - at)));
        at = end;
    }
    return Value::of(std::move(parts));
}

std::string replaced(const std::string &text, const std::string &part, const std::string &by) {
    std::string all;
    size_t at = 0;
    for (size_t next; (next = text.find(part, at)) != std::string::npos; at = next + part.size())
        all += text.substr(at, next - at) + by;
    return all + text.substr(at);
}

std::string capitalized(const std::string &text) {
    const std::string lower = cased(text, 'A', 'Z');
    return cased(lower.substr(0, 1), 'a', 'z') + lower.substr(std::min<size_t>(1, lower.size()));
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
        if (name == "capitalize") return Value::of(capitalized(text));
        if (name == "split") return words(text);
    }
    if (name == "replace" && arguments.size() == 2 && arguments[0].type == Value::Type::string &&
        arguments[1].type == Value::Type::string && !arguments[0].string.empty())
        return Value::of(replaced(text, arguments[0].string, arguments[1].string));
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

std::optional<Value> items_of(const Value &value, bool keys, bool values) {
    if (value.type != Value::Type::dict) return std::nullopt;
    Value::List items;
    for (const auto &[key, item] : *value.dict)
        items.push_back(keys && values ? Value::of(Value::List{Value::of(key), item})
                        : keys         ? Value::of(key)
                                       : item);
    return Value::of(std::move(items));
}

// An attribute of an item, or nothing defined.
Value attribute_of(const Value &item, const std::string &name) {
    if (item.type != Value::Type::dict && item.type != Value::Type::space) return Value();
    const auto found = item.dict->find(name);
    return found != item.dict->end() ? found->second : Value();
}

// selectattr('name'), selectattr('name', 'equalto', value), selectattr('name', 'defined').
std::optional<Value> selected(const Value::List &items, const Value::List &arguments, bool keep) {
    for (size_t i = 0; i < std::min<size_t>(2, arguments.size()); ++i)
        if (arguments[i].type != Value::Type::string) return std::nullopt;
    if (arguments.empty() || arguments.size() > 3) return std::nullopt;
    Value::List found;
    for (const Value &item : items) {
        const Value value = attribute_of(item, arguments[0].string);
        bool fits = is_true(value);
        if (arguments.size() == 2) {
            const std::optional<bool> answer = apply_test(value, arguments[1].string);
            if (!answer) return std::nullopt;
            fits = *answer;
        } else if (arguments.size() == 3) {
            const std::string &test = arguments[1].string;
            const Value &other = arguments[2];
            if ((test != "equalto" && test != "eq" && test != "==") || other.type != Value::Type::string)
                return std::nullopt;
            fits = value.type == Value::Type::string && value.string == other.string;
        }
        if (fits == keep) found.push_back(item);
    }
    return Value::of(std::move(found));
}

std::optional<Value> apply_list_filter(const Value::List &items, const std::string &name,
                                       const Arguments &arguments) {
    const Value::List &positional = arguments.positional;
    const bool plain = positional.empty() && arguments.named.empty();
    if (plain && (name == "first" || name == "last"))
        return items.empty() ? Value() : name == "first" ? items.front() : items.back();
    if (plain && name == "list") return Value::of(Value::List(items));
    if (plain && name == "reverse") return Value::of(Value::List(items.rbegin(), items.rend()));
    if (arguments.named.empty() && (name == "selectattr" || name == "rejectattr"))
        return selected(items, positional, name == "selectattr");
    if (name == "map" && positional.empty() && arguments.named.size() == 1) {
        const auto attribute = arguments.named.find("attribute");
        if (attribute == arguments.named.end() || attribute->second.type != Value::Type::string)
            return std::nullopt;
        Value::List found;
        for (const Value &item : items) found.push_back(attribute_of(item, attribute->second.string));
        return Value::of(std::move(found));
    }
    if (name == "join" && arguments.named.empty() && positional.size() <= 1) {
        std::string text;
        const std::optional<std::string> between = positional.empty() ? std::string() : printed(positional[0]);
        for (size_t i = 0; i < items.size(); ++i) {
            const std::optional<std::string> one = printed(items[i]);
            if (!one || !between) return std::nullopt;
            text += (i > 0 ? *between : "") + *one;
        }
        return Value::of(std::move(text));
    }
    return std::nullopt;
}

// A dict's members have no order here, and would be printed in another than its own.
std::optional<std::string> json_of(const Value &value) {
    switch (value.type) {
    case Value::Type::none: return "null";
    case Value::Type::boolean: return value.integer != 0 ? "true" : "false";
    case Value::Type::integer: return std::to_string(value.integer);
    case Value::Type::string: return JsonWriter().value(value.string).text();
    case Value::Type::list: {
        std::string text = "[";
        for (const Value &item : *value.list) {
            const std::optional<std::string> one = json_of(item);
            if (!one) return std::nullopt;
            text += (text.size() > 1 ? ", " : "") + *one;
        }
        return text + "]";
    }
    default: return std::nullopt;
    }
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
    if (arguments.empty() && (name == "items" || name == "keys" || name == "values"))
        return items_of(object, name != "values", name != "keys");
    return std::nullopt;
}

std::optional<Value> apply_filter(const Value &object, const std::string &name, const Arguments &arguments) {
    const Value::List &positional = arguments.positional;
    if ((name == "default" || name == "d") && positional.size() + arguments.named.size() <= 2) {
        const auto named = arguments.named.find("boolean");
        const bool also_false = (positional.size() == 2 && is_true(positional[1])) ||
                                (named != arguments.named.end() && is_true(named->second));
        const bool absent = object.type == Value::Type::undefined || (also_false && !is_true(object));
        return !absent ? object : positional.empty() ? Value::of("") : positional[0];
    }
    if (name == "tojson" && positional.empty() && arguments.named.count("indent") == 0) {
        const std::optional<std::string> text = json_of(object);
        return text ? std::optional<Value>(Value::of(*text)) : std::nullopt;
    }
    if (name == "replace" && object.type == Value::Type::string && arguments.named.empty())
        return call_method(object, name, positional);
    if (object.type == Value::Type::list && name != "length" && name != "count")
        return apply_list_filter(*object.list, name, arguments);
    if (!positional.empty() || !arguments.named.empty()) return std::nullopt;
    if (name == "items") return items_of(object, true, true);
    if (name == "list") return items_of(object, true, false);
    if (name == "length" || name == "count") {
        const std::optional<int64_t> length = length_of(object);
        return length ? std::optional<Value>(Value::of(*length)) : std::nullopt;
    }
    if (name == "int" && (object.type == Value::Type::integer || object.type == Value::Type::boolean))
        return Value::of(object.integer);
    const std::optional<std::string> text = printed(object);
    if (!text) return std::nullopt;
    if (name == "trim") return Value::of(stripped(*text, true, true));
    if (name == "upper") return Value::of(cased(*text, 'a', 'z'));
    if (name == "lower") return Value::of(cased(*text, 'A', 'Z'));
    if (name == "capitalize") return Value::of(capitalized(*text));
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
