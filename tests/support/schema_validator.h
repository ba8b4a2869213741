// Whether a JSON value is valid for a schema: a second reading of the keywords that the converter's constraints take.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <regex>
#include <string>

#include "converter/text/json.h"
#include "tests/support/json_text.h"

namespace adder::test {

class SchemaValidator {
  public:
    explicit SchemaValidator(const Json &root) : root_(root) {}
    bool valid(const Json &value) const { return valid(root_, value); }

  private:
    static double number(const Json &schema, const char *name) { return schema.find(name)->number(name); }
    static double characters(const std::string &text) {
        return static_cast<double>(
            std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    }
    static bool is_type(const Json &value, const std::string &type) {
        switch (value.type()) {
        case Json::Type::null: return type == "null";
        case Json::Type::boolean: return type == "boolean";
        case Json::Type::string: return type == "string";
        case Json::Type::array: return type == "array";
        case Json::Type::object: return type == "object";
        case Json::Type::number:
            return type == "number" || (type == "integer" && std::floor(value.number("")) == value.number(""));
        }
        return false;
    }

    bool valid(const Json &schema, const Json &value) const {
        if (schema.is_boolean()) return schema.boolean("");
        for (const auto &[name, argument] : schema.object("schema"))
            if (!keyword(schema, name, argument, value)) return false;
        return true;
    }

    bool keyword(const Json &schema, const std::string &name, const Json &argument, const Json &value) const {
        const auto equals = [&](const Json &other) { return json_text(other) == json_text(value); };
        const auto is_valid = [&](const Json &other) { return valid(other, value); };
        if (name == "type") {
            if (argument.is_string()) return is_type(value, argument.string(""));
            const std::vector<Json> &types = argument.array("");
            return std::any_of(types.begin(), types.end(),
                               [&](const Json &one) { return is_type(value, one.string("")); });
        }
        if (name == "const") return equals(argument);
        if (name == "enum") return std::any_of(argument.array("").begin(), argument.array("").end(), equals);
        if (name == "anyOf" || name == "oneOf")
            return std::any_of(argument.array("").begin(), argument.array("").end(), is_valid);
        if (name == "$ref") {
            const std::string path = argument.string("");  // "#" or "#/$defs/NAME"
            return valid(path == "#" ? root_ : *root_.find("$defs")->find(path.substr(8)), value);
        }
        if (value.is_object() && !object_keyword(schema, name, argument, value)) return false;
        if (value.is_array()) {
            const std::vector<Json> &items = value.array("");
            if (name == "items")
                return std::all_of(items.begin(), items.end(),
                                   [&](const Json &one) { return valid(argument, one); });
            if (name == "minItems") return static_cast<double>(items.size()) >= argument.number("");
            if (name == "maxItems") return static_cast<double>(items.size()) <= argument.number("");
        }
        if (value.is_string()) {
            const std::string &text = value.string("");
            if (name == "minLength") return characters(text) >= argument.number("");
            if (name == "maxLength") return characters(text) <= argument.number("");
            if (name == "pattern") return std::regex_search(text, std::regex(argument.string("")));
        }
        if (value.is_number()) {
            if (name == "minimum") return value.number("") >= argument.number("");
            if (name == "maximum") return value.number("") <= argument.number("");
            if (name == "exclusiveMinimum") return value.number("") > argument.number("");
            if (name == "exclusiveMaximum") return value.number("") < argument.number("");
        }
        return true;
    }

    bool object_keyword(const Json &schema, const std::string &name, const Json &argument,
                        const Json &value) const {
        const std::vector<Json::Member> &members = value.object("");
        const Json *const properties = schema.find("properties");
        const auto named = [&](const std::string &member) {
            return properties == nullptr ? nullptr : properties->find(member);
        };
        if (name == "properties")
            return std::all_of(members.begin(), members.end(), [&](const Json::Member &member) {
                const Json *const inner = named(member.first);
                return inner == nullptr || valid(*inner, member.second);
            });
        if (name == "required")
            return std::all_of(argument.array("").begin(), argument.array("").end(),
                               [&](const Json &one) { return value.find(one.string("")) != nullptr; });
        if (name == "additionalProperties" && !argument.boolean(""))
            return std::all_of(members.begin(), members.end(),
                               [&](const Json::Member &member) { return named(member.first) != nullptr; });
        return true;
    }

    const Json &root_;
};

}  // namespace adder::test
