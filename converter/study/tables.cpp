// Tables and series of a study, and the report in text.
// SPDX-License-Identifier: MIT
#include "converter/study/tables.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"

namespace adder {
namespace {

std::vector<const StudyFinding *> findings_of(const Study &study, const Experiment &experiment) {
    std::vector<const StudyFinding *> list;
    for (const StudyFinding &finding : study.findings)
        if (finding.row.experiment == experiment.name) list.push_back(&finding);
    return list;
}

std::string with_error(const Estimate &e, int digits, const char *sign = "") {
    if (!std::isfinite(e.value)) return "-";
    if (std::fabs(e.value) >= 1e5) return format("%.2g", e.value);  // its error tells nothing
    const std::string value = (*sign != 0 && e.value >= 0 ? sign : "") + format("%.*f", digits, e.value);
    return std::isfinite(e.error) ? value + format(" ±%.*f", digits, e.error) : value;
}

std::string range_name(const PositionFinding &part) { return format("%u-%u", part.begin, part.end); }

EvalSection table_of_rows(const Study &study, const Experiment &experiment,
                          const std::vector<const StudyFinding *> &findings, size_t text) {
    const bool zeroed = findings[0]->row.zeroing.has_value(), rounded = findings[0]->row.state.has_value();
    std::vector<std::string> header = {"", experiment.at};
    if (!rounded) header.push_back(zeroed ? "channels" : "bits per weight");
    header.insert(header.end(), {"ppl %", "KL", "top-1 %"});
    TextTable table(header);
    double perplexity = std::nan("");
    for (const StudyFinding *finding : findings) {
        std::vector<std::string> cells = {finding->row.series, finding->row.at};
        if (finding->impossible.empty()) {
            const TextFinding &f = finding->texts[text];
            perplexity = f.float_perplexity;
            if (!rounded)
                cells.push_back(zeroed ? std::to_string(finding->channels)
                                       : format("%.2f", finding->bits_per_weight));
            cells.insert(cells.end(), {with_error(f.change_percent, 2, "+"), with_error(f.kl_mean, 5),
                                       with_error({100 * f.same_top1.value, 100 * f.same_top1.error}, 1)});
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
    std::vector<std::string> header = {"", "type"};
    for (const PositionFinding &part : findings[0]->positions[text]) header.push_back(range_name(part));
    TextTable table(header);
    for (const StudyFinding *finding : findings) {
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

// The different values of a row's text, in the order in which they come.
template <typename Value>
std::vector<std::string> distinct(const std::vector<const StudyFinding *> &findings, const Value &value) {
    std::vector<std::string> list;
    for (const StudyFinding *finding : findings)
        if (std::find(list.begin(), list.end(), value(*finding)) == list.end())
            list.push_back(value(*finding));
    return list;
}

StudyPlot plot_of_rows(const Study &study, const Experiment &experiment,
                       const std::vector<const StudyFinding *> &findings, size_t text) {
    StudyPlot plot{study.settings.valid[text].name,
                   experiment.at,
                   distinct(findings, [](const StudyFinding &f) { return f.row.at; }),
                   {}};
    for (const std::string &name : distinct(findings, [](const StudyFinding &f) { return f.row.series; })) {
        Series series{name, std::vector<double>(plot.places.size(), std::nan(""))};
        for (const StudyFinding *finding : findings) {
            if (finding->row.series != name || finding->texts.empty()) continue;
            const auto place = std::find(plot.places.begin(), plot.places.end(), finding->row.at);
            series.values[static_cast<size_t>(place - plot.places.begin())] =
                finding->texts[text].kl_mean.value;
        }
        plot.series.push_back(std::move(series));
    }
    return plot;
}

StudyPlot plot_by_position(const Study &study, const std::vector<const StudyFinding *> &findings, size_t text) {
    StudyPlot plot{study.settings.valid[text].name, "position", {}, {}};
    for (const PositionFinding &part : findings[0]->positions[text]) plot.places.push_back(range_name(part));
    for (const StudyFinding *finding : findings) {
        Series series{finding->row.series + ", " + finding->row.at, {}};
        for (const PositionFinding &part : finding->positions[text])
            series.values.push_back(part.finding.kl_mean.value);
        series.values.resize(plot.places.size(), std::nan(""));
        plot.series.push_back(std::move(series));
    }
    return plot;
}

}  // namespace

std::vector<EvalSection> study_tables(const Study &study, const Experiment &experiment) {
    const std::vector<const StudyFinding *> findings = findings_of(study, experiment);
    if (findings.empty()) return {};
    std::vector<EvalSection> tables;
    for (size_t text = 0; text < study.settings.valid.size(); ++text) {
        tables.push_back(table_of_rows(study, experiment, findings, text));
        if (findings[0]->row.state)
            for (bool kl : {true, false}) tables.push_back(table_by_position(study, findings, text, kl));
    }
    return tables;
}

std::vector<StudyPlot> study_plots(const Study &study, const Experiment &experiment) {
    const std::vector<const StudyFinding *> findings = findings_of(study, experiment);
    std::vector<StudyPlot> plots;
    if (findings.empty()) return plots;
    for (size_t text = 0; text < study.settings.valid.size(); ++text)
        plots.push_back(findings[0]->row.state ? plot_by_position(study, findings, text)
                                               : plot_of_rows(study, experiment, findings, text));
    return plots;
}

std::string study_text(const Study &study) {
    std::string text;
    for (const Experiment &experiment : experiments())
        for (const EvalSection &section : study_tables(study, experiment))
            text += (text.empty() ? "" : "\n") + section.title + "\n\n" + section.table.text();
    return text;
}

}  // namespace adder
