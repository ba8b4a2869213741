// Tables and JSON of outlier channels.
// SPDX-License-Identifier: MIT
#include "converter/study/outliers_report.h"
#include "converter/base/paths.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/plan/names.h"
#include "converter/text/json.h"
#include "converter/text/text_facts.h"

namespace adder {
namespace {

std::string place_name(const InputStatistics &input) {
    return input.role == Role::head ? "head" : format("%u %s", input.block, role_name(input.role));
}

std::string figure(double value) { return std::isfinite(value) ? format("%.3g", value) : "-"; }

EvalSection input_table(const OutlierReport &report) {
    std::vector<std::string> header = {"input", "channels",   "mean",     "deviation",
                                       "max",   "max/median", "kurtosis", "of values"};
    for (double sigma : report.sigmas) header.push_back(format("> %g sigma", sigma));
    TextTable table(header);
    for (const InputStatistics &input : report.inputs) {
        std::vector<std::string> row = {place_name(input),
                                        std::to_string(input.absmax.size()),
                                        figure(input.mean),
                                        figure(input.deviation),
                                        figure(input.highest),
                                        figure(input.highest_over_median()),
                                        figure(input.absmax_kurtosis),
                                        figure(input.value_kurtosis)};
        for (double sigma : report.sigmas)
            row.push_back(std::to_string(outlier_channels(input, sigma).size()));
        table.add(row);
    }
    return {"channels' largest magnitudes, by layer and input", table};
}

EvalSection kind_table(const OutlierReport &report) {
    std::vector<std::string> header = {"input", "channels"};
    for (double sigma : report.sigmas) {
        header.push_back(format("> %g sigma", sigma));
        header.push_back("share");
        header.push_back("in most layers");
    }
    TextTable table(header);
    for (Role role : roles_of(report.inputs)) {
        uint64_t channels = 0, layers = 0;
        for (const InputStatistics &input : report.inputs)
            if (input.role == role) {
                channels += input.absmax.size();
                ++layers;
            }
        std::vector<std::string> row = {role_name(role), std::to_string(channels)};
        for (double sigma : report.sigmas) {
            uint64_t count = 0;
            for (const InputStatistics &input : report.inputs)
                if (input.role == role) count += outlier_channels(input, sigma).size();
            const std::vector<Persistence> persistence = persistence_of(report.inputs, role, sigma);
            row.push_back(std::to_string(count));
            row.push_back(format("%.2f %%", 100 * static_cast<double>(count) / static_cast<double>(channels)));
            row.push_back(persistence.empty()
                              ? "-"
                              : format("%u: %u of %llu", persistence[0].channel, persistence[0].layers,
                                       static_cast<unsigned long long>(layers)));
        }
        table.add(row);
    }
    return {"outlier channels by kind of input, and the channel that is one in most layers", table};
}

std::string with_error(const Estimate &e, double scale, int digits) {
    if (!std::isfinite(e.error)) return format("%.*f", digits, scale * e.value);
    return format("%.*f ±%.*f", digits, scale * e.value, digits, scale * e.error);
}

EvalSection task_table(const ZeroingTest &zeroing, size_t task) {
    const TaskFigures base = task_figures(zeroing.evaluation, 0, task);
    TextTable table({"zeroed", "sigma", "channels", "outliers: acc %", "random: acc %"});
    for (size_t i = 0; i + 1 < zeroing.results.size(); i += 2) {
        const ZeroingResult &outliers = zeroing.results[i], &random = zeroing.results[i + 1];
        const ZeroingCase &c = outliers.zeroed;
        table.add({c.role ? role_name(*c.role) : "all", format("%g", c.sigma),
                   std::to_string(c.columns.count()), with_error(outliers.tasks[task].acc, 100, 1),
                   with_error(random.tasks[task].acc, 100, 1)});
    }
    return {format("zeroing on %s, %llu examples; as it is: accuracy %s %%",
                   zeroing.evaluation.tasks[task].name.c_str(), static_cast<unsigned long long>(base.n),
                   with_error(base.acc, 100, 1).c_str()),
            table};
}

void write_estimate(JsonWriter &json, const char *name, const Estimate &e, double scale = 1) {
    json.key(name).value(scale * e.value).key(std::string(name) + "_se").value(scale * e.error);
}

void write_zeroing(JsonWriter &json, const OutlierReport &report) {
    const ZeroingTest &zeroing = *report.zeroing;
    json.begin_object().key("seed").value(report.seed).key("window").value(zeroing.evaluation.window);
    json.key("texts").begin_array();
    for (size_t t = 0; t < zeroing.evaluation.texts.size(); ++t) {
        const TextFacts &facts = zeroing.evaluation.texts[t];
        const TextFigures f = text_figures(zeroing.evaluation, 0, t);
        json.begin_object().key("name").value(file_name(facts.file)).key("crc32").value(format("%08x", facts.crc));
        json.key("scored").value(f.scored);
        write_estimate(json, "float_perplexity", f.token);
        json.end_object();
    }
    json.end_array().key("tasks").begin_array();
    for (size_t t = 0; t < zeroing.evaluation.tasks.size(); ++t) {
        json.begin_object().key("name").value(zeroing.evaluation.tasks[t].name);
        write_estimate(json, "float_acc", task_figures(zeroing.evaluation, 0, t).acc);
        json.end_object();
    }
    json.end_array().key("rows").begin_array();
    for (const ZeroingResult &row : zeroing.results) {
        json.begin_object().key("input").value(row.zeroed.role ? role_name(*row.zeroed.role) : "all");
        json.key("sigma").value(row.zeroed.sigma).key("random").value(row.zeroed.random);
        json.key("channels").value(row.zeroed.columns.count()).key("texts").begin_array();
        for (const TextFigures &f : row.texts) {
            json.begin_object();
            write_estimate(json, "perplexity", f.token);
            write_estimate(json, "change_percent", f.change_percent);
            write_estimate(json, "kl_mean", f.kl_mean);
            write_estimate(json, "same_top1", f.same_top1);
            json.end_object();
        }
        json.end_array().key("tasks").begin_array();
        for (const TaskFigures &f : row.tasks) {
            json.begin_object();
            write_estimate(json, "acc", f.acc);
            json.end_object();
        }
        json.end_array().end_object();
    }
    json.end_array().end_object();
}

void write_input(JsonWriter &json, const InputStatistics &input, const std::vector<double> &sigmas) {
    json.begin_object().key("input").value(role_name(input.role));
    if (input.role != Role::head) json.key("layer").value(input.block);
    json.key("channels").value(static_cast<uint64_t>(input.absmax.size()));
    json.key("mean").value(input.mean).key("deviation").value(input.deviation);
    json.key("median").value(input.median).key("max").value(input.highest);
    json.key("max_over_median").value(input.highest_over_median());
    json.key("absmax_kurtosis").value(input.absmax_kurtosis).key("value_kurtosis").value(input.value_kurtosis);
    json.key("outliers").begin_array();
    for (double sigma : sigmas) {
        const std::vector<uint32_t> channels = outlier_channels(input, sigma);
        json.begin_object().key("sigma").value(sigma).key("threshold").value(input.threshold(sigma));
        json.key("share").value(static_cast<double>(channels.size()) /
                                static_cast<double>(input.absmax.size()));
        json.key("channels").begin_array();
        for (uint32_t channel : channels) json.value(channel);
        json.end_array().end_object();
    }
    json.end_array().key("absmax").begin_array();
    for (float v : input.absmax) json.value(v);
    json.end_array().end_object();
}

}  // namespace

std::string outlier_definition() {
    return "A channel is an outlier beyond k sigma if its largest magnitude over the text is above the mean "
           "of the "
           "channels' largest magnitudes in that input by more than k standard deviations. Of n channels "
           "none can be "
           "beyond sqrt(n - 1) sigma. A kurtosis of 3 is that of a normal distribution.";
}

EvalSection zeroing_table(const ZeroingTest &zeroing, size_t text) {
    TextTable table({"zeroed", "sigma", "channels", "outliers: ppl %", "KL", "top-1 %", "random: ppl %", "KL",
                     "top-1 %"});
    for (size_t i = 0; i + 1 < zeroing.results.size(); i += 2) {
        const ZeroingCase &c = zeroing.results[i].zeroed;
        std::vector<std::string> row = {c.role ? role_name(*c.role) : "all", format("%g", c.sigma),
                                        std::to_string(c.columns.count())};
        for (size_t k : {i, i + 1}) {
            const TextFigures &f = zeroing.results[k].texts[text];
            row.push_back(format("%+.2f ±%.2f", f.change_percent.value, f.change_percent.error));
            row.push_back(with_error(f.kl_mean, 1, 4));
            row.push_back(format("%.1f", 100 * f.same_top1.value));
        }
        table.add(row);
    }
    const TextFigures f = text_figures(zeroing.evaluation, 0, text);
    return {format("zeroing on %s, %llu tokens; as it is: perplexity %.3f",
                   file_name(zeroing.evaluation.texts[text].file).c_str(),
                   static_cast<unsigned long long>(f.scored), f.token.value),
            table};
}

std::vector<EvalSection> outlier_tables(const OutlierReport &report) {
    std::vector<EvalSection> tables = {input_table(report), kind_table(report)};
    if (!report.zeroing) return tables;
    for (size_t t = 0; t < report.zeroing->evaluation.texts.size(); ++t)
        tables.push_back(zeroing_table(*report.zeroing, t));
    for (size_t t = 0; t < report.zeroing->evaluation.tasks.size(); ++t)
        tables.push_back(task_table(*report.zeroing, t));
    return tables;
}

std::string outliers_text(const OutlierReport &report) {
    std::string text;
    for (const EvalSection &table : outlier_tables(report))
        text += (text.empty() ? "" : "\n") + table.title + "\n\n" + table.table.text();
    return text;
}

std::string outliers_json(const OutlierReport &report) {
    JsonWriter json;
    json.begin_object().key("checkpoint").value(report.checkpoint);
    json.key("fingerprint").value(report.fingerprint);
    json.key("definition").value(outlier_definition());
    json.key("calibration").begin_object().key("tokens").value(report.tokens);
    json.key("window").value(report.window);
    write_texts(json.key("texts"), report.texts);
    json.end_object();
    json.key("sigmas").begin_array();
    for (double sigma : report.sigmas) json.value(sigma);
    json.end_array().key("inputs").begin_array();
    for (const InputStatistics &input : report.inputs) write_input(json, input, report.sigmas);
    json.end_array().key("persistence").begin_array();
    for (Role role : roles_of(report.inputs))
        for (double sigma : report.sigmas) {
            json.begin_object().key("input").value(role_name(role)).key("sigma").value(sigma);
            json.key("channels").begin_array();
            for (const Persistence &p : persistence_of(report.inputs, role, sigma))
                json.begin_object().key("channel").value(p.channel).key("layers").value(p.layers).end_object();
            json.end_array().end_object();
        }
    json.end_array();
    if (report.zeroing) write_zeroing(json.key("zeroing"), report);
    json.end_object();
    return json.text() + "\n";
}

}  // namespace adder
