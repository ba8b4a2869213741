// The page of a study: what is asked, how it was done, a picture a text, tables, and the options of each row.
// SPDX-License-Identifier: MIT

#include "converter/base/error.h"
#include "converter/report/page.h"
#include "converter/report/series_plot.h"
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

// What all studies of a page have in common, and each checkpoint.
std::string introduction(const std::vector<Study> &studies, const std::string &made) {
    const StudySettings &s = studies[0].settings;
    std::vector<std::string> checkpoints;
    for (const Study &study : studies)
        checkpoints.push_back(format("%s, CRC-32 of its weights %08x", study.settings.checkpoint.c_str(),
                                     study.settings.weights_crc));
    return html_list(checkpoints) +
           html_paragraph(format(
               "Calibrated on %llu tokens of %s. Evaluated on at most %llu tokens each of %s, in windows of "
               "%u, of %u for the precision of the state, each from an empty state.",
               static_cast<unsigned long long>(s.calibration_tokens), names_of(s.calibration).c_str(),
               static_cast<unsigned long long>(s.tokens), names_of(s.valid).c_str(), s.window,
               s.state_window)) +
           (s.tasks.empty()
                ? std::string()
                : html_paragraph("Tasks: " + names_of(s.tasks) +
                                 (s.task_limit == 0 ? std::string(", all examples.")
                                                    : format(", the first %llu examples of each.",
                                                             static_cast<unsigned long long>(s.task_limit))))) +
           html_paragraph(
               "Perplexity, %: its change against the same checkpoint in float. KL: mean KL divergence from it in nats a "
               "token. Same top-1: share of positions where both find the same token most likely. After ±: one standard "
               "error. Conversions are run by the kernels that ship. Pictures show KL on a logarithmic axis; what is 0 has "
               "no place there. Sentences with a bar beside them are made from the figures, means of the texts.") +
           (studies.size() == 1
                ? std::string()
                : html_paragraph("What quantization costs is compared within each model. The models' "
                                 "perplexities tell nothing of the architectures: they were not trained "
                                 "alike.")) +
           html_paragraph(made);
}

// Notes of the converter and what was not possible.
std::string remarks(const Study &study, const Experiment &experiment) {
    std::vector<std::string> items;
    for (const StudyFinding *finding : findings_of(study, experiment.name)) {
        const std::string who = finding->row.series + ", " + finding->row.at + ": ";
        if (!finding->impossible.empty()) items.push_back(who + finding->impossible);
        for (const std::string &note : finding->notes) items.push_back(who + note);
    }
    return items.empty() ? "" : "<h3>Remarks</h3>\n" + html_list(items);
}

std::string commands(const Study &study, const Experiment &experiment) {
    TextTable table({experiment.series, experiment.at, "adder convert"});
    for (const StudyFinding *finding : findings_of(study, experiment.name)) {
        if (finding->row.convert.empty()) continue;
        std::string words;
        for (const std::string &word : finding->row.convert) words += (words.empty() ? "" : " ") + word;
        table.add({finding->row.series, finding->row.at, words});
    }
    return table.rows().size() == 1 ? "" : "<h3>Options of the conversions</h3>\n" + html_table(table);
}

PageSection section_of(const std::vector<Study> &studies, const Experiment &experiment,
                       const std::vector<EvalSection> &tables) {
    std::string html = html_paragraph(experiment.question) + html_paragraph(experiment.method);
    std::string found;
    for (const std::string &sentence : study_conclusions(studies, experiment))
        found += html_paragraph(sentence);
    if (!found.empty()) html += "<div class=\"found\">\n" + found + "</div>\n";
    const std::vector<StudyPlot> plots = study_plots(studies, experiment);
    if (!plots.empty()) html += "<div class=\"plots\">\n";
    for (const StudyPlot &plot : plots)
        html += html_figure(svg_series(plot.title, plot.x_label, "KL, nats a token", plot.places, plot.series),
                            experiment.name + std::string(" ") + plot.title);
    if (!plots.empty()) html += "</div>\n";
    for (const EvalSection &section : tables)
        html += "<h3>" + xml_escape(section.title) + "</h3>\n" +
                html_table(section.table, experiment.name + std::string(" ") + section.title);
    if (studies.size() == 1) html += remarks(studies[0], experiment) + commands(studies[0], experiment);
    return {experiment.title, html + html_paragraph(std::string("Sources: ") + experiment.sources + ".")};
}

}  // namespace

std::string study_html(const std::vector<Study> &studies, const std::string &made) {
    std::string title, pages;
    for (const Study &study : studies) {
        const std::string &name = study.settings.checkpoint;
        title += (title.empty() ? "" : ", ") + name;
        pages += "<li><a href=\"" + xml_escape(name) + "/study.html\">" + xml_escape(name) + "</a></li>\n";
    }
    std::vector<PageSection> sections;
    for (const Experiment &experiment : experiments()) {
        const std::vector<EvalSection> tables = study_tables(studies, experiment);
        if (!tables.empty()) sections.push_back(section_of(studies, experiment, tables));
    }
    if (studies.size() > 1)
        sections.push_back({"Each model by itself",
                            html_paragraph("With all rows, remarks and options of the conversions:") +
                                "<ul>\n" + pages + "</ul>\n"});
    return html_page((studies.size() == 1 ? "A study of " : "A study of several models: ") + title,
                     introduction(studies, made) + html_sections(sections));
}

}  // namespace adder
