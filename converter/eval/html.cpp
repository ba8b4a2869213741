// The evaluation's report as one HTML page.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/base/paths.h"
#include "converter/eval/figures.h"
#include "converter/eval/report.h"
#include "converter/report/page.h"
#include "converter/report/scatter_plot.h"

namespace adder {
namespace {

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
    return html_figure(svg_scatter(plot), title + " against size");
}

}  // namespace

std::string eval_html(const Evaluation &evaluation, const std::string &made) {
    std::string html;
    if (evaluation.interrupted)
        html += "<p><strong>Interrupted: the figures are those of what was done.</strong></p>\n";
    html += html_paragraph("Figures with their standard errors.") + html_paragraph(made);
    std::vector<PageSection> sections;
    for (const EvalSection &section : eval_sections(evaluation))
        sections.push_back({section.title, html_table(section.table, section.title)});
    std::string pictures = "<div class=\"plots\">\n";
    for (size_t t = 0; t < evaluation.texts.size(); ++t)
        pictures += picture(evaluation, file_name(evaluation.texts[t].file), "perplexity of a token",
                            [&](size_t m) { return text_figures(evaluation, m, t).token; });
    const auto percent = [](const Estimate &e) { return Estimate{100 * e.value, 100 * e.error}; };
    for (size_t t = 0; t < evaluation.tasks.size(); ++t) {
        const std::string &name = evaluation.tasks[t].name;
        const bool norm = prints_acc_norm(name) && !evaluation.tasks[t].completion();
        pictures += picture(evaluation, name, norm ? "acc_norm, %" : "accuracy, %", [&](size_t m) {
            const TaskFigures f = task_figures(evaluation, m, t);
            return percent(norm ? *f.acc_norm : f.acc);
        });
    }
    if (literature_average(evaluation, 0))
        pictures += picture(evaluation, "average of the six tasks", "accuracy, %",
                            [&](size_t m) { return percent(*literature_average(evaluation, m)); });
    sections.push_back({"against size", pictures + "</div>\n"});
    return html_page("adder eval", html + html_sections(sections));
}

}  // namespace adder
