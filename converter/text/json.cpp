// Typed access to JSON values.
// SPDX-License-Identifier: MIT
#include "converter/text/json.h"

#include <charconv>
#include <cmath>

#include "converter/base/error.h"

namespace adder {

constexpr double max_exact_double = 9007199254740992.0;  // 2^53

// What a value is, for a message: `"text"`, `12`, `an array`.
std::string Json::describe() const {
    switch (type()) {
    case Type::null: return "null";
    case Type::boolean: return std::get<bool>(value_) ? "true" : "false";
    case Type::string: return json_quote(std::get<std::string>(value_));
    case Type::array: return "an array";
    case Type::object: return "an object";
    case Type::number: break;
    }
    const auto &number = std::get<Number>(value_);
    if (number.exact) return std::to_string(number.integer);
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, number.value).ptr};
}

void Json::mismatch(const std::string &what, const std::string &needed) const {
    bad_input("%s is %s; %s is needed", what.c_str(), describe().c_str(), needed.c_str());
}

bool Json::boolean(const std::string &what) const {
    if (const auto *value = std::get_if<bool>(&value_)) return *value;
    mismatch(what, "true or false");
}

double Json::number(const std::string &what) const {
    if (const auto *value = std::get_if<Number>(&value_)) return value->value;
    mismatch(what, "a number");
}

int64_t Json::integer(const std::string &what, int64_t low, int64_t high) const {
    if (const auto *value = std::get_if<Number>(&value_)) {
        const double v = value->value;
        const bool whole = value->exact || (std::fabs(v) < max_exact_double && v == std::floor(v));
        const int64_t integer = value->exact ? value->integer : whole ? static_cast<int64_t>(v) : 0;
        if (whole && integer >= low && integer <= high) return integer;
    }
    mismatch(what, format("an integer from %lld to %lld", static_cast<long long>(low),
                          static_cast<long long>(high)));
}

const std::string &Json::string(const std::string &what) const {
    if (const auto *value = std::get_if<std::string>(&value_)) return *value;
    mismatch(what, "a string");
}

const std::vector<Json> &Json::array(const std::string &what) const {
    if (const auto *value = std::get_if<std::vector<Json>>(&value_)) return *value;
    mismatch(what, "an array");
}

const std::vector<Json::Member> &Json::object(const std::string &what) const {
    if (const auto *value = std::get_if<std::vector<Member>>(&value_)) return *value;
    mismatch(what, "an object");
}

const Json *Json::find(std::string_view key) const {
    if (const auto *members = std::get_if<std::vector<Member>>(&value_)) {
        for (const Member &member : *members) {
            if (member.first == key) return &member.second;
        }
    }
    return nullptr;
}

}  // namespace adder
