// The table of settings, and the parsing of their values.
// SPDX-License-Identifier: MIT
#include "settings.h"

#include "failure.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace chat {
namespace {

// low <= value <= high; `low_open`: low itself is refused.
bool set_float(float &field, const std::string &text, float low, float high, bool low_open = false) {
    char *end = nullptr;
    const float value = std::strtof(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !std::isfinite(value)) return false;
    if (value < low || value > high || (low_open && value == low)) return false;
    field = value;
    return true;
}

template <typename Integer>
bool set_integer(Integer &field, const std::string &text, Integer low) {
    Integer value{};
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < low) return false;
    field = value;
    return true;
}

std::string show_float(float value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", static_cast<double>(value));
    return text;
}

}  // namespace

const std::vector<Setting> &all_settings() {
    static const std::vector<Setting> table = {
        {"temp", "temperature", 0, "X", "temperature; 0 always takes the likeliest token",
         "a number from 0 to 100",
         [](Settings &s, const std::string &text) {
             if (!set_float(s.sampler.temperature, text, 0, 100)) return false;
             s.text_temperature.reset();
             return true;
         },
         [](const Settings &s) { return show_float(s.sampler.temperature); }},
        {"top-k", "top_k", 0, "N", "sample from the N likeliest tokens; 0: off", "a whole number from 0",
         [](Settings &s, const std::string &text) { return set_integer(s.sampler.top_k, text, 0u); },
         [](const Settings &s) { return std::to_string(s.sampler.top_k); }},
        {"top-p", "top_p", 0, "X", "sample from the likeliest tokens that reach X together; 1: off",
         "a number above 0, at most 1",
         [](Settings &s, const std::string &text) { return set_float(s.sampler.top_p, text, 0, 1, true); },
         [](const Settings &s) { return show_float(s.sampler.top_p); }},
        {"min-p", "min_p", 0, "X", "drop tokens below X times the likeliest one's probability; 0: off",
         "a number from 0 to 1",
         [](Settings &s, const std::string &text) { return set_float(s.sampler.min_p, text, 0, 1); },
         [](const Settings &s) { return show_float(s.sampler.min_p); }},
        {"repeat-penalty", "repeat_penalty", 0, "X", "make tokens of the last answers less likely; 1: off",
         "a number above 0, at most 10",
         [](Settings &s, const std::string &text) {
             return set_float(s.sampler.repetition_penalty, text, 0, 10, true);
         },
         [](const Settings &s) { return show_float(s.sampler.repetition_penalty); }},
        {"seed", "seed", 's', "N",
         "start of the random numbers; the same seed gives the same answers on every machine",
         "a whole number from 0 to 18446744073709551615",
         [](Settings &s, const std::string &text) {
             if (!set_integer(s.seed, text, uint64_t{0})) return false;
             adder_sampler_seed(&s.sampler, s.seed);
             return true;
         },
         [](const Settings &s) { return std::to_string(s.seed); }},
        {"max-tokens", "max_tokens", 'n', "N", "longest answer, in tokens", "a whole number from 1",
         [](Settings &s, const std::string &text) { return set_integer(s.max_tokens, text, 1u); },
         [](const Settings &s) { return std::to_string(s.max_tokens); }},
    };
    return table;
}

const Setting *find_setting(const std::string &name) {
    for (const Setting &setting : all_settings()) {
        if (name == setting.name) return &setting;
    }
    return nullptr;
}

void apply(const Setting &setting, Settings &settings, const std::string &shown, const std::string &text) {
    if (setting.set(settings, text)) return;
    throw Failure(Exit::usage, shown + " needs " + setting.range + ", not '" + text + "'");
}

std::string describe(const Settings &settings) {
    std::string text;
    for (const Setting &setting : all_settings()) {
        if (!text.empty()) text += ", ";
        text += std::string(setting.name) + " " + setting.get(settings);
    }
    return text;
}

}  // namespace chat
