// Tables of studies, and the report in text.
// SPDX-License-Identifier: MIT
#include "converter/study/tables.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "converter/base/error.h"

namespace adder {
namespace {

std::string with_error(const Estimate &e, int digits, const char *sign = "") {
    if (!std::isfinite(e.value)) return "-";
    if (std::fabs(e.value) >= 1e5) return format("%.2g", e.value);  // its error tells nothing
    const std::string value = (*sign != 0 && e.value >= 0 ? sign : "") + format("%.*f", digits, e.value);
    return std::isfinite(e.error) ? value + format(" ±%.*f", digits, e.error) : value;
}

Estimate percent(const Estimate &e) { return {100 * e.value, 100 * e.error}; }

const char changed[] = "perplexity, %", diverged[] = "KL";

// Rows of no channels say nothing: the model is as it was.
bool is_shown(const StudyFinding &finding) { return !finding.row.zeroing || finding.channels > 0; }

EvalSection table_of_rows(const Study &study, const Experiment &experiment, size_t text) {
    const std::vector<const StudyFinding *> findings = findings_of(study, experiment.name);
    const bool zeroed = findings[0]->row.zeroing.has_value(), rounded = findings[0]->row.state.has_value();
    std::vector<std::string> header = {experiment.series, experiment.at};
    if (!rounded) header.push_back(zeroed ? "channels" : "bits per weight");
    header.insert(header.end(), {changed, diverged, "same top-1, %"});
    TextTable table(header);
    double perplexity = std::nan("");
    for (const StudyFinding *finding : findings) {
        if (!is_shown(*finding)) continue;
        std::vector<std::string> cells = {finding->row.series, finding->row.at};
        if (finding->impossible.empty()) {
            const TextFinding &f = finding->texts[text];
            perplexity = f.float_perplexity;
            if (!rounded)
                cells.push_back(zeroed ? std::to_string(finding->channels)
                                       : format("%.2f", finding->bits_per_weight));
            cells.insert(cells.end(), {with_error(f.change_percent, 2, "+"), with_error(f.kl_mean, 5),
                                       with_error(percent(f.same_top1), 1)});
        }
        cells.resize(header.size(), "not possible");
        table.add(cells);
    }
    return {format("%s: %s, in float perplexity %.3f", experiment.title,
                   study.settings.valid[text].name.c_str(), perplexity),
            table};
}

// What a text's positions cost; one row a rounding.
EvalSection table_by_position(const Study &study, const std::vector<const StudyFinding *> &findings,
                              size_t text, bool kl) {
    std::vector<std::string> header = {"state", "type"};
    for (const PositionFinding &part : findings[0]->positions[text]) header.push_back(range_name(part));
    TextTable table(header);
    for (const StudyFinding *finding : findings) {
        if (finding->row.state->type == RoundedType::f32) continue;
        std::vector<std::string> cells = {finding->row.series, finding->row.at};
        for (const PositionFinding &part : finding->positions[text]) {
            const Estimate &kl_mean = part.finding.kl_mean;
            cells.push_back(kl ? with_error({1e6 * kl_mean.value, 1e6 * kl_mean.error}, 2)
                               : with_error(part.finding.change_percent, 2, "+"));
        }
        cells.resize(header.size(), "-");
        table.add(cells);
    }
    return {study.settings.valid[text].name + (kl ? ": KL by position, millionths of a nat a token"
                                                  : ": change of perplexity by position, %"),
            table};
}

// ---- Inputs and tasks: the same for one study and for several ----------------------------------------------------------

std::string owners_text(const InputFinding &found) {
    std::string text;
    for (const InputFinding::Owner &owner : found.owners)
        text += format("%s'%s' %llu", text.empty() ? "" : ", ", owner.token.c_str(),
                       static_cast<unsigned long long>(owner.channels));
    return text.empty() ? "-" : text;
}

std::string figure(double value, int digits) {
    return std::isfinite(value) ? format("%.*g", digits, value) : "-";
}

EvalSection table_of_inputs(const std::vector<Study> &studies) {
    std::vector<std::string> header = {"model", "input of", "channels"};
    for (const double sigma : study_sigmas) header.push_back(format("beyond %g sigma, %%", sigma));
    header.insert(header.end(), {"largest over median", "where", "kurtosis of magnitudes", "in most layers",
                                 "first token's", "tokens that have them"});
    TextTable table(header);
    for (const Study &study : studies)
        for (const StudyFinding *finding : findings_of(study, "inputs")) {
            const InputFinding &f = *finding->input;
            std::vector<std::string> cells = {study.settings.checkpoint, finding->row.series,
                                              std::to_string(f.channels)};
            for (const uint64_t count : f.outliers)
                cells.push_back(
                    format("%.2f", 100 * static_cast<double>(count) / static_cast<double>(f.channels)));
            cells.push_back(figure(f.highest_over_median, 4));
            cells.push_back(f.at);
            cells.push_back(figure(f.absmax_kurtosis, 3));
            cells.push_back(f.persistent_layers == 0
                                ? "-"
                                : format("%u: %llu of %llu", f.persistent_channel,
                                         static_cast<unsigned long long>(f.persistent_layers),
                                         static_cast<unsigned long long>(f.layers)));
            cells.push_back(f.owners.empty() ? "-" : std::to_string(f.first_positions));
            cells.push_back(owners_text(f));
            table.add(cells);
        }
    return {"Channels of the inputs on the calibration text", table};
}

EvalSection table_of_tasks(const std::vector<Study> &studies) {
    const std::vector<StudySettings::Text> &tasks = studies[0].settings.tasks;
    std::vector<std::string> header = {"model", "recipe", "configuration"};
    for (const StudySettings::Text &task : tasks) header.push_back(task.name + ", %");
    header.insert(header.end(), {"mean, %", "mean of the changes"});
    TextTable table(header);
    const auto add = [&](const std::string &model, const std::string &series, const std::string &at,
                         const std::vector<TaskFinding> &found, bool as_float) {
        std::vector<std::string> cells = {model, series, at};
        double sum = 0, change = 0, variance = 0;
        for (const TaskFinding &f : found) {
            const Estimate &score = as_float ? f.float_score : f.score;
            cells.push_back(with_error(percent(score), 1));
            sum += 100 * score.value;
            change += 100 * f.change.value;
            variance += 1e4 * f.change.error * f.change.error;
        }
        const double n = static_cast<double>(found.size());
        cells.push_back(format("%.1f", sum / n));
        cells.push_back(as_float ? "" : with_error({change / n, std::sqrt(variance) / n}, 2, "+"));
        table.add(cells);
    };
    for (const Study &study : studies) {
        bool first = true;
        for (const StudyFinding *finding : findings_of(study, "tasks")) {
            if (!finding->impossible.empty()) continue;
            if (first) add(study.settings.checkpoint, "float", "", finding->tasks, true);
            first = false;
            add(study.settings.checkpoint, finding->row.series, finding->row.at, finding->tasks, false);
        }
    }
    return {"Zero-shot accuracy", table};
}

// ---- Several studies side by side --------------------------------------------------------------------------------------

// One row for each pair of series and place that some study has; a change of perplexity and a divergence of each.
EvalSection side_by_side(const std::vector<Study> &studies, const Experiment &experiment, size_t text) {
    std::vector<std::string> header = {experiment.series, experiment.at};
    std::vector<std::pair<std::string, std::string>> rows;
    for (const Study &study : studies) {
        header.push_back(study.settings.checkpoint + ": " + changed);
        header.push_back(study.settings.checkpoint + ": " + diverged);
        for (const StudyFinding *finding : findings_of(study, experiment.name)) {
            const std::pair<std::string, std::string> row = {finding->row.series, finding->row.at};
            if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
        }
    }
    TextTable table(header);
    for (const auto &[series, at] : rows) {
        std::vector<std::string> cells = {series, at};
        for (const Study &study : studies) {
            std::string change = "-", kl = "-";
            for (const StudyFinding *finding : findings_of(study, experiment.name)) {
                if (finding->row.series != series || finding->row.at != at) continue;
                if (!finding->impossible.empty()) {
                    change = "not possible";
                    continue;
                }
                change = with_error(finding->texts[text].change_percent, 2, "+");
                kl = with_error(finding->texts[text].kl_mean, 5);
            }
            cells.push_back(change);
            cells.push_back(kl);
        }
        table.add(cells);
    }
    return {experiment.title + std::string(": ") + studies[0].settings.valid[text].name, table};
}

// Smoothing: what each input loses without it and at best. Outliers: what those beyond each sigma are worth. Tensors: all series.
EvalSection summary(const std::vector<Study> &studies, const Experiment &experiment, size_t text) {
    const bool alpha = experiment.name == std::string("alpha");
    TextTable table(
        alpha ? std::vector<std::string>{"model", "input of", "KL without", "best alpha", "KL with it",
                                         "perplexity with it, %"}
              : std::vector<std::string>{"model", experiment.series, experiment.at, changed, diverged});
    for (const Study &study : studies) {
        std::map<std::string, std::pair<const StudyFinding *, const StudyFinding *>> found;  // none, best
        std::vector<std::string> order;
        for (const StudyFinding *finding : findings_of(study, experiment.name)) {
            if (!finding->impossible.empty() || !is_shown(*finding)) continue;
            const StudyRow &row = finding->row;
            const TextFinding &f = finding->texts[text];
            if (!alpha) {
                table.add({study.settings.checkpoint, row.series, row.at,
                           with_error(f.change_percent, 2, "+"), with_error(f.kl_mean, 5)});
                continue;
            }
            auto &[none, best] = found[row.series];
            if (none == nullptr && best == nullptr) order.push_back(row.series);
            if (row.at == "0") none = finding;
            if (row.at != "0" && (best == nullptr || f.kl_mean.value < best->texts[text].kl_mean.value))
                best = finding;
        }
        for (const std::string &series : order) {
            const auto &[none, best] = found[series];
            if (none == nullptr || best == nullptr) continue;
            const TextFinding &f = best->texts[text];
            table.add({study.settings.checkpoint, series, with_error(none->texts[text].kl_mean, 5),
                       best->row.at, with_error(f.kl_mean, 5), with_error(f.change_percent, 2, "+")});
        }
    }
    return {experiment.title + std::string(": ") + studies[0].settings.valid[text].name, table};
}

}  // namespace

std::vector<const StudyFinding *> findings_of(const Study &study, const std::string &experiment) {
    std::vector<const StudyFinding *> list;
    for (const StudyFinding &finding : study.findings)
        if (finding.row.experiment == experiment) list.push_back(&finding);
    return list;
}

std::vector<Study> studies_with(const std::vector<Study> &studies, const Experiment &experiment) {
    std::vector<Study> with;
    for (const Study &study : studies)
        if (!findings_of(study, experiment.name).empty()) with.push_back(study);
    return with;
}

std::string range_name(const PositionFinding &part) { return format("%u-%u", part.begin, part.end); }

std::vector<EvalSection> study_tables(const std::vector<Study> &studies, const Experiment &experiment) {
    const std::vector<Study> with = studies_with(studies, experiment);
    if (with.empty()) return {};
    if (experiment.name == std::string("inputs")) return {table_of_inputs(with)};
    if (experiment.name == std::string("tasks")) return {table_of_tasks(with)};
    std::vector<EvalSection> tables;
    for (size_t text = 0; text < with[0].settings.valid.size(); ++text) {
        if (studies.size() > 1) {
            tables.push_back(experiment.by_tensor ? summary(with, experiment, text)
                                                  : side_by_side(with, experiment, text));
            continue;
        }
        tables.push_back(table_of_rows(with[0], experiment, text));
        const std::vector<const StudyFinding *> findings = findings_of(with[0], experiment.name);
        if (findings[0]->row.state)
            for (bool kl : {true, false}) tables.push_back(table_by_position(with[0], findings, text, kl));
    }
    return tables;
}

std::string study_text(const std::vector<Study> &studies) {
    std::string text;
    for (const Experiment &experiment : experiments()) {
        const std::vector<EvalSection> tables = study_tables(studies, experiment);
        for (const EvalSection &section : tables)
            text += (text.empty() ? "" : "\n") + section.title + "\n\n" + section.table.text();
        if (tables.empty()) continue;
        text += "\n";
        for (const std::string &sentence : study_conclusions(studies, experiment)) text += sentence + "\n";
    }
    return text;
}

}  // namespace adder
