// All figures of studies as CSV: one line a row and text, a row and range of positions, or a row and task.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/report/table.h"
#include "converter/study/study.h"

namespace adder {
namespace {

std::string number(double value) { return std::isfinite(value) ? format("%.9g", value) : std::string(); }

void add_estimate(std::vector<std::string> *cells, const Estimate &e) {
    cells->push_back(number(e.value));
    cells->push_back(number(e.error));
}

constexpr size_t text_columns = 8, task_columns = 5, input_columns = 9;

void add_text(std::vector<std::string> *cells, const TextFinding &f) {
    cells->push_back(number(f.perplexity));
    cells->push_back(number(f.float_perplexity));
    add_estimate(cells, f.change_percent);
    add_estimate(cells, f.kl_mean);
    add_estimate(cells, f.same_top1);
}

void add_empty(std::vector<std::string> *cells, size_t count) { cells->resize(cells->size() + count); }

class Lines {
  public:
    void add_study(const Study &study) {
        for (const StudyFinding &finding : study.findings) {
            start_ = {study.settings.checkpoint,
                      finding.row.experiment,
                      finding.row.series,
                      finding.row.at,
                      number(finding.bits_per_weight),
                      finding.row.zeroing ? std::to_string(finding.channels) : std::string()};
            for (size_t t = 0; t < finding.texts.size(); ++t) {
                add(study.settings.valid[t].name, "", "", &finding.texts[t], nullptr, nullptr);
                if (t < finding.positions.size())
                    for (const PositionFinding &part : finding.positions[t])
                        add(study.settings.valid[t].name, std::to_string(part.begin),
                            std::to_string(part.end), &part.finding, nullptr, nullptr);
            }
            for (size_t t = 0; t < finding.tasks.size(); ++t)
                add(study.settings.tasks[t].name, "", "", nullptr, &finding.tasks[t], nullptr);
            if (finding.input) add("", "", "", nullptr, nullptr, &*finding.input);
        }
    }
    std::string csv() const { return table_.csv(); }

  private:
    void add(const std::string &on, const std::string &begin, const std::string &end, const TextFinding *text,
             const TaskFinding *task, const InputFinding *input) {
        std::vector<std::string> cells = start_;
        cells.insert(cells.end(), {on, begin, end});
        if (text != nullptr)
            add_text(&cells, *text);
        else
            add_empty(&cells, text_columns);
        if (task != nullptr) {
            add_estimate(&cells, task->score);
            cells.push_back(number(task->float_score.value));
            add_estimate(&cells, task->change);
        } else {
            add_empty(&cells, task_columns);
        }
        if (input != nullptr) {
            cells.push_back(std::to_string(input->channels));
            for (const uint64_t count : input->outliers) cells.push_back(std::to_string(count));
            cells.push_back(number(input->highest_over_median));
            cells.push_back(input->at);
            cells.push_back(number(input->absmax_kurtosis));
            cells.push_back(std::to_string(input->persistent_layers));
            cells.push_back(std::to_string(input->first_positions));
        } else {
            add_empty(&cells, input_columns);
        }
        table_.add(cells);
    }

    std::vector<std::string> start_;
    TextTable table_{{"model",
                      "experiment",
                      "series",
                      "at",
                      "bits_per_weight",
                      "zeroed_channels",
                      "on",
                      "begin",
                      "end",
                      "perplexity",
                      "float_perplexity",
                      "change_percent",
                      "change_percent_se",
                      "kl_mean",
                      "kl_mean_se",
                      "same_top1",
                      "same_top1_se",
                      "score",
                      "score_se",
                      "float_score",
                      "score_change",
                      "score_change_se",
                      "channels",
                      "beyond_4_sigma",
                      "beyond_6_sigma",
                      "beyond_8_sigma",
                      "highest_over_median",
                      "highest_at",
                      "magnitudes_kurtosis",
                      "persistent_layers",
                      "first_positions"}};
};

}  // namespace

std::string study_csv(const std::vector<Study> &studies) {
    Lines lines;
    for (const Study &study : studies) lines.add_study(study);
    return lines.csv();
}

}  // namespace adder
