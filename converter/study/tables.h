// The tables and the series of one or several studies, for reports in text, as a page and as CSV.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/eval/report.h"
#include "converter/report/series_plot.h"
#include "converter/study/study.h"

namespace adder {

// Of an experiment, in the order in which they are read; empty where no study has rows of it. Of one study all of its rows. Of
// several the rows side by side, or, where rows are of kinds of layers that each has for itself, what stands out of them.
std::vector<EvalSection> study_tables(const std::vector<Study> &studies, const Experiment &experiment);

// Mean KL divergence by series and place, of each text; of the state by position instead. Where rows are of kinds of layers, one
// of each study.
struct StudyPlot {
    std::string title, x_label;
    std::vector<std::string> places;
    std::vector<Series> series;
};
std::vector<StudyPlot> study_plots(const std::vector<Study> &studies, const Experiment &experiment);

// What the figures of an experiment say, a sentence a study, and of several one of them all.
std::vector<std::string> study_conclusions(const std::vector<Study> &studies, const Experiment &experiment);

// The rows of an experiment, in their order; the studies that have such.
std::vector<const StudyFinding *> findings_of(const Study &study, const std::string &experiment);
std::vector<Study> studies_with(const std::vector<Study> &studies, const Experiment &experiment);

std::string range_name(const PositionFinding &part);  // "256-512"

}  // namespace adder
