// A study: the experiments of Mamba-PTQ (arXiv 2407.12397) on one checkpoint, row by row.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/eval/figures.h"
#include "converter/import/config.h"
#include "converter/study/state_rounding.h"

namespace adder {

// What is asked, and how it is answered.
struct Experiment {
    const char *name;  // "alpha", of --only
    const char *title, *question, *method;
    const char *series,
        *at;         // what the rows of a series have in common, and what they differ in: "input of", "alpha"
    bool by_tensor;  // are its rows of kinds of linear layers, which each family has for itself?
    const char *sources;  // what was published on it
};
const std::vector<Experiment> &experiments();

// One model that is compared with the checkpoint in float: a conversion, or the float model itself with channels zeroed or
// with its state rounded.
struct StudyRow {
    struct Zeroing {
        std::optional<Role> role;  // empty: all
        double sigma;
        bool random;
    };
    std::string experiment, series, at;
    std::vector<std::string> convert;  // options of adder convert
    std::optional<Zeroing> zeroing;
    std::optional<StateRounding> state;
    std::optional<Role> input;  // whose statistics are wanted, without any model but the float one
    bool tasks = false;         // scored on the tasks instead of the texts

    bool is_conversion() const { return !zeroing && !state && !input; }
    std::string name() const { return experiment + ": " + series + ", " + at; }
};
bool same_row(const StudyRow &a, const StudyRow &b);

constexpr double study_sigmas[] = {4, 6, 8};

// The rows of all experiments in their order: by the model's layers and kinds of linear layers. Those of tasks where there are such.
std::vector<StudyRow> study_rows(const ModelShape &shape, bool tasks = false);

// What a study is asked to do.
struct StudyOptions {
    std::string checkpoint;  // directory
    std::string output;      // directory of study.json, study.html, calibration.json; made if need be
    std::vector<std::string> calibration_files, valid;
    std::vector<std::string> tasks;  // "NAME=FILE"
    uint64_t task_limit = 0;         // examples of each; 0: all
    std::vector<std::string> only;   // names of experiments; empty: all
    uint64_t calibration_tokens = 65536;
    uint32_t window = 512, state_window = 2048;
    uint64_t tokens = 8192;  // of each valid text, at most
    uint64_t seed = 1;
    uint64_t most_logit_bytes = uint64_t{4} << 30;  // that may be kept on disk
    bool keep_blobs = false;                        // in output/blobs
    bool fresh = false;                             // what is in study.json already counts for nothing
    std::optional<uint64_t> most_rows;              // computed in this run; empty: all
};

// What was found on one text.
struct TextFinding {
    double perplexity, float_perplexity;
    Estimate change_percent, kl_mean, same_top1;
};
struct PositionFinding {  // of the tokens after positions [begin, end)
    uint32_t begin, end;
    TextFinding finding;
};
struct TaskFinding {  // the figure that the literature prints of the task
    Estimate score, float_score, change;
};
// What the inputs of one kind of linear layers are like, over all layers.
struct InputFinding {
    uint64_t channels = 0, layers = 0;
    std::vector<uint64_t> outliers;   // channels beyond study_sigmas
    double highest_over_median = 0;   // the largest of all layers, ...
    std::string at;                   // ... and the layer
    double absmax_kurtosis = 0;       // median of the layers
    uint32_t persistent_channel = 0;  // that is beyond the first sigma in most layers, ...
    uint64_t persistent_layers = 0;   // ... in how many; 0: none is
    struct Owner {
        std::string token;
        uint64_t channels;  // beyond the first sigma, whose largest magnitude that token had
    };
    std::vector<Owner> owners;     // those of most channels first
    uint64_t first_positions = 0;  // of those channels, how many the first token of a sequence owns
};
struct StudyFinding {
    StudyRow row;
    std::string impossible;          // why the model cannot be converted so; then there is nothing else
    std::vector<std::string> notes;  // of the converter: what it did other than it was asked
    double bits_per_weight = std::numeric_limits<double>::quiet_NaN();  // of conversions
    uint64_t channels = 0;                                              // that were zeroed
    std::vector<TextFinding> texts;
    std::vector<std::vector<PositionFinding>> positions;  // of each text; for states alone
    std::vector<TaskFinding> tasks;                       // of each task; for rows of tasks alone
    std::optional<InputFinding> input;                    // for rows of inputs alone
};

// All that figures depend on but for the row.
struct StudySettings {
    struct Text {
        std::string name;
        uint64_t bytes;
        uint32_t crc;
    };
    std::string version;     // of adder
    std::string checkpoint;  // the directory's name
    uint32_t weights_crc = 0, tokenizer_crc = 0;
    std::vector<Text> calibration, valid, tasks;  // a task's name is not its file's
    uint64_t task_limit = 0;
    uint64_t calibration_tokens = 0;
    uint32_t calibration_window = 0, window = 0, state_window = 0;
    uint64_t tokens = 0;  // of each valid text, at most
    uint64_t seed = 0;    // of random channels
};
// What differs, "window is 512 there and 256 here"; empty: nothing.
std::string difference(const StudySettings &there, const StudySettings &here);

struct Study {
    StudySettings settings;
    std::vector<StudyFinding> findings;  // in the order of study_rows
};

// The text of study.json, and back. Reading throws Error(bad_input) naming the item.
std::string study_json(const Study &study);
Study read_study(std::string_view text, const std::string &name);

// Tables; the same with pictures as one page that loads nothing; and all figures as CSV, one line a row and text. Of several
// studies, which are of the same texts, side by side.
std::string study_text(const std::vector<Study> &studies);
// `made`: a sentence that says by what, where and when.
std::string study_html(const std::vector<Study> &studies, const std::string &made);
std::string study_csv(const std::vector<Study> &studies);

}  // namespace adder
