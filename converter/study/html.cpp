// The page of a study: what is asked, how it was done, a picture a text, tables, and the options of each row.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "converter/base/error.h"
#include "converter/report/page.h"
#include "converter/report/svg.h"
#include "converter/study/tables.h"

namespace adder {
namespace {

std::string names_of(const std::vector<StudySettings::Text> &texts) {
    std::string names;
    for (const StudySettings::Text &text : texts)
        names += format("%s%s (CRC-32 %08x)", names.empty() ? "" : ", ", text.name.c_str(), text.crc);
    return names;
}

std::string introduction(const StudySettings &s) {
    return html_paragraph(format(
               "Checkpoint %s, CRC-32 of its weights %08x, adder %s. Calibrated on %llu tokens "
               "of %s.",
               s.checkpoint.c_str(), s.weights_crc, s.version.c_str(),
               static_cast<unsigned long long>(s.calibration_tokens), names_of(s.calibration).c_str())) +
           html_paragraph(format("Evaluated on at most %llu tokens each of %s, in windows of %u, of %u for the "
                                 "precision of the state, each from an empty state.",
                                 static_cast<unsigned long long>(s.tokens), names_of(s.valid).c_str(),
                                 s.window, s.state_window)) +
           html_paragraph(
               "ppl %: change of perplexity against the checkpoint in float. KL: mean KL divergence from "
               "it in nats a token. top-1: share of positions where both find the same token most likely. "
               "After ±: one standard error. Conversions are run by the kernels that ship. Pictures show "
               "KL on a logarithmic axis; what is 0 has no place there.");
}

// Notes of the converter and what was not possible.
std::string remarks(const Study &study, const Experiment &experiment) {
    std::string html;
    for (const StudyFinding &finding : study.findings) {
        if (finding.row.experiment != experiment.name) continue;
        const std::string who = finding.row.series + ", " + finding.row.at + ": ";
        if (!finding.impossible.empty()) html += html_paragraph(who + finding.impossible);
        for (const std::string &note : finding.notes) html += html_paragraph(who + note);
    }
    return html.empty() ? "" : "<h3>Remarks</h3>\n" + html;
}

std::string commands(const Study &study, const Experiment &experiment) {
    TextTable table({"", experiment.at, "adder convert"});
    for (const StudyFinding &finding : study.findings) {
        if (finding.row.experiment != experiment.name || finding.row.convert.empty()) continue;
        std::string words;
        for (const std::string &word : finding.row.convert) words += (words.empty() ? "" : " ") + word;
        table.add({finding.row.series, finding.row.at, words});
    }
    return table.rows().size() == 1 ? "" : "<h3>Options of the conversions</h3>\n" + html_table(table);
}

}  // namespace

std::string study_html(const Study &study) {
    std::string html = introduction(study.settings);
    for (const Experiment &experiment : experiments()) {
        const std::vector<EvalSection> tables = study_tables(study, experiment);
        if (tables.empty()) continue;
        html += "<h2>" + xml_escape(experiment.title) + "</h2>\n" + html_paragraph(experiment.question) +
                html_paragraph(experiment.method) + "<div class=\"plots\">\n";
        for (const StudyPlot &plot : study_plots(study, experiment))
            html += "<figure>\n" +
                    svg_series(plot.title, plot.x_label, "KL, nats a token", plot.places, plot.series) +
                    "</figure>\n";
        html += "</div>\n";
        for (const EvalSection &section : tables)
            html += "<h3>" + xml_escape(section.title) + "</h3>\n" + html_table(section.table);
        html += remarks(study, experiment) + commands(study, experiment);
    }
    return html_page("A study of " + study.settings.checkpoint, html);
}

}  // namespace adder
