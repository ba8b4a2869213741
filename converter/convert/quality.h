// What a conversion cost: the finished blob against its checkpoint on held-out text, and the gate that it has to pass.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/calibrate/texts.h"
#include "converter/eval/math.h"
#include "converter/text/json.h"

namespace adder {

struct QualityOptions {
    std::vector<std::string> texts;  // files; none: nothing is measured
    uint64_t tokens = 65536;  // at most, in windows of quality_window, evenly spread; an equal share a text
    std::optional<double> most_percent;  // that the perplexity of each text may grow
    std::optional<double> least_top1;  // share of most likely tokens that have to stay the same on each text
    bool keep = false;                 // the blob even if a gate is missed
};
constexpr uint32_t quality_window = 1024;

struct TextQuality {
    std::string name;  // the file's, without its directory
    uint64_t bytes;
    uint32_t crc;
    uint64_t scored;  // tokens
    double perplexity, float_perplexity;
    Estimate change_percent, kl_mean, same_top1;
    double kl_99, kl_max;
};
using Quality = std::vector<TextQuality>;

// Throws Error(usage) if a text, given with `option`, is one of the calibration, or two have the same name.
// `recorded`: the texts of a calibration file.
void check_held_out(const char *option, const std::vector<std::string> &texts,
                    const std::vector<std::string> &calibration_files,
                    const std::vector<CalibrationText> &recorded);

// Runs both over the texts; `tokenizer` as Checkpoint has it. The result depends neither on threads nor on the instruction set.
Quality measure_quality(const std::string &blob, const std::string &checkpoint, const std::string &tokenizer,
                        const QualityOptions &options, ThreadPool &pool);

// One sentence with what was found and what was asked for; empty if all gates are passed.
std::string missed_gate(const Quality &quality, const QualityOptions &options);

void write_quality(JsonWriter &json, const Quality &quality);
// Bytes that write_quality adds to a pretty-printed record at most.
size_t quality_room(const QualityOptions &options);
// For the summary of a conversion: two lines a text.
std::string quality_lines(const Quality &quality);

}  // namespace adder
