// Sections of tables, and the terminal's form of them.
// SPDX-License-Identifier: MIT
#include "converter/eval/report.h"

#include <cmath>
#include <set>

#include "converter/base/error.h"
#include "converter/base/paths.h"
#include "converter/eval/figures.h"

namespace adder {
namespace {

// "18.57 ±0.12"; the error is left out where there is none.
std::string with_error(const Estimate &e, int digits, double scale = 1.0, bool sign = false) {
    if (!std::isfinite(e.value)) return "-";
    std::string text = format(sign ? "%+.*f" : "%.*f", digits, e.value * scale);
    if (std::isfinite(e.error)) text += format(" ±%.*f", digits, e.error * scale);
    return text;
}

EvalSection models_section(const Evaluation &evaluation, const std::vector<std::string> &names) {
    EvalSection section{"models",
                        TextTable({"model", "kind", "isa", "parameters", "MB", "bits/weight", "tokens/s"})};
    for (size_t m = 0; m < evaluation.models.size(); ++m) {
        const ModelResult &model = evaluation.models[m];
        section.table.add(
            {names[m], model.facts.kind, model.facts.isa, std::to_string(model.facts.parameters),
             format("%.2f", static_cast<double>(model.facts.bytes) * 1e-6),
             format("%.2f", model.facts.bits_per_weight), format("%.0f", model.tokens_per_second())});
    }
    return section;
}

EvalSection text_section(const Evaluation &evaluation, size_t text, const std::vector<std::string> &names) {
    const TextFacts &facts = evaluation.texts[text];
    std::vector<std::string> header = {"model", "tokens", "token ppl", "word ppl", "bits/byte"};
    if (evaluation.base >= 0)
        for (const char *column : {"ppl +%", "KL mean", "KL 99 %", "KL max", "same top-1 %"})
            header.push_back(column);
    EvalSection section{
        file_name(facts.file) + ": windows of " + std::to_string(evaluation.window) + " tokens" +
            (evaluation.stride != evaluation.window ? ", every " + std::to_string(evaluation.stride) : ""),
        TextTable(header)};
    bool partial = false;
    for (size_t m = 0; m < evaluation.models.size(); ++m) {
        const TextFigures f = text_figures(evaluation, m, text);
        partial |= f.windows_done < f.windows;
        std::vector<std::string> row = {names[m], std::to_string(f.scored), with_error(f.token, 3),
                                        with_error(f.word, 2), with_error(f.bits_per_byte, 4)};
        if (f.compared)
            for (const std::string &cell :
                 {with_error(f.change_percent, 2, 1, true), with_error(f.kl_mean, 5), format("%.4f", f.kl_99),
                  format("%.3f", f.kl_max), with_error(f.same_top1, 2, 100)})
                row.push_back(cell);
        section.table.add(row);
    }
    if (partial) section.title += " (a part of the text only)";
    return section;
}

// Per cent: the figure that the literature prints, the other one in brackets, and the change from the base.
std::string task_cell(const TaskFigures &f, const std::string &name) {
    if (f.n == 0) return "-";
    const bool norm = prints_acc_norm(name) && f.acc_norm;
    std::string cell = with_error(norm ? *f.acc_norm : f.acc, 2, 100);
    if (f.compared) cell += " (" + with_error(norm ? *f.acc_norm_change : f.acc_change, 2, 100, true) + ")";
    return cell;
}

EvalSection tasks_section(const Evaluation &evaluation, const std::vector<std::string> &names) {
    std::vector<std::string> header = {"model"};
    for (const TaskFacts &task : evaluation.tasks) {
        if (task.completion()) header.push_back(task.name + " ppl");
        header.push_back(task.name + (prints_acc_norm(task.name) ? " acc_norm" : " acc"));
        if (!task.completion()) header.push_back(prints_acc_norm(task.name) ? "acc" : "acc_norm");
    }
    const bool average = literature_average(evaluation, 0).has_value();
    if (average) header.push_back("average");
    EvalSection section{"tasks, accuracies in %, zero-shot", TextTable(header)};
    if (evaluation.base >= 0) section.title += "; in brackets the change from the base";
    for (size_t m = 0; m < evaluation.models.size(); ++m) {
        std::vector<std::string> row = {names[m]};
        for (size_t t = 0; t < evaluation.tasks.size(); ++t) {
            const std::string &name = evaluation.tasks[t].name;
            const TaskFigures f = task_figures(evaluation, m, t);
            if (f.perplexity) row.push_back(with_error(*f.perplexity, 2));
            row.push_back(task_cell(f, name));
            if (f.acc_norm) row.push_back(with_error(prints_acc_norm(name) ? f.acc : *f.acc_norm, 2, 100));
        }
        if (average) row.push_back(with_error(*literature_average(evaluation, m), 2, 100));
        section.table.add(row);
    }
    return section;
}

}  // namespace

std::vector<std::string> model_names(const Evaluation &evaluation) {
    std::vector<std::string> names;
    for (int parts = 1; parts <= 8; ++parts) {
        names.clear();
        for (const ModelResult &model : evaluation.models) names.push_back(path_end(model.facts.path, parts));
        if (std::set<std::string>(names.begin(), names.end()).size() == names.size()) break;
    }
    if (evaluation.base >= 0) names[static_cast<size_t>(evaluation.base)] += " (base)";
    return names;
}

std::vector<EvalSection> eval_sections(const Evaluation &evaluation) {
    const std::vector<std::string> names = model_names(evaluation);
    std::vector<EvalSection> sections = {models_section(evaluation, names)};
    for (size_t t = 0; t < evaluation.texts.size(); ++t)
        sections.push_back(text_section(evaluation, t, names));
    if (!evaluation.tasks.empty()) sections.push_back(tasks_section(evaluation, names));
    return sections;
}

std::string eval_table(const Evaluation &evaluation) {
    std::string text;
    for (const EvalSection &section : eval_sections(evaluation))
        text += (text.empty() ? "" : "\n") + (section.title == "models" ? "" : section.title + "\n") +
                section.table.text();
    for (const TaskFacts &task : evaluation.tasks)
        if (task.skipped > 0)
            text += format("\n%s: %llu bad rows were left out\n", task.file.c_str(),
                           static_cast<unsigned long long>(task.skipped));
    if (evaluation.interrupted) text += "\nInterrupted: the figures are those of what was done.\n";
    return text;
}

}  // namespace adder
