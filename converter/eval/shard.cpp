// Writing, reading and merging the parts of an evaluation.
// SPDX-License-Identifier: MIT
#include "converter/eval/shard.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {
namespace {

constexpr int64_t max_count = int64_t{1} << 40;
constexpr int64_t max_items = int64_t{1} << 26;  // windows of a text
constexpr size_t block_values = 4;               // scored, same_top1, nll, kl

std::string hex_of(const std::vector<float> &values) {
    std::string text;
    for (float value : values) {
        uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        text += format("%08x", bits);
    }
    return text;
}

void write_model(JsonWriter &w, const ModelResult &model) {
    const ModelFacts &facts = model.facts;
    w.begin_object();
    w.key("path").value(facts.path).key("kind").value(facts.kind).key("isa").value(facts.isa);
    w.key("fingerprint").value(facts.fingerprint).key("parameters").value(facts.parameters);
    w.key("bytes").value(facts.bytes).key("bits_per_weight").value(facts.bits_per_weight);
    w.key("tokens").value(model.tokens).key("seconds").value(model.seconds);
    w.key("texts").begin_array();
    for (const TextResult &text : model.texts) {
        w.begin_object().key("tokens").value(text.tokens).key("windows").value(uint64_t{text.windows.size()});
        w.key("done").begin_array();
        for (size_t i = 0; i < text.windows.size(); ++i) {
            if (text.windows[i].blocks.empty()) continue;
            w.begin_object().key("window").value(uint64_t{i}).key("blocks").begin_array();
            for (const TextBlock &block : text.windows[i].blocks)
                w.value(block.scored).value(block.same_top1).value(block.nll).value(block.kl);
            w.end_array().key("kl").value(hex_of(text.windows[i].kl)).end_object();
        }
        w.end_array().end_object();
    }
    w.end_array().key("tasks").begin_array();
    for (const std::vector<ExampleResult> &task : model.tasks) {
        w.begin_array();
        for (size_t i = 0; i < task.size(); ++i) {
            if (task[i].log_likelihood.empty()) continue;
            w.begin_object().key("example").value(uint64_t{i}).key("greedy").value(task[i].greedy);
            w.key("loglikelihood").begin_array();
            for (double value : task[i].log_likelihood) w.value(value);
            w.end_array().end_object();
        }
        w.end_array();
    }
    w.end_array().end_object();
}

class ShardReader {
  public:
    explicit ShardReader(const std::string &name) : name_(name) {}

    Evaluation read(const Json &json) {
        if (!json.find("adder_eval_shard")) bad_input("%s is no output of adder eval --shard", name_.c_str());
        integer(json, "adder_eval_shard", 1, 1);
        Evaluation e;
        e.shards = static_cast<uint32_t>(integer(json, "shards", 1, 1 << 20));
        e.shard = static_cast<uint32_t>(integer(json, "shard", 1, e.shards));
        e.interrupted = !member(json, "complete").boolean(what("complete"));
        e.window = static_cast<uint32_t>(integer(json, "window", 2, 1 << 30));
        e.stride = static_cast<uint32_t>(integer(json, "stride", 1, e.window));
        e.limit = static_cast<uint64_t>(integer(json, "limit", 0, max_count));
        for (const Json &text : list(json, "texts"))
            e.texts.push_back({string(text, "file"), count(text, "bytes"), count(text, "words"), crc(text)});
        for (const Json &task : list(json, "tasks")) e.tasks.push_back(read_task_facts(task));
        for (const Json &model : list(json, "models")) e.models.push_back(read_model(model, e));
        const int64_t models = static_cast<int64_t>(e.models.size());
        e.given = static_cast<size_t>(integer(json, "given", 1, models));
        e.base = static_cast<int>(integer(json, "base", -1, models - 1));
        if (e.base >= 0) check_base(e);
        return e;
    }

  private:
    std::string what(const char *key) const { return name_ + ": " + key; }
    const Json &member(const Json &object, const char *key) const {
        const Json *value = object.find(key);
        if (!value) bad_input("%s: %s is missing", name_.c_str(), key);
        return *value;
    }
    int64_t integer(const Json &object, const char *key, int64_t low, int64_t high) const {
        return member(object, key).integer(what(key), low, high);
    }
    uint64_t count(const Json &object, const char *key) const {
        return static_cast<uint64_t>(integer(object, key, 0, max_count));
    }
    uint32_t crc(const Json &object) const {
        return static_cast<uint32_t>(integer(object, "crc", 0, UINT32_MAX));
    }
    const std::string &string(const Json &object, const char *key) const {
        return member(object, key).string(what(key));
    }
    const std::vector<Json> &list(const Json &object, const char *key) const {
        return member(object, key).array(what(key));
    }

    TaskFacts read_task_facts(const Json &json) const {
        TaskFacts task{string(json, "name"), string(json, "file"), crc(json), count(json, "skipped"), {}, {}};
        for (const Json &lengths : list(json, "lengths")) {
            task.lengths.emplace_back();
            for (const Json &length : lengths.array(what("lengths")))
                task.lengths.back().push_back(
                    static_cast<uint32_t>(length.integer(what("lengths"), 1, INT32_MAX)));
        }
        for (const Json &label : list(json, "labels")) {
            if (task.labels.size() == task.lengths.size())
                bad_input("%s: more labels than lengths", name_.c_str());
            const int64_t choices = static_cast<int64_t>(task.lengths[task.labels.size()].size());
            const bool completes = label.integer(what("labels"), -1, choices - 1) < 0;
            task.labels.push_back(static_cast<int32_t>(label.integer(what("labels"), -1, choices - 1)));
            if (completes != task.completion() || choices < 1)
                bad_input("%s: labels contradict each other", name_.c_str());
        }
        if (task.labels.size() != task.lengths.size())
            bad_input("%s: fewer labels than lengths", name_.c_str());
        return task;
    }

    ModelResult read_model(const Json &json, const Evaluation &e) const {
        ModelResult model;
        ModelFacts &facts = model.facts;
        facts.path = string(json, "path");
        facts.kind = string(json, "kind");
        facts.isa = string(json, "isa");
        facts.fingerprint = string(json, "fingerprint");
        facts.parameters = count(json, "parameters");
        facts.bytes = count(json, "bytes");
        facts.bits_per_weight = member(json, "bits_per_weight").number(what("bits_per_weight"));
        model.tokens = count(json, "tokens");
        model.seconds = member(json, "seconds").number(what("seconds"));
        for (const Json &text : list(json, "texts")) model.texts.push_back(read_text(text));
        const std::vector<Json> &tasks = list(json, "tasks");
        if (model.texts.size() != e.texts.size() || tasks.size() != e.tasks.size())
            bad_input("%s: a model has other texts or tasks than the rest", name_.c_str());
        for (size_t t = 0; t < tasks.size(); ++t) model.tasks.push_back(read_examples(tasks[t], e.tasks[t]));
        return model;
    }

    TextResult read_text(const Json &json) const {
        TextResult text;
        text.tokens = count(json, "tokens");
        const int64_t windows = integer(json, "windows", 0, max_items);
        const std::vector<Json> &done = list(json, "done");
        text.windows.resize(static_cast<size_t>(windows));
        for (const Json &item : done) {
            WindowResult &window = text.windows[static_cast<size_t>(integer(item, "window", 0, windows - 1))];
            const std::vector<Json> &values = list(item, "blocks");
            if (values.empty() || values.size() % block_values != 0)
                bad_input("%s: blocks are cut", name_.c_str());
            size_t scored = 0;
            for (size_t i = 0; i < values.size(); i += block_values) {
                TextBlock block;
                block.scored = static_cast<uint32_t>(values[i].integer(what("blocks"), 1, block_tokens));
                block.same_top1 =
                    static_cast<uint32_t>(values[i + 1].integer(what("blocks"), 0, block.scored));
                block.nll = values[i + 2].number(what("blocks"));
                block.kl = values[i + 3].number(what("blocks"));
                scored += block.scored;
                window.blocks.push_back(block);
            }
            window.kl = floats_of(string(item, "kl"));
            if (!window.kl.empty() && window.kl.size() != scored) bad_input("%s: kl is cut", name_.c_str());
        }
        return text;
    }

    std::vector<float> floats_of(const std::string &hex) const {
        if (hex.size() % 8 != 0 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
            bad_input("%s: kl is no row of 8 hexadecimal digits each", name_.c_str());
        std::vector<float> values(hex.size() / 8);
        for (size_t i = 0; i < values.size(); ++i) {
            const auto bits = static_cast<uint32_t>(std::stoul(hex.substr(8 * i, 8), nullptr, 16));
            std::memcpy(&values[i], &bits, sizeof bits);
            if (!std::isfinite(values[i])) bad_input("%s: kl is not finite", name_.c_str());
        }
        return values;
    }

    std::vector<ExampleResult> read_examples(const Json &json, const TaskFacts &task) const {
        const int64_t count = static_cast<int64_t>(task.labels.size());
        std::vector<ExampleResult> examples(task.labels.size());
        for (const Json &item : json.array(what("tasks"))) {
            const auto index = static_cast<size_t>(integer(item, "example", 0, count - 1));
            ExampleResult &example = examples[index];
            example.greedy = member(item, "greedy").boolean(what("greedy"));
            example.log_likelihood.clear();
            for (const Json &value : list(item, "loglikelihood"))
                example.log_likelihood.push_back(value.number(what("loglikelihood")));
            if (example.log_likelihood.size() != task.lengths[index].size())
                bad_input("%s: example %zu of %s lacks choices", name_.c_str(), index, task.name.c_str());
        }
        return examples;
    }

    // What a model is compared with has to be there.
    void check_base(const Evaluation &e) const {
        for (const ModelResult &model : e.models)
            for (size_t t = 0; t < e.texts.size(); ++t) {
                const TextResult &base = e.models[static_cast<size_t>(e.base)].texts[t];
                if (model.texts[t].windows.size() != base.windows.size())
                    bad_input("%s: models have other windows than the base", name_.c_str());
                for (size_t w = 0; w < base.windows.size(); ++w)
                    if (model.texts[t].windows[w].blocks.size() != base.windows[w].blocks.size())
                        bad_input("%s: models have other windows than the base", name_.c_str());
            }
    }

    const std::string &name_;
};

// Names the first thing in which two parts differ; empty if they belong together.
std::string difference(const Evaluation &a, const Evaluation &b) {
    if (a.shards != b.shards) return "the number of shards";
    if (a.window != b.window || a.stride != b.stride) return "window or stride";
    if (a.limit != b.limit) return "the limit of examples";
    if (a.base != b.base || a.given != b.given || a.models.size() != b.models.size())
        return "the models or the base";
    if (a.texts.size() != b.texts.size() || a.tasks.size() != b.tasks.size()) return "the texts or tasks";
    for (size_t t = 0; t < a.texts.size(); ++t)
        if (a.texts[t].crc != b.texts[t].crc || a.texts[t].bytes != b.texts[t].bytes)
            return "the text " + b.texts[t].file;
    for (size_t t = 0; t < a.tasks.size(); ++t)
        if (a.tasks[t].name != b.tasks[t].name || a.tasks[t].crc != b.tasks[t].crc ||
            a.tasks[t].labels != b.tasks[t].labels || a.tasks[t].lengths != b.tasks[t].lengths)
            return "the task " + b.tasks[t].name;
    for (size_t m = 0; m < a.models.size(); ++m) {
        if (a.models[m].facts.fingerprint != b.models[m].facts.fingerprint)
            return "the model " + b.models[m].facts.path;
        for (size_t t = 0; t < a.texts.size(); ++t)
            if (a.models[m].texts[t].windows.size() != b.models[m].texts[t].windows.size())
                return "the tokens of " + b.texts[t].file;
    }
    return {};
}

}  // namespace

std::string write_shard(const Evaluation &evaluation) {
    JsonWriter w(false);
    w.begin_object().key("adder_eval_shard").value(1);
    w.key("shard").value(evaluation.shard).key("shards").value(evaluation.shards);
    w.key("complete").value(!evaluation.interrupted);
    w.key("window")
        .value(evaluation.window)
        .key("stride")
        .value(evaluation.stride)
        .key("limit")
        .value(evaluation.limit);
    w.key("base").value(evaluation.base).key("given").value(uint64_t{evaluation.given});
    w.key("texts").begin_array();
    for (const TextFacts &text : evaluation.texts) {
        w.begin_object().key("file").value(text.file).key("bytes").value(text.bytes);
        w.key("words").value(text.words).key("crc").value(text.crc).end_object();
    }
    w.end_array().key("tasks").begin_array();
    for (const TaskFacts &task : evaluation.tasks) {
        w.begin_object().key("name").value(task.name).key("file").value(task.file).key("crc").value(task.crc);
        w.key("skipped").value(task.skipped).key("labels").begin_array();
        for (int32_t label : task.labels) w.value(label);
        w.end_array().key("lengths").begin_array();
        for (const std::vector<uint32_t> &lengths : task.lengths) {
            w.begin_array();
            for (uint32_t length : lengths) w.value(length);
            w.end_array();
        }
        w.end_array().end_object();
    }
    w.end_array().key("models").begin_array();
    for (const ModelResult &model : evaluation.models) write_model(w, model);
    w.end_array().end_object();
    return w.text() + "\n";
}

Evaluation read_shard(std::string_view text, const std::string &name) {
    return ShardReader(name).read(Json::parse(text, name));
}

Evaluation merge_shards(std::vector<Evaluation> parts, const std::vector<std::string> &names) {
    std::vector<const std::string *> seen(parts.at(0).shards, nullptr);
    for (size_t p = 0; p < parts.size(); ++p) {
        const std::string differs = difference(parts[0], parts[p]);
        if (!differs.empty())
            bad_input("%s is no part of the same evaluation as %s: %s differs", names[p].c_str(),
                      names[0].c_str(), differs.c_str());
        if (parts[p].interrupted) bad_input("%s was interrupted: run that shard again", names[p].c_str());
        const std::string *&place = seen[parts[p].shard - 1];
        if (place) bad_input("%s and %s are both shard %u", place->c_str(), names[p].c_str(), parts[p].shard);
        place = &names[p];
    }
    for (size_t k = 0; k < seen.size(); ++k)
        if (!seen[k]) bad_input("shard %zu of %zu is missing", k + 1, seen.size());

    Evaluation whole = parts[0];
    for (size_t p = 1; p < parts.size(); ++p)
        for (size_t m = 0; m < whole.models.size(); ++m) {
            ModelResult &into = whole.models[m], &from = parts[p].models[m];
            into.tokens += from.tokens;
            into.seconds += from.seconds;
            if (into.facts.isa != from.facts.isa) into.facts.isa = "mixed";
            for (size_t t = 0; t < into.texts.size(); ++t)
                for (size_t w = 0; w < into.texts[t].windows.size(); ++w)
                    if (parts[p].mine(w)) into.texts[t].windows[w] = std::move(from.texts[t].windows[w]);
            for (size_t t = 0; t < into.tasks.size(); ++t)
                for (size_t i = 0; i < into.tasks[t].size(); ++i)
                    if (parts[p].mine(i)) into.tasks[t][i] = std::move(from.tasks[t][i]);
        }
    whole.shard = whole.shards = 1;
    return whole;
}

}  // namespace adder
