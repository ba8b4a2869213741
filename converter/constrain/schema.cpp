// Reads JSON Schemas: which keywords there are, and what each type's allow.
// SPDX-License-Identifier: MIT
#include "converter/constrain/schema.h"

#include <algorithm>
#include <map>

#include "converter/base/error.h"
#include "converter/constrain/numbers.h"
#include "converter/constrain/regex.h"

namespace adder {

namespace {

constexpr uint32_t max_schemas = 20000;            // $ref written out
constexpr uint32_t max_nesting = 200;              // ... within each other
constexpr uint32_t max_any_order = 6;              // members of an object that come in any order
constexpr int64_t max_count = 65535;               // of lengths and numbers of items
constexpr int64_t max_integer = 9007199254740991;  // 2^53 - 1: what every reader of JSON keeps
constexpr double max_number = 1e12;

// Which types a keyword is about.
struct Keyword {
    const char *name;
    enum About : uint8_t { nothing, every, object, array, string, number } about;
};
constexpr Keyword keywords[] = {
    {"$schema", Keyword::nothing},
    {"$id", Keyword::nothing},
    {"$comment", Keyword::nothing},
    {"$defs", Keyword::nothing},
    {"definitions", Keyword::nothing},
    {"title", Keyword::nothing},
    {"description", Keyword::nothing},
    {"default", Keyword::nothing},
    {"examples", Keyword::nothing},
    {"deprecated", Keyword::nothing},
    {"readOnly", Keyword::nothing},
    {"writeOnly", Keyword::nothing},
    {"type", Keyword::every},
    {"$ref", Keyword::every},
    {"const", Keyword::every},
    {"enum", Keyword::every},
    {"anyOf", Keyword::every},
    {"oneOf", Keyword::every},
    {"properties", Keyword::object},
    {"required", Keyword::object},
    {"additionalProperties", Keyword::object},
    {"items", Keyword::array},
    {"minItems", Keyword::array},
    {"maxItems", Keyword::array},
    {"pattern", Keyword::string},
    {"minLength", Keyword::string},
    {"maxLength", Keyword::string},
    {"minimum", Keyword::number},
    {"maximum", Keyword::number},
    {"exclusiveMinimum", Keyword::number},
    {"exclusiveMaximum", Keyword::number},
};

const Keyword *find_keyword(const std::string &name) {
    for (const Keyword &keyword : keywords)
        if (name == keyword.name) return &keyword;
    return nullptr;
}

Keyword::About about_type(const std::string &type) {
    if (type == "object") return Keyword::object;
    if (type == "array") return Keyword::array;
    if (type == "string") return Keyword::string;
    if (type == "integer" || type == "number") return Keyword::number;
    if (type == "boolean" || type == "null") return Keyword::every;
    return Keyword::nothing;
}

bool is_whole(const Json &value) {
    try {
        value.integer("", INT64_MIN, INT64_MAX);
        return true;
    } catch (const Error &) {
        return false;
    }
}

bool has_type(const Json &value, const std::string &type) {
    if (type == "integer") return value.is_number() && is_whole(value);
    return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
           (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
           (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

// A member's name in a JSON pointer (RFC 6901).
std::string pointer_step(const std::string &name) {
    std::string out = "/";
    for (const char c : name)
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    return out;
}

class Reader {
  public:
    Reader(const Json &root, const std::string &what, const SchemaOptions &options,
           std::vector<std::string> *notes)
        : root_(root), what_(what), options_(options), notes_(notes) {
        const Expr space = make_optional(make_text(" "));
        comma_ = make_text(",");
        colon_ = make_text(":");
        if (!options.spaces) return;
        comma_ = make_sequence({comma_, space});
        colon_ = make_sequence({colon_, space});
    }

    Expr run() { return schema(root_, "#"); }

  private:
    [[noreturn]] void refuse(const std::string &pointer, const std::string &why) const {
        bad_input("%s: %s: %s", what_.c_str(), pointer.c_str(), why.c_str());
    }
    // "FILE: #/a/b: keyword", for errors of Json.
    std::string item(const std::string &pointer, const char *keyword) const {
        return what_ + ": " + pointer + ": " + keyword;
    }

    Expr schema(const Json &json, const std::string &pointer) {
        if (++schemas_ > max_schemas)
            refuse(pointer, format("with every $ref written out there are more than %u schemas", max_schemas));
        if (nesting_ == max_nesting)
            refuse(pointer, format("schemas are nested deeper than %u", max_nesting));
        ++nesting_;
        const Expr made = json.is_boolean() ? (json.boolean("") ? any_value(pointer) : make_choice({}))
                                            : of_object(json, pointer);
        --nesting_;
        return made;
    }

    [[noreturn]] Expr any_value(const std::string &pointer) const {
        refuse(pointer, "this allows any value; give it a type");
    }

    Expr of_object(const Json &json, const std::string &pointer) {
        const std::vector<Json::Member> &members = json.object(what_ + ": " + pointer);
        const char *alone = nullptr;
        for (const auto &[name, value] : members) {
            const Keyword *const keyword = find_keyword(name);
            if (keyword == nullptr) refuse(pointer, "the keyword " + json_quote(name) + " is not supported");
            if (name == "$id" && &json != &root_) refuse(pointer, "$id is supported at the root only");
            for (const char *one : {"$ref", "const", "enum", "anyOf", "oneOf"})
                if (name == one) alone = keyword->name;
        }
        if (alone != nullptr) return of_one(json, pointer, alone);
        const std::vector<std::string> types = types_of(json, pointer);
        check_about(members, pointer, types);
        std::vector<Expr> ways;
        for (const std::string &type : types) ways.push_back(of_type(json, pointer, type));
        return make_choice(std::move(ways));
    }

    // A schema that one keyword makes, beside which only annotations stand, and a type beside values.
    Expr of_one(const Json &json, const std::string &pointer, const std::string &keyword) {
        const bool values = keyword == "const" || keyword == "enum";
        for (const auto &[name, value] : json.object(""))
            if (name != keyword && find_keyword(name)->about != Keyword::nothing && !(values && name == "type"))
                refuse(pointer, name + " beside " + keyword + " is not supported");
        const Json &value = *json.find(keyword);
        const std::string below = pointer + pointer_step(keyword);
        if (keyword == "$ref") return reference(value.string(item(pointer, "$ref")), pointer);
        if (values) {
            const std::vector<std::string> types =
                json.find("type") != nullptr ? types_of(json, pointer) : std::vector<std::string>();
            std::vector<Expr> ways;
            const auto add = [&](const Json &one) {
                if (types.empty() || std::any_of(types.begin(), types.end(),
                                                 [&](const std::string &type) { return has_type(one, type); }))
                    ways.push_back(literal(one));
            };
            if (keyword == "const") {
                add(value);
            } else {
                for (const Json &one : value.array(item(pointer, "enum"))) add(one);
            }
            return make_choice(std::move(ways));
        }
        if (keyword == "oneOf")
            notes_->push_back(
                below + " is taken as anyOf: a text that more than one of its schemas allows is not valid");
        std::vector<Expr> ways;
        const std::vector<Json> &schemas = value.array(what_ + ": " + below);
        if (schemas.empty()) refuse(below, "at least one schema is needed");
        for (size_t i = 0; i < schemas.size(); ++i)
            ways.push_back(schema(schemas[i], below + "/" + std::to_string(i)));
        return make_choice(std::move(ways));
    }

    std::vector<std::string> types_of(const Json &json, const std::string &pointer) const {
        std::vector<std::string> types;
        if (const Json *const type = json.find("type")) {
            if (type->is_array()) {
                for (const Json &one : type->array("")) types.push_back(one.string(item(pointer, "type")));
            } else {
                types.push_back(type->string(item(pointer, "type")));
            }
            for (const std::string &one : types)
                if (about_type(one) == Keyword::nothing)
                    refuse(pointer, "there is no type " + json_quote(one));
            if (types.empty()) refuse(pointer, "type names no type");
            return types;
        }
        // What its keywords are about, if that is one type.
        for (const auto &[name, value] : json.object("")) {
            const Keyword::About about = find_keyword(name)->about;
            if (about == Keyword::nothing) continue;
            const char *const type = about == Keyword::object   ? "object"
                                     : about == Keyword::array  ? "array"
                                     : about == Keyword::string ? "string"
                                                                : "number";
            if (!types.empty() && types[0] != type) refuse(pointer, "keywords of several types need a type");
            types = {type};
        }
        if (types.empty()) any_value(pointer);
        return types;
    }

    // A keyword about none of the types would say nothing.
    void check_about(const std::vector<Json::Member> &members, const std::string &pointer,
                     const std::vector<std::string> &types) const {
        for (const auto &[name, value] : members) {
            const Keyword::About about = find_keyword(name)->about;
            if (about == Keyword::nothing || about == Keyword::every) continue;
            if (std::none_of(types.begin(), types.end(),
                             [about](const std::string &type) { return about_type(type) == about; }))
                refuse(pointer, name + " says nothing about the type " + types[0]);
        }
    }

    Expr of_type(const Json &json, const std::string &pointer, const std::string &type) {
        if (type == "null") return make_text("null");
        if (type == "boolean") return make_choice({make_text("true"), make_text("false")});
        if (type == "integer") return integer(json, pointer);
        if (type == "number") return number(json, pointer);
        if (type == "string") return string(json, pointer);
        if (type == "array") return array(json, pointer);
        return object(json, pointer);
    }

    // ---- Numbers

    double bound(const Json &value, const std::string &pointer, const char *keyword, double most) const {
        const double number = value.number(item(pointer, keyword));
        if (!(number >= -most && number <= most))
            refuse(pointer, format("%s is %.17g, and may be up to %.0f", keyword, number, most));
        return number;
    }

    // Scaled bounds, within `most` of 0.
    std::pair<int64_t, int64_t> bounds(const Json &json, const std::string &pointer, uint32_t decimals,
                                       double most) const {
        int64_t low = scaled_low(-most, decimals, false), high = scaled_high(most, decimals, false);
        for (const char *keyword : {"minimum", "exclusiveMinimum"})
            if (const Json *const value = json.find(keyword))
                low = std::max(
                    low, scaled_low(bound(*value, pointer, keyword, most), decimals, keyword[0] == 'e'));
        for (const char *keyword : {"maximum", "exclusiveMaximum"})
            if (const Json *const value = json.find(keyword))
                high = std::min(
                    high, scaled_high(bound(*value, pointer, keyword, most), decimals, keyword[0] == 'e'));
        return {low, high};
    }

    Expr integer(const Json &json, const std::string &pointer) const {
        const auto [low, high] = bounds(json, pointer, 0, static_cast<double>(max_integer));
        return make_number(low, high, 0);
    }

    Expr number(const Json &json, const std::string &pointer) const {
        std::vector<Expr> ways;
        for (uint32_t decimals = 0; decimals <= options_.decimals; ++decimals) {
            const auto [low, high] = bounds(json, pointer, decimals, max_number);
            ways.push_back(make_number(low, high, decimals));
        }
        return make_choice(std::move(ways));
    }

    // ---- Strings

    static Expr quoted(const Expr &text) {
        return make_sequence({make_text("\""), in_json_string(text), make_text("\"")});
    }
    static Expr quoted(const std::string &text) { return quoted(make_text(text)); }

    // Least and most of a count; without an upper bound that of the options, or the lower bound if that is higher.
    std::pair<uint32_t, uint32_t> counts(const Json &json, const std::string &pointer, const char *least_name,
                                         const char *most_name, uint32_t most_default) const {
        const auto read = [&](const char *name, uint32_t fallback) {
            const Json *const value = json.find(name);
            return value == nullptr ? fallback
                                    : static_cast<uint32_t>(value->integer(item(pointer, name), 0, max_count));
        };
        const uint32_t least = read(least_name, 0), most = read(most_name, std::max(least, most_default));
        return {least, most};
    }

    Expr string(const Json &json, const std::string &pointer) const {
        const auto [least, most] = counts(json, pointer, "minLength", "maxLength", options_.max_length);
        if (least > most) return make_choice({});
        if (const Json *const pattern = json.find("pattern"))
            return quoted(make_counted(parse_regex(pattern->string(item(pointer, "pattern")),
                                                   item(pointer, "pattern"), RegexDialect::search),
                                       least, most));
        return quoted(make_repeat(make_set({{0, last_code_point}}), least, most));
    }

    // ---- Arrays and objects

    Expr array(const Json &json, const std::string &pointer) {
        const auto [least, most] = counts(json, pointer, "minItems", "maxItems", options_.max_items);
        if (least > most) return make_choice({});
        Expr items = make_sequence({});
        if (most > 0) {
            const Json *const one = json.find("items");
            if (one == nullptr) refuse(pointer, "an array needs items, or maxItems 0");
            const Expr first = schema(*one, pointer + "/items");
            items = make_sequence(
                {first, make_repeat(make_sequence({comma_, first}), least == 0 ? 0 : least - 1, most - 1)});
            if (least == 0) items = make_optional(items);
        }
        return make_sequence({make_text("["), items, make_text("]")});
    }

    struct Property {
        Expr member;
        bool required;
    };

    Expr object(const Json &json, const std::string &pointer) {
        if (const Json *const additional = json.find("additionalProperties")) {
            if (!additional->is_boolean())
                refuse(pointer, "of additionalProperties only false and true are supported");
            if (additional->boolean(""))
                notes_->push_back(
                    pointer + ": additionalProperties: those that properties does not name are never written");
        }
        std::vector<Property> properties;
        std::map<std::string, size_t> place;
        if (const Json *const named = json.find("properties"))
            for (const auto &[name, value] : named->object(item(pointer, "properties"))) {
                place[name] = properties.size();
                const Expr inner = schema(value, pointer + "/properties" + pointer_step(name));
                properties.push_back({make_sequence({quoted(name), colon_, inner}), false});
            }
        if (const Json *const required = json.find("required"))
            for (const Json &name : required->array(item(pointer, "required"))) {
                const auto found = place.find(name.string(item(pointer, "required")));
                if (found == place.end())
                    refuse(pointer, "required names " + json_quote(name.string("")) +
                                        ", which properties does not have");
                properties[found->second].required = true;
            }
        const Expr inner = options_.any_order ? in_any_order(properties, pointer) : in_order(properties);
        return make_sequence({make_text("{"), inner, make_text("}")});
    }

    // Nodes 2i and 2i + 1: i properties were passed; and some of them written, so that a comma comes before the next one.
    Expr in_order(const std::vector<Property> &properties) const {
        std::vector<Expression::Arc> arcs;
        std::vector<Expr> parts = {make_sequence({})};
        const auto nodes = static_cast<uint32_t>(2 * properties.size() + 3);
        bool reached[2] = {true, false};
        for (uint32_t i = 0; i <= properties.size(); ++i) {
            const bool last = i == properties.size();
            for (uint32_t some = 0; some < 2; ++some) {
                if (!reached[some]) continue;
                if (last) {
                    arcs.push_back({2 * i + some, nodes - 1, 0});
                    continue;
                }
                const Property &property = properties[i];
                arcs.push_back({2 * i + some, 2 * i + 3, static_cast<uint32_t>(parts.size())});
                parts.push_back(some == 1 ? make_sequence({comma_, property.member}) : property.member);
                if (!property.required) arcs.push_back({2 * i + some, 2 * i + 2 + some, 0});
            }
            if (last) break;
            reached[0] = reached[0] && !properties[i].required;
            reached[1] = true;
        }
        return make_network(nodes, std::move(arcs), std::move(parts));
    }

    // A node for each set of properties that were written, and the end.
    Expr in_any_order(const std::vector<Property> &properties, const std::string &pointer) const {
        if (properties.size() > max_any_order)
            refuse(pointer, format("--any-order is for objects of up to %u properties, and this has %zu",
                                   max_any_order, properties.size()));
        const uint32_t sets = 1u << properties.size();
        std::vector<Expression::Arc> arcs;
        std::vector<Expr> parts = {make_sequence({})};
        for (uint32_t set = 0; set < sets; ++set) {
            bool complete = true;
            for (uint32_t i = 0; i < properties.size(); ++i) {
                if ((set >> i & 1) != 0) continue;
                complete = complete && !properties[i].required;
                arcs.push_back({set, set | 1u << i, static_cast<uint32_t>(parts.size())});
                parts.push_back(set == 0 ? properties[i].member
                                         : make_sequence({comma_, properties[i].member}));
            }
            if (complete) arcs.push_back({set, sets, 0});
        }
        return make_network(sets + 1, std::move(arcs), std::move(parts));
    }

    // ---- Values and references

    Expr literal(const Json &value) const {
        switch (value.type()) {
        case Json::Type::null: return make_text("null");
        case Json::Type::boolean: return make_text(value.boolean("") ? "true" : "false");
        case Json::Type::string: return quoted(value.string(""));
        case Json::Type::number: {
            if (is_whole(value)) return make_text(std::to_string(value.integer("", INT64_MIN, INT64_MAX)));
            JsonWriter writer(false);
            return make_text(writer.value(value.number("")).text());
        }
        case Json::Type::array: {
            std::vector<Expr> parts = {make_text("[")};
            for (const Json &one : value.array("")) {
                if (parts.size() > 1) parts.push_back(comma_);
                parts.push_back(literal(one));
            }
            parts.push_back(make_text("]"));
            return make_sequence(std::move(parts));
        }
        case Json::Type::object: {
            std::vector<Expr> parts = {make_text("{")};
            for (const auto &[name, one] : value.object("")) {
                if (parts.size() > 1) parts.push_back(comma_);
                parts.push_back(make_sequence({quoted(name), colon_, literal(one)}));
            }
            parts.push_back(make_text("}"));
            return make_sequence(std::move(parts));
        }
        }
        return make_choice({});
    }

    // What a JSON pointer in a fragment leads to.
    const Json &find_target(const std::string &reference, const std::string &pointer) const {
        const Json *at = &root_;
        if (reference[0] != '#')
            refuse(pointer,
                   "$ref " + json_quote(reference) + " leads out of the document, which is not supported");
        size_t i = 1;
        if (reference.size() > 1 && reference[1] != '/')
            refuse(pointer,
                   "$ref " + json_quote(reference) + " is no JSON pointer; anchors are not supported");
        while (i < reference.size()) {
            std::string name;
            for (++i; i < reference.size() && reference[i] != '/'; ++i) {
                if (reference[i] == '%')
                    refuse(pointer, "$ref " + json_quote(reference) + ": % escapes are not supported");
                if (reference[i] == '~' && i + 1 < reference.size() &&
                    (reference[i + 1] == '0' || reference[i + 1] == '1'))
                    name += reference[++i] == '0' ? '~' : '/';
                else
                    name += reference[i];
            }
            if (at->is_array()) {
                const std::vector<Json> &list = at->array("");
                const bool sound = !name.empty() && name.size() < 6 &&
                                   name.find_first_not_of("0123456789") == std::string::npos;
                const size_t index = sound ? static_cast<size_t>(std::stoul(name)) : list.size();
                at = index < list.size() ? &list[index] : nullptr;
            } else {
                at = at->find(name);
            }
            if (at == nullptr) refuse(pointer, "$ref " + json_quote(reference) + " leads to nothing");
        }
        return *at;
    }

    Expr reference(const std::string &text, const std::string &pointer) {
        if (text.empty()) refuse(pointer, "$ref is empty");
        const Json &target = find_target(text, pointer);
        uint32_t &within = within_[&target];
        if (within > options_.depth) return make_choice({});
        ++within;
        const Expr made = schema(target, text);
        --within_[&target];
        return made;
    }

    const Json &root_;
    const std::string &what_;
    const SchemaOptions &options_;
    std::vector<std::string> *notes_;
    Expr comma_, colon_;
    uint32_t schemas_ = 0, nesting_ = 0;
    std::map<const Json *, uint32_t> within_;  // references to a schema that are being read
};

}  // namespace

Expr parse_schema(const Json &schema, const std::string &what, const SchemaOptions &options,
                  std::vector<std::string> *notes) {
    return Reader(schema, what, options, notes).run();
}

}  // namespace adder
