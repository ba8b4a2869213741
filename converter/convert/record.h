// The quantization record of a blob: what was done to each linear layer, and on which text.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converter/calibrate/calibration.h"
#include "converter/calibrate/texts.h"
#include "converter/convert/quality.h"
#include "converter/model/checkpoint.h"
#include "converter/plan/rules.h"
#include "converter/quantize/rotation.h"

namespace adder {

struct RecordContents {
    const std::string &recipe;
    const std::vector<PlanRule> &rules;
    const ModelShape &shape;
    const Plan &plan;
    const Calibration &calibration;  // empty: not done yet
    uint32_t calibration_window;
    uint64_t calibration_tokens;  // 0: nothing was calibrated
    const std::vector<CalibrationText> &texts;
    const Quality *quality;    // null: not measured
    const Rotation *rotation;  // null: none
    const QuantizedSource &source;
};

// As docs/format.md has it.
std::string quantization_record(const RecordContents &contents);

// Whether the record of a blob with this d_model says that its residual stream was rotated. `record` may be empty: there is
// none. Throws Error(bad_input) naming `blob` if it is no record, or tells of another rotation than Rotation's.
bool is_rotated(std::string_view record, uint32_t d_model, const std::string &blob);

}  // namespace adder
