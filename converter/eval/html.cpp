// The evaluation's report as one HTML page.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/base/paths.h"
#include "converter/eval/figures.h"
#include "converter/eval/report.h"
#include "converter/report/scatter_plot.h"
#include "converter/report/svg.h"

namespace adder {
namespace {

constexpr char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>adder "
    "eval</title>\n<style>\n"
    "body { font-family: sans-serif; margin: 2em; color: #222; }\n"
    "table { border-collapse: collapse; margin: 0.5em 0 1.5em; font-variant-numeric: tabular-nums; }\n"
    "th, td { padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; "
    "}\n"
    "th:first-child, td:first-child { text-align: left; }\n"
    "figure { display: inline-block; margin: 0 1em 1em 0; }\n"
    "</style>\n</head>\n<body>\n<h1>adder eval</h1>\n";

std::string html_table(const TextTable &table) {
    std::string html = "<table>\n";
    for (size_t r = 0; r < table.rows().size(); ++r) {
        const char *cell = r == 0 ? "th" : "td";
        html += "<tr>";
        for (const std::string &text : table.rows()[r])
            html += format("<%s>", cell) + xml_escape(text) + format("</%s>", cell);
        html += "</tr>\n";
    }
    return html + "</table>\n";
}

// One figure of each model against its bits per weight.
template <typename Figure>
std::string picture(const Evaluation &evaluation, const std::string &title, const char *y_label,
                    const Figure &figure) {
    const std::vector<std::string> names = model_names(evaluation);
    Plot plot{title, "bits per weight", y_label, {}};
    for (size_t m = 0; m < evaluation.models.size(); ++m) {
        const Estimate e = figure(m);
        plot.points.push_back({names[m], evaluation.models[m].facts.bits_per_weight, e.value, e.error});
    }
    return "<figure>\n" + svg_scatter(plot) + "</figure>\n";
}

}  // namespace

std::string eval_html(const Evaluation &evaluation) {
    std::string html = head;
    if (evaluation.interrupted)
        html += "<p><strong>Interrupted: the figures are those of what was done.</strong></p>\n";
    html += "<p>Figures with their standard errors.</p>\n";
    for (const EvalSection &section : eval_sections(evaluation))
        html += "<h2>" + xml_escape(section.title) + "</h2>\n" + html_table(section.table);
    html += "<h2>against size</h2>\n";
    for (size_t t = 0; t < evaluation.texts.size(); ++t)
        html += picture(evaluation, file_name(evaluation.texts[t].file), "perplexity of a token",
                        [&](size_t m) { return text_figures(evaluation, m, t).token; });
    const auto percent = [](const Estimate &e) { return Estimate{100 * e.value, 100 * e.error}; };
    for (size_t t = 0; t < evaluation.tasks.size(); ++t) {
        const std::string &name = evaluation.tasks[t].name;
        const bool norm = prints_acc_norm(name) && !evaluation.tasks[t].completion();
        html += picture(evaluation, name, norm ? "acc_norm, %" : "accuracy, %", [&](size_t m) {
            const TaskFigures f = task_figures(evaluation, m, t);
            return percent(norm ? *f.acc_norm : f.acc);
        });
    }
    if (literature_average(evaluation, 0))
        html += picture(evaluation, "average of the six tasks", "accuracy, %",
                        [&](size_t m) { return percent(*literature_average(evaluation, m)); });
    return html + "</body>\n</html>\n";
}

}  // namespace adder
