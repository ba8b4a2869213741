// The machine's forms of an evaluation's report: JSON and CSV.
// SPDX-License-Identifier: MIT
#include <charconv>
#include <cmath>

#include "converter/base/paths.h"
#include "converter/eval/figures.h"
#include "converter/eval/report.h"
#include "converter/text/json.h"

namespace adder {
namespace {

void write_estimate(JsonWriter &w, const std::string &name, const Estimate &e) {
    w.key(name).value(e.value);
    w.key(name + "_se").value(e.error);
}

void write_optional(JsonWriter &w, const std::string &name, const std::optional<Estimate> &e) {
    write_estimate(w, name, e.value_or(Estimate{}));
}

void write_text(JsonWriter &w, const Evaluation &evaluation, size_t model, size_t text) {
    const TextFigures f = text_figures(evaluation, model, text);
    w.begin_object();
    w.key("file").value(evaluation.texts[text].file);
    w.key("tokens").value(f.tokens).key("scored").value(f.scored);
    w.key("windows").value(f.windows).key("windows_done").value(f.windows_done);
    write_estimate(w, "token", f.token);
    write_estimate(w, "word", f.word);
    write_estimate(w, "bits_per_byte", f.bits_per_byte);
    if (f.compared) {
        write_estimate(w, "change_percent", f.change_percent);
        write_estimate(w, "kl_mean", f.kl_mean);
        w.key("kl_99").value(f.kl_99).key("kl_max").value(f.kl_max);
        write_estimate(w, "same_top1", f.same_top1);
    }
    w.end_object();
}

void write_task(JsonWriter &w, const Evaluation &evaluation, size_t model, size_t task) {
    const TaskFacts &facts = evaluation.tasks[task];
    const std::vector<ExampleResult> &examples = evaluation.models[model].tasks[task];
    const TaskFigures f = task_figures(evaluation, model, task);
    w.begin_object();
    w.key("name").value(facts.name).key("file").value(facts.file);
    w.key("n").value(f.n).key("examples").value(uint64_t{examples.size()}).key("skipped").value(facts.skipped);
    write_estimate(w, "acc", f.acc);
    write_optional(w, "acc_norm", f.acc_norm);
    write_optional(w, "perplexity", f.perplexity);
    if (f.compared) {
        write_estimate(w, "acc_change", f.acc_change);
        write_optional(w, "acc_norm_change", f.acc_norm_change);
    }
    // One number an example, or one list; null where it was not done.
    w.key("loglikelihood").begin_array();
    for (const ExampleResult &example : examples) {
        if (example.log_likelihood.empty()) {
            w.null();
        } else if (facts.completion()) {
            w.value(example.log_likelihood[0]);
        } else {
            w.begin_array();
            for (double value : example.log_likelihood) w.value(value);
            w.end_array();
        }
    }
    w.end_array();
    if (facts.completion()) {
        w.key("greedy").begin_array();
        for (const ExampleResult &example : examples)
            example.log_likelihood.empty() ? w.null() : w.value(example.greedy ? 1 : 0);
        w.end_array();
    }
    w.end_object();
}

void write_model(JsonWriter &w, const Evaluation &evaluation, size_t m) {
    const ModelResult &model = evaluation.models[m];
    w.begin_object();
    w.key("path").value(model.facts.path).key("kind").value(model.facts.kind).key("isa").value(model.facts.isa);
    w.key("is_base").value(evaluation.base == static_cast<int>(m));
    w.key("fingerprint").value(model.facts.fingerprint);
    w.key("parameters").value(model.facts.parameters).key("bytes").value(model.facts.bytes);
    w.key("bits_per_weight").value(model.facts.bits_per_weight);
    w.key("tokens").value(model.tokens).key("seconds").value(model.seconds);
    w.key("tokens_per_second").value(model.tokens_per_second());
    w.key("perplexity").begin_array();
    for (size_t t = 0; t < evaluation.texts.size(); ++t) write_text(w, evaluation, m, t);
    w.end_array();
    w.key("tasks").begin_array();
    for (size_t t = 0; t < evaluation.tasks.size(); ++t) write_task(w, evaluation, m, t);
    w.end_array();
    if (const std::optional<Estimate> average = literature_average(evaluation, m))
        write_estimate(w, "average", *average);
    w.end_object();
}

// One column of the CSV.
struct Column {
    std::string name, value;
};

std::string number(double value) {
    if (!std::isfinite(value)) return "";
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

void add_estimate(std::vector<Column> *row, const std::string &name, const std::optional<Estimate> &e) {
    row->push_back({name, number(e.value_or(Estimate{}).value)});
    row->push_back({name + " se", number(e.value_or(Estimate{}).error)});
}

std::vector<Column> csv_row(const Evaluation &evaluation, size_t m) {
    const ModelFacts &facts = evaluation.models[m].facts;
    std::vector<Column> row = {{"model", facts.path},
                               {"kind", facts.kind},
                               {"base", evaluation.base == static_cast<int>(m) ? "1" : "0"},
                               {"parameters", std::to_string(facts.parameters)},
                               {"bytes", std::to_string(facts.bytes)},
                               {"bits_per_weight", number(facts.bits_per_weight)},
                               {"tokens_per_second", number(evaluation.models[m].tokens_per_second())}};
    for (size_t t = 0; t < evaluation.texts.size(); ++t) {
        const std::string name = file_name(evaluation.texts[t].file) + " ";
        const TextFigures f = text_figures(evaluation, m, t);
        row.push_back({name + "scored", std::to_string(f.scored)});
        add_estimate(&row, name + "token", f.token);
        add_estimate(&row, name + "word", f.word);
        add_estimate(&row, name + "bits_per_byte", f.bits_per_byte);
        if (evaluation.base < 0) continue;
        const auto only = [&](const Estimate &e) {
            return f.compared ? std::optional<Estimate>(e) : std::nullopt;
        };
        add_estimate(&row, name + "change_percent", only(f.change_percent));
        add_estimate(&row, name + "kl_mean", only(f.kl_mean));
        row.push_back({name + "kl_99", f.compared ? number(f.kl_99) : ""});
        row.push_back({name + "kl_max", f.compared ? number(f.kl_max) : ""});
        add_estimate(&row, name + "same_top1", only(f.same_top1));
    }
    for (size_t t = 0; t < evaluation.tasks.size(); ++t) {
        const std::string name = evaluation.tasks[t].name + " ";
        const TaskFigures f = task_figures(evaluation, m, t);
        row.push_back({name + "n", std::to_string(f.n)});
        add_estimate(&row, name + "acc", f.acc);
        add_estimate(&row, name + "acc_norm", f.acc_norm);
        add_estimate(&row, name + "perplexity", f.perplexity);
        if (evaluation.base >= 0) add_estimate(&row, name + "acc_change", f.acc_change);
    }
    if (const auto average = literature_average(evaluation, m)) add_estimate(&row, "average", average);
    return row;
}

}  // namespace

std::string eval_json(const Evaluation &evaluation) {
    JsonWriter w;
    w.begin_object();
    w.key("window").value(evaluation.window).key("stride").value(evaluation.stride);
    w.key("limit").value(evaluation.limit);
    w.key("complete").value(!evaluation.interrupted);
    if (evaluation.base >= 0)
        w.key("base").value(evaluation.models[static_cast<size_t>(evaluation.base)].facts.path);
    w.key("models").begin_array();
    for (size_t m = 0; m < evaluation.given; ++m) write_model(w, evaluation, m);
    w.end_array();
    if (evaluation.given < evaluation.models.size())
        write_model(w.key("base_model"), evaluation, evaluation.given);
    w.end_object();
    return w.text() + "\n";
}

std::string eval_csv(const Evaluation &evaluation) {
    std::string header, lines;
    for (size_t m = 0; m < evaluation.models.size(); ++m) {
        std::string line;
        for (const Column &column : csv_row(evaluation, m)) {
            if (m == 0) header += (header.empty() ? "" : ",") + csv_field(column.name);
            line += (line.empty() ? "" : ",") + csv_field(column.value);
        }
        lines += line + "\r\n";
    }
    return header + "\r\n" + lines;
}

}  // namespace adder
