// The quantization record of a blob: what was done to each linear layer, and on which text.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/plan_rules.h"
#include "converter/quality.h"
#include "converter/tokens.h"

namespace adder {

struct CalibrationText {
    std::string name;
    uint64_t bytes;
    uint32_t crc;
    Tokens tokens;
};

struct RecordContents {
    const std::string &recipe;
    const std::vector<PlanRule> &rules;
    const Plan &plan;
    uint32_t calibration_window;
    uint64_t calibration_tokens;  // 0: nothing was calibrated
    const std::vector<CalibrationText> &texts;
    const Quality *quality;  // null: not measured
};

// As docs/format.md has it.
std::string quantization_record(const RecordContents &contents);

}  // namespace adder
