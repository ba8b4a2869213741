// The series of studies.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "converter/study/tables.h"

namespace adder {
namespace {

void add_once(std::vector<std::string> *list, const std::string &word) {
    if (std::find(list->begin(), list->end(), word) == list->end()) list->push_back(word);
}

// The lines of a study in a plot, which has places for all of them; beside other studies not those of every recipe.
void add_rows(const Study &study, const Experiment &experiment, size_t text, const std::string &prefix,
              StudyPlot *plot) {
    std::vector<std::string> names;
    const std::vector<const StudyFinding *> findings = findings_of(study, experiment.name);
    const bool simplest = !prefix.empty() && experiment.name == std::string("table");
    for (const StudyFinding *finding : findings)
        if (!simplest || finding->row.series == "naive" || finding->row.series == "cured")
            add_once(&names, finding->row.series);
    for (const std::string &name : names) {
        Series series{prefix + name, std::vector<double>(plot->places.size(), std::nan(""))};
        for (const StudyFinding *finding : findings) {
            if (finding->row.series != name || finding->texts.empty()) continue;
            const auto place = std::find(plot->places.begin(), plot->places.end(), finding->row.at);
            series.values[static_cast<size_t>(place - plot->places.begin())] =
                finding->texts[text].kl_mean.value;
        }
        plot->series.push_back(std::move(series));
    }
}

// The same by position; of several studies the part of the state that is kept longest, the first that is listed.
void add_positions(const Study &study, size_t text, const std::string &prefix, StudyPlot *plot) {
    const std::vector<const StudyFinding *> findings = findings_of(study, "state");
    for (const StudyFinding *finding : findings) {
        if (finding->row.state->type == RoundedType::f32) continue;
        if (!prefix.empty() &&
            (finding->row.series != findings[0]->row.series || finding->row.state->type == RoundedType::i16))
            continue;
        Series series{prefix + finding->row.series + ", " + finding->row.at, {}};
        for (const PositionFinding &part : finding->positions[text]) {
            series.values.push_back(part.finding.kl_mean.value);
            if (plot->series.empty()) add_once(&plot->places, range_name(part));
        }
        series.values.resize(plot->places.size(), std::nan(""));
        plot->series.push_back(std::move(series));
    }
}

}  // namespace

std::vector<StudyPlot> study_plots(const std::vector<Study> &studies, const Experiment &experiment) {
    const std::vector<Study> with = studies_with(studies, experiment);
    std::vector<StudyPlot> plots;
    if (with.empty() || experiment.name == std::string("inputs") || experiment.name == std::string("tasks"))
        return plots;
    const bool several = studies.size() > 1, state = experiment.name == std::string("state");
    const auto plot_of = [&](const std::vector<const Study *> &some, size_t text) {
        StudyPlot plot{with[0].settings.valid[text].name, state ? "position" : experiment.at, {}, {}};
        if (several && some.size() == 1) plot.title = some[0]->settings.checkpoint + ", " + plot.title;
        if (!state)
            for (const Study *study : some)
                for (const StudyFinding *finding : findings_of(*study, experiment.name))
                    add_once(&plot.places, finding->row.at);
        for (const Study *study : some) {
            const std::string prefix = some.size() > 1 ? study->settings.checkpoint + ": " : std::string();
            if (state)
                add_positions(*study, text, prefix, &plot);
            else
                add_rows(*study, experiment, text, prefix, &plot);
        }
        plots.push_back(std::move(plot));
    };
    for (size_t text = 0; text < with[0].settings.valid.size(); ++text) {
        std::vector<const Study *> all;
        for (const Study &study : with) all.push_back(&study);
        if (!experiment.by_tensor) {
            plot_of(all, text);
            continue;
        }
        for (const Study *study : all) plot_of({study}, text);
    }
    return plots;
}

}  // namespace adder
