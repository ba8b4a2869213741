// Writes a tree of JSON values again.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "converter/text/json.h"

namespace adder::test {

inline void write_json(JsonWriter &writer, const Json &json) {
    switch (json.type()) {
    case Json::Type::null: writer.null(); break;
    case Json::Type::boolean: writer.value(json.boolean("")); break;
    case Json::Type::number: writer.value(json.number("")); break;
    case Json::Type::string: writer.value(json.string("")); break;
    case Json::Type::array:
        writer.begin_array();
        for (const Json &item : json.array("")) write_json(writer, item);
        writer.end_array();
        break;
    case Json::Type::object:
        writer.begin_object();
        for (const auto &[key, value] : json.object("")) write_json(writer.key(key), value);
        writer.end_object();
        break;
    }
}

inline std::string json_text(const Json &json, bool pretty = false) {
    JsonWriter writer(pretty);
    write_json(writer, json);
    return writer.text();
}

}  // namespace adder::test
