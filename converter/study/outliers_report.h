// Reports of adder outliers: tables, JSON, and one page with pictures.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/calibrate/texts.h"
#include "converter/eval/report.h"
#include "converter/study/zeroing.h"

namespace adder {

struct OutlierReport {
    std::string checkpoint, fingerprint;
    std::vector<CalibrationText> texts;  // of the calibration
    uint64_t tokens = 0;                 // that were run
    uint32_t window = 0;                 // tokens per sequence
    std::vector<double> sigmas;          // ascending
    std::vector<InputStatistics> inputs;
    std::optional<ZeroingTest> zeroing;
    uint64_t seed = 0;  // of the random channels
};

// What the definition is, in a sentence or two.
std::string outlier_definition();

// Statistics of each input; of each kind of input; persistence; zeroing, a table a text or task.
std::vector<EvalSection> outlier_tables(const OutlierReport &report);
EvalSection zeroing_table(const ZeroingTest &zeroing, size_t text);

std::string outliers_text(const OutlierReport &report);
std::string outliers_json(const OutlierReport &report);
std::string outliers_html(const OutlierReport &report);

}  // namespace adder
