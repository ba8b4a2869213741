// study.json: written after every row, and read where a study goes on.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/plan/names.h"
#include "converter/plan/recipe.h"
#include "converter/study/study.h"
#include "converter/text/json.h"
#include "converter/text/text_facts.h"

namespace adder {
namespace {

// ---- Writing --------------------------------------------------------------------------------------------------------

template <typename Value>
const char *name_of(const std::vector<std::pair<const char *, Value>> &names, Value value) {
    for (const auto &[name, named] : names)
        if (named == value) return name;
    return "";
}

std::string hex(uint32_t crc) { return format("%08x", crc); }

void write_settings(JsonWriter &json, const StudySettings &s) {
    json.begin_object().key("version").value(s.version).key("checkpoint").value(s.checkpoint);
    json.key("weights_crc32").value(hex(s.weights_crc)).key("tokenizer_crc32").value(hex(s.tokenizer_crc));
    write_texts(json.key("calibration"), s.calibration);
    json.key("calibration_tokens").value(s.calibration_tokens);
    json.key("calibration_window").value(s.calibration_window);
    write_texts(json.key("valid"), s.valid);
    json.key("window").value(s.window).key("state_window").value(s.state_window);
    json.key("tokens").value(s.tokens).key("seed").value(s.seed);
    if (!s.tasks.empty()) {
        write_texts(json.key("tasks"), s.tasks);
        json.key("task_limit").value(s.task_limit);
    }
    json.end_object();
}

void write_estimate(JsonWriter &json, const char *name, const Estimate &e) {
    json.key(name).value(e.value).key(std::string(name) + "_se").value(e.error);
}

void write_finding(JsonWriter &json, const TextFinding &f) {
    json.key("perplexity").value(f.perplexity).key("float_perplexity").value(f.float_perplexity);
    write_estimate(json, "change_percent", f.change_percent);
    write_estimate(json, "kl_mean", f.kl_mean);
    write_estimate(json, "same_top1", f.same_top1);
}

void write_input(JsonWriter &json, const InputFinding &f) {
    json.begin_object().key("channels").value(f.channels).key("layers").value(f.layers);
    json.key("outliers").begin_array();
    for (const uint64_t count : f.outliers) json.value(count);
    json.end_array();
    json.key("highest_over_median").value(f.highest_over_median).key("at").value(f.at);
    json.key("absmax_kurtosis").value(f.absmax_kurtosis);
    json.key("persistent_channel").value(f.persistent_channel).key("persistent_layers").value(f.persistent_layers);
    json.key("owners").begin_array();
    for (const InputFinding::Owner &owner : f.owners)
        json.begin_object().key("token").value(owner.token).key("channels").value(owner.channels).end_object();
    json.end_array().key("first_positions").value(f.first_positions).end_object();
}

void write_words(JsonWriter &json, const std::vector<std::string> &words) {
    json.begin_array();
    for (const std::string &word : words) json.value(word);
    json.end_array();
}

void write_row(JsonWriter &json, const StudyRow &row) {
    json.key("experiment").value(row.experiment).key("series").value(row.series).key("at").value(row.at);
    if (row.zeroing) {
        json.key("zero").begin_object();
        json.key("input").value(row.zeroing->role ? role_name(*row.zeroing->role) : "all");
        json.key("sigma").value(row.zeroing->sigma).key("random").value(row.zeroing->random).end_object();
    } else if (row.state) {
        json.key("state").begin_object();
        json.key("part").value(row.state->part);
        json.key("type").value(name_of(state_types(), row.state->type)).end_object();
    } else if (row.input) {
        json.key("input").value(role_name(*row.input));
    } else {
        write_words(json.key("convert"), row.convert);
        if (row.tasks) json.key("tasks").value(true);
    }
}

// ---- Reading --------------------------------------------------------------------------------------------------------

constexpr size_t most_items = 65536;

// A value and what it is called in messages.
struct Item {
    const Json &json;
    std::string what;

    Item member(const char *key) const {
        json.object(what);
        const Json *const value = json.find(key);
        if (value == nullptr) bad_input("%s has no %s", what.c_str(), key);
        return {*value, what + ": " + key};
    }
    std::string text(const char *key) const {
        const Item item = member(key);
        return item.json.string(item.what);
    }
    uint64_t integer(const char *key, int64_t high = INT64_MAX) const {
        const Item item = member(key);
        return static_cast<uint64_t>(item.json.integer(item.what, 0, high));
    }
    uint32_t small(const char *key) const { return static_cast<uint32_t>(integer(key, UINT32_MAX)); }
    uint32_t crc(const char *key) const {
        const std::string digits = text(key);
        if (digits.size() != 8 || digits.find_first_not_of("0123456789abcdef") != std::string::npos)
            bad_input("%s: %s is %s; 8 hexadecimal digits are needed", what.c_str(), key,
                      json_quote(digits).c_str());
        return static_cast<uint32_t>(std::stoul(digits, nullptr, 16));
    }
    double number(const char *key) const {
        const Item item = member(key);
        return item.json.is_null() ? std::nan("") : item.json.number(item.what);
    }
    Estimate estimate(const char *key) const {
        return {number(key), number((std::string(key) + "_se").c_str())};
    }
    std::vector<Item> items(const char *key) const {
        const Item item = member(key);
        const std::vector<Json> &array = item.json.array(item.what);
        if (array.size() > most_items) bad_input("%s: %zu are too many", item.what.c_str(), array.size());
        std::vector<Item> list;
        for (size_t i = 0; i < array.size(); ++i)
            list.push_back({array[i], format("%s, %zu", item.what.c_str(), i)});
        return list;
    }
    std::vector<std::string> words(const char *key) const {
        std::vector<std::string> list;
        for (const Item &item : items(key)) list.push_back(item.json.string(item.what));
        return list;
    }
    template <typename Value>
    Value choice(const char *key, const std::vector<std::pair<const char *, Value>> &names) const {
        const std::string found = text(key);
        for (const auto &[name, value] : names)
            if (found == name) return value;
        bad_input("%s: %s is %s, which is none", what.c_str(), key, json_quote(found).c_str());
    }
};

std::vector<StudySettings::Text> read_texts(const Item &settings, const char *key) {
    std::vector<StudySettings::Text> texts;
    for (const Item &item : settings.items(key))
        texts.push_back({item.text("name"), item.integer("bytes"), item.crc("crc32")});
    return texts;
}

StudySettings read_settings(const Item &item) {
    StudySettings s;
    s.version = item.text("version");
    s.checkpoint = item.text("checkpoint");
    s.weights_crc = item.crc("weights_crc32");
    s.tokenizer_crc = item.crc("tokenizer_crc32");
    s.calibration = read_texts(item, "calibration");
    s.calibration_tokens = item.integer("calibration_tokens");
    s.calibration_window = item.small("calibration_window");
    s.valid = read_texts(item, "valid");
    s.window = item.small("window");
    s.state_window = item.small("state_window");
    s.tokens = item.integer("tokens");
    s.seed = item.integer("seed");
    if (item.json.find("tasks") != nullptr) {
        s.tasks = read_texts(item, "tasks");
        s.task_limit = item.integer("task_limit");
    }
    return s;
}

TextFinding read_finding(const Item &item) {
    return {item.number("perplexity"), item.number("float_perplexity"), item.estimate("change_percent"),
            item.estimate("kl_mean"), item.estimate("same_top1")};
}

InputFinding read_input(const Item &item) {
    InputFinding f;
    f.channels = item.integer("channels");
    f.layers = item.integer("layers");
    for (const Item &count : item.items("outliers"))
        f.outliers.push_back(static_cast<uint64_t>(count.json.integer(count.what, 0, INT64_MAX)));
    if (f.outliers.size() != std::size(study_sigmas))
        bad_input("%s has %zu numbers of outliers; %zu are needed", item.what.c_str(), f.outliers.size(),
                  std::size(study_sigmas));
    f.highest_over_median = item.number("highest_over_median");
    f.at = item.text("at");
    f.absmax_kurtosis = item.number("absmax_kurtosis");
    f.persistent_channel = item.small("persistent_channel");
    f.persistent_layers = item.integer("persistent_layers");
    for (const Item &owner : item.items("owners"))
        f.owners.push_back({owner.text("token"), owner.integer("channels")});
    f.first_positions = item.integer("first_positions");
    return f;
}

StudyRow read_row(const Item &item) {
    StudyRow row;
    row.experiment = item.text("experiment");
    row.series = item.text("series");
    row.at = item.text("at");
    std::vector<std::pair<const char *, std::optional<Role>>> inputs;
    for (Role role : all_linear_roles()) inputs.emplace_back(role_name(role), role);
    if (item.json.find("input") != nullptr) {
        row.input = item.choice("input", inputs);
    } else if (item.json.find("zero") != nullptr) {
        inputs.emplace_back("all", std::nullopt);
        const Item zero = item.member("zero"), random = zero.member("random");
        row.zeroing = {zero.choice("input", inputs), zero.number("sigma"), random.json.boolean(random.what)};
    } else if (item.json.find("state") != nullptr) {
        const Item state = item.member("state");
        row.state = {state.text("part"), state.choice("type", state_types())};
    } else {
        row.convert = item.words("convert");
        row.tasks = item.json.find("tasks") != nullptr;
    }
    return row;
}

StudyFinding read_row_finding(const Item &item, const StudySettings &settings) {
    StudyFinding f;
    f.row = read_row(item);
    const bool conversion = f.row.is_conversion();
    if (conversion && item.json.find("impossible") != nullptr) {
        f.impossible = item.text("impossible");
        return f;
    }
    if (item.json.find("notes") != nullptr) f.notes = item.words("notes");
    if (f.row.zeroing) f.channels = item.integer("channels");
    if (conversion) f.bits_per_weight = item.number("bits_per_weight");
    if (f.row.input) {
        f.input = read_input(item.member("found"));
        return f;
    }
    if (f.row.tasks) {
        for (const Item &task : item.items("scores"))
            f.tasks.push_back({task.estimate("score"), task.estimate("float_score"), task.estimate("change")});
        if (f.tasks.size() != settings.tasks.size())
            bad_input("%s has %zu tasks; the study has %zu", item.what.c_str(), f.tasks.size(),
                      settings.tasks.size());
        return f;
    }
    for (const Item &text : item.items("texts")) {
        f.texts.push_back(read_finding(text));
        if (!f.row.state) continue;
        f.positions.emplace_back();
        for (const Item &part : text.items("positions"))
            f.positions.back().push_back({part.small("begin"), part.small("end"), read_finding(part)});
    }
    if (f.texts.size() != settings.valid.size())
        bad_input("%s has %zu texts; the study has %zu", item.what.c_str(), f.texts.size(),
                  settings.valid.size());
    return f;
}

}  // namespace

std::string study_json(const Study &study) {
    JsonWriter json;
    write_settings(json.begin_object().key("adder_study").value(1).key("settings"), study.settings);
    json.key("rows").begin_array();
    for (const StudyFinding &f : study.findings) {
        json.begin_object();
        write_row(json, f.row);
        if (!f.impossible.empty()) {
            json.key("impossible").value(f.impossible).end_object();
            continue;
        }
        if (!f.notes.empty()) write_words(json.key("notes"), f.notes);
        if (f.row.zeroing) json.key("channels").value(f.channels);
        if (f.row.is_conversion()) json.key("bits_per_weight").value(f.bits_per_weight);
        if (f.input) write_input(json.key("found"), *f.input);
        if (f.row.tasks) {
            json.key("scores").begin_array();
            for (const TaskFinding &task : f.tasks) {
                json.begin_object();
                write_estimate(json, "score", task.score);
                write_estimate(json, "float_score", task.float_score);
                write_estimate(json, "change", task.change);
                json.end_object();
            }
            json.end_array();
        }
        if (f.input || f.row.tasks) {
            json.end_object();
            continue;
        }
        json.key("texts").begin_array();
        for (size_t t = 0; t < f.texts.size(); ++t) {
            write_finding(json.begin_object(), f.texts[t]);
            if (f.row.state) {
                json.key("positions").begin_array();
                for (const PositionFinding &part : f.positions[t]) {
                    json.begin_object().key("begin").value(part.begin).key("end").value(part.end);
                    write_finding(json, part.finding);
                    json.end_object();
                }
                json.end_array();
            }
            json.end_object();
        }
        json.end_array().end_object();
    }
    json.end_array().end_object();
    return json.text() + "\n";
}

Study read_study(std::string_view text, const std::string &name) {
    const Json json = Json::parse(text, name);
    const Item item{json, name};
    const uint64_t version = item.integer("adder_study");
    if (version != 1)
        bad_input("%s: adder_study is %llu; 1 is what can be read", name.c_str(),
                  static_cast<unsigned long long>(version));
    Study study{read_settings(item.member("settings")), {}};
    for (const Item &row : item.items("rows"))
        study.findings.push_back(read_row_finding(row, study.settings));
    return study;
}

std::string difference(const StudySettings &there, const StudySettings &here) {
    std::string found;
    const auto compare = [&](const char *what, const std::string &a, const std::string &b) {
        if (a != b && found.empty()) found = format("%s is %s there and %s here", what, a.c_str(), b.c_str());
    };
    const auto texts = [](const std::vector<StudySettings::Text> &list) {
        std::string text;
        for (const StudySettings::Text &one : list)
            text += format("%s%s (crc32 %08x)", text.empty() ? "" : ", ", one.name.c_str(), one.crc);
        return text;
    };
    const auto number = [&](const char *what, uint64_t a, uint64_t b) {
        compare(what, std::to_string(a), std::to_string(b));
    };
    compare("the version of adder", there.version, here.version);
    compare("the CRC-32 of the weights", hex(there.weights_crc), hex(here.weights_crc));
    compare("the CRC-32 of the tokenizer", hex(there.tokenizer_crc), hex(here.tokenizer_crc));
    compare("the calibration text", texts(there.calibration), texts(here.calibration));
    number("calib-tokens", there.calibration_tokens, here.calibration_tokens);
    number("the calibration window", there.calibration_window, here.calibration_window);
    compare("the text to evaluate on", texts(there.valid), texts(here.valid));
    number("window", there.window, here.window);
    number("state-window", there.state_window, here.state_window);
    number("the number of tokens a text", there.tokens, here.tokens);
    number("seed", there.seed, here.seed);
    compare("the tasks", texts(there.tasks), texts(here.tasks));
    number("the limit of examples", there.task_limit, here.task_limit);
    return found;
}

}  // namespace adder
