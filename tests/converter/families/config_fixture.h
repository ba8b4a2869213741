// How tests read config.json, change it, and see it refused.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "converter/families/family.h"
#include "converter/model/checkpoint.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {

inline ModelShape read_shape(const std::string &text) {
    return read_model_shape(Json::parse(text, "config.json", Json::Numbers::infinite), "config.json");
}
inline std::string refused(const std::string &text) {
    return error_of([&] { read_shape(text); });
}
inline float param(const ModelShape &shape, Param which) {
    return shape.shapes[0].param[static_cast<uint32_t>(which)];
}

// The text of an object with one member replaced, or added; an empty value takes it out.
inline std::string with(const std::string &object, const std::string &key, const std::string &value) {
    std::string text = "{";
    bool found = false;
    const auto add = [&](const std::string &name, const std::string &member) {
        if (!member.empty()) text += (text.size() > 1 ? ", " : "") + json_quote(name) + ": " + member;
    };
    const Json json = Json::parse(object, "object");
    for (const auto &[name, member] : json.object("object")) {
        found = found || name == key;
        JsonWriter writer(false);
        switch (member.type()) {
        case Json::Type::string: writer.value(member.string("")); break;
        case Json::Type::boolean: writer.value(member.boolean("")); break;
        case Json::Type::number: writer.value(member.number("")); break;
        default: writer.null(); break;
        }
        add(name, name == key ? value : writer.text());
    }
    if (!found) add(key, value);
    return text + "}";
}

// As mamba_ssm's MambaConfig has it: d_model and ssm_cfg, whose "layer" says of which kind it is.
inline std::string state_spaces(const std::string &ssm_cfg, const std::string &more = "") {
    return R"({"d_model": 64, "n_layer": 2, "vocab_size": 50277, "ssm_cfg": )" + ssm_cfg + more + "}";
}

}  // namespace adder::test
