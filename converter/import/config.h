// Reading config.json and generation_config.json: typed, range-checked, with messages that name file and key.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "converter/text/json.h"

namespace adder {

// config.json or generation_config.json: JSON as Python writes it, with Infinity.
Json parse_config_file(const std::string &path);

// An object's members by key. null is taken as absent, as transformers does. All errors are Error(bad_input).
class ConfigReader {
  public:
    // `name` is the file's path, perhaps with the place of the object in it. Both must outlive the reader.
    ConfigReader(const Json &json, const std::string &name) : json_(json), name_(name) { json.object(name); }

    const Json *find(const char *key) const;
    std::string what(const char *key) const { return name_ + ": " + key; }
    const std::string &name() const { return name_; }

    std::optional<uint32_t> integer(const char *key, int64_t low, int64_t high) const;
    uint32_t needed_integer(const char *key, int64_t low, int64_t high) const;
    std::optional<double> number(const char *key, double low, double high) const;
    std::optional<bool> boolean(const char *key) const;
    std::optional<std::string> string(const char *key) const;
    // An integer or a list of them, each below vocab_size.
    std::vector<uint32_t> token_ids(const char *key, uint32_t vocab_size) const;

  private:
    const Json &json_;
    const std::string &name_;
};

// What generation_config.json sets; what it leaves out, or sets to null, is absent.
struct GenerationConfig {
    std::optional<double> temperature;         // 0..100
    std::optional<double> top_p;               // 0..1
    std::optional<double> min_p;               // 0..1
    std::optional<uint32_t> top_k;             // 0..2^20; 0 is off
    std::optional<double> repetition_penalty;  // 0.01..100
    std::optional<bool> do_sample;
    std::optional<uint32_t> bos_token_id;  // below vocab_size
    std::vector<uint32_t> eos_token_ids;   // below vocab_size
};

GenerationConfig parse_generation_config(const Json &json, const std::string &name, uint32_t vocab_size);

}  // namespace adder
