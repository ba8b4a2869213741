// Typed members of JSON objects.
// SPDX-License-Identifier: MIT
#include "converter/import/config.h"

#include "converter/base/error.h"
#include "converter/base/file.h"

namespace adder {

Json parse_config_file(const std::string &path) {
    const MappedFile file(path);
    return Json::parse(file.text(), path, Json::Numbers::infinite);
}

const Json *ConfigReader::find(const char *key) const {
    const Json *const value = json_.find(key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<uint32_t> ConfigReader::integer(const char *key, int64_t low, int64_t high) const {
    const Json *const value = find(key);
    if (value == nullptr) return std::nullopt;
    return static_cast<uint32_t>(value->integer(what(key), low, high));
}

uint32_t ConfigReader::needed_integer(const char *key, int64_t low, int64_t high) const {
    if (const auto value = integer(key, low, high)) return *value;
    bad_input("%s is missing; an integer from %lld to %lld is needed", what(key).c_str(),
              static_cast<long long>(low), static_cast<long long>(high));
}

std::optional<double> ConfigReader::number(const char *key, double low, double high) const {
    const Json *const value = find(key);
    if (value == nullptr) return std::nullopt;
    const double number = value->number(what(key));
    if (!(number >= low && number <= high)) {
        bad_input("%s is %g; a number from %g to %g is needed", what(key).c_str(), number, low, high);
    }
    return number;
}

std::optional<bool> ConfigReader::boolean(const char *key) const {
    const Json *const value = find(key);
    if (value == nullptr) return std::nullopt;
    return value->boolean(what(key));
}

std::optional<std::string> ConfigReader::string(const char *key) const {
    const Json *const value = find(key);
    if (value == nullptr) return std::nullopt;
    return value->string(what(key));
}

std::vector<uint32_t> ConfigReader::token_ids(const char *key, uint32_t vocab_size) const {
    std::vector<uint32_t> ids;
    const Json *const value = find(key);
    if (value == nullptr) return ids;
    const auto add = [&](const Json &id) {
        ids.push_back(static_cast<uint32_t>(id.integer(what(key), 0, int64_t{vocab_size} - 1)));
    };
    if (value->is_array()) {
        for (const Json &id : value->array(what(key))) add(id);
    } else {
        add(*value);
    }
    return ids;
}

GenerationConfig parse_generation_config(const Json &json, const std::string &name, uint32_t vocab_size) {
    const ConfigReader members(json, name);
    GenerationConfig config;
    config.temperature = members.number("temperature", 0, 100);
    config.top_p = members.number("top_p", 0, 1);
    config.min_p = members.number("min_p", 0, 1);
    config.top_k = members.integer("top_k", 0, 1 << 20);
    config.repetition_penalty = members.number("repetition_penalty", 0.01, 100);
    config.do_sample = members.boolean("do_sample");
    config.bos_token_id = members.integer("bos_token_id", 0, int64_t{vocab_size} - 1);
    config.eos_token_ids = members.token_ids("eos_token_id", vocab_size);
    return config;
}

}  // namespace adder
