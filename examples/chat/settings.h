// What a user may set, as an option (--temp 0.7) and as a command (/temp 0.7): one table for both.
// SPDX-License-Identifier: MIT
#pragma once

#include <adder/adder.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chat {

struct Settings {
    adder_sampler sampler{};
    uint64_t seed = 0;  // the one that sampler.random was last set from
    uint32_t max_tokens = 256;
    // Temperature of texts that are continued as they stand, where it is another one than that of answers.
    std::optional<float> text_temperature;
};

struct Setting {
    const char *name;   // without dashes or slash
    const char *json;   // in a line of --json
    char short_name;    // 's' for -s; 0: none
    const char *value;  // how the help calls the value
    const char *help;
    const char *range;                                         // what is accepted, in words
    bool (*set)(Settings &settings, const std::string &text);  // false: outside of `range`, nothing changed
    std::string (*get)(const Settings &settings);
};

const std::vector<Setting> &all_settings();
const Setting *find_setting(const std::string &name);  // null: there is none

// Failure(usage) that names the value and the range; `shown` is the setting as the user wrote it: "--temp",
// "/temp".
void apply(const Setting &setting, Settings &settings, const std::string &shown, const std::string &text);

// "temp 0.7, top-k 0, ..."
std::string describe(const Settings &settings);

}  // namespace chat
