// The page of adder outliers: a picture an input and layer, strips of persistence, tables.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "converter/base/error.h"
#include "converter/plan/names.h"
#include "converter/report/channel_plots.h"
#include "converter/report/page.h"
#include "converter/report/svg.h"
#include "converter/study/outliers_report.h"

namespace adder {
namespace {

std::string figure_of(const std::string &svg) { return "<figure>\n" + svg + "</figure>\n"; }

std::string title_of(const InputStatistics &input) {
    return input.role == Role::head ? "head" : format("%s, layer %u", role_name(input.role), input.block);
}

std::string channel_plots(const OutlierReport &report) {
    std::string html;
    for (Role role : roles_of(report.inputs)) {
        html += "<h3>input of " + std::string(role_name(role)) + "</h3>\n<div class=\"plots\">\n";
        for (const InputStatistics &input : report.inputs) {
            if (input.role != role) continue;
            std::vector<double> thresholds;
            for (double sigma : report.sigmas) thresholds.push_back(input.threshold(sigma));
            html += figure_of(svg_channels(title_of(input), input.absmax, thresholds));
        }
        html += "</div>\n";
    }
    return html;
}

std::string persistence_plots(const OutlierReport &report) {
    std::string html;
    for (Role role : roles_of(report.inputs)) {
        if (role == Role::head) continue;
        std::vector<std::vector<uint32_t>> outliers;
        uint32_t channels = 0;
        for (const InputStatistics &input : report.inputs)
            if (input.role == role) {
                channels = static_cast<uint32_t>(input.absmax.size());
                outliers.push_back(outlier_channels(input, report.sigmas[0]));
            }
        const bool any = std::any_of(outliers.begin(), outliers.end(),
                                     [](const std::vector<uint32_t> &layer) { return !layer.empty(); });
        if (!any) {
            html += html_paragraph(format("input of %s: no channel is beyond %g sigma in any layer.",
                                          role_name(role), report.sigmas[0]));
            continue;
        }
        html += figure_of(svg_persistence(
            format("input of %s, channels beyond %g sigma", role_name(role), report.sigmas[0]), channels,
            outliers));
    }
    return html;
}

}  // namespace

std::string outliers_html(const OutlierReport &report) {
    std::string texts, legend;
    for (const CalibrationText &text : report.texts) texts += (texts.empty() ? "" : ", ") + text.name;
    for (size_t i = 0; i < report.sigmas.size(); ++i)
        legend +=
            format("%s<svg width=\"10\" height=\"10\"><circle cx=\"5\" cy=\"5\" r=\"4\" class=\"%s\"/></svg> "
                   "beyond %g sigma",
                   i == 0 ? "" : ", ",
                   i == 0   ? "s4"
                   : i == 1 ? "s1"
                            : "s3",
                   report.sigmas[i]);
    const std::vector<EvalSection> tables = outlier_tables(report);
    std::string html =
        html_paragraph(format("%s (fingerprint %s), run in float over %llu tokens of %s in windows of %u.",
                              report.checkpoint.c_str(), report.fingerprint.c_str(),
                              static_cast<unsigned long long>(report.tokens), texts.c_str(), report.window));
    html += html_paragraph(outlier_definition());
    const auto add = [&](const EvalSection &table) {
        html += "<h3>" + xml_escape(table.title) + "</h3>\n" + html_table(table.table);
    };
    html += "<h2>Outlier channels</h2>\n";
    add(tables[1]);
    if (tables.size() > 2) {
        html += "<h2>Zeroing</h2>\n" +
                html_paragraph(
                    format("The float model with the outlier channels of one kind of input, or of all, "
                           "zeroed in all layers, beside as many channels of the same inputs drawn at "
                           "random among those that are no outliers (seed %llu). Change of perplexity, "
                           "mean KL divergence from the float model in nats a token, and share of equal "
                           "top-1 tokens, ± one standard error.",
                           static_cast<unsigned long long>(report.seed)));
        for (size_t i = 2; i < tables.size(); ++i) add(tables[i]);
    }
    html += "<h2>Persistence</h2>\n" +
            html_paragraph(
                "One row a layer, one place a channel; above, in how many layers a channel is an outlier.") +
            persistence_plots(report);
    html +=
        "<h2>Largest magnitude of every channel</h2>\n<p>Value against channel; the dashed line is the first "
        "threshold. " +
        legend + ".</p>\n" + channel_plots(report);
    html += "<h2>Statistics</h2>\n";
    add(tables[0]);
    return html_page("Outlier channels of " + report.checkpoint, html);
}

}  // namespace adder
