// The tables and the series of a study, for its report in text and as a page.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/eval/report.h"
#include "converter/report/series_plot.h"
#include "converter/study/study.h"

namespace adder {

// Of an experiment: all of its rows; of the state also a table a text, by position. Empty where there are no rows.
std::vector<EvalSection> study_tables(const Study &study, const Experiment &experiment);

// Mean KL divergence by series and place, of each text; of the state by position instead.
struct StudyPlot {
    std::string title, x_label;
    std::vector<std::string> places;
    std::vector<Series> series;
};
std::vector<StudyPlot> study_plots(const Study &study, const Experiment &experiment);

}  // namespace adder
