// Conversion: a checkpoint directory to a blob.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/blob/writer.h"
#include "converter/calibrate/file.h"
#include "converter/convert/estimate.h"
#include "converter/convert/quality.h"
#include "converter/model/stream_file.h"
#include "converter/plan/rules.h"

namespace adder {

struct ConvertOptions {
    std::string checkpoint;  // a folder, or a file of weights
    std::string tokenizer;  // tokenizer.json or its folder, in place of the checkpoint's; empty: the checkpoint's
    std::string chat_template;  // plain, chatml, none or a file, in place of the checkpoint's; empty: the checkpoint's
    std::string output;  // path of the blob
    std::string name;    // stored in the blob; empty: the checkpoint's
    Recipe recipe = recipe_named("best");
    StateType state = StateType::f32;  // of the scan (--state)
    std::optional<StateType> cache;    // of keys and values (--cache); else as the recipe's weights are
    bool rotate = false;               // the residual stream (rotation.h)
    bool keep_codes = false;           // of Q4_0 (kept_codes.h), as the recipe says, too
    std::vector<PlanRule> rules;       // that change it, tensor by tensor
    std::vector<std::string> calibration_files;  // empty: the text that comes with the tool
    uint64_t calibration_tokens = 65536;         // at most, evenly spread over the texts
    uint32_t calibration_window = 512;           // tokens per sequence
    std::string calibration;  // a file of `adder calibrate`, in place of the text; empty: none
    QualityOptions quality;   // held-out texts to measure on, and what is asked of the blob
    // What earlier conversions of this checkpoint found on the same text, so that it need not be found again; null: nothing.
    // The blob is the same either way. Not with `rotate`.
    const CalibrationFile *statistics = nullptr;
    StreamFile *streams = nullptr;  // takes what it has not
};

// What a conversion would do.
struct DryRun {
    BlobOutline outline;
    Plan plan;
    uint64_t arena_bytes;         // with default options
    uint64_t calibration_tokens;  // that would be run
    ConversionEstimate estimate;
    std::vector<std::string> warnings;
    uint32_t rotation_block;  // channels of the residual stream that are rotated together; 0: none are
};

struct Conversion {
    WrittenBlob blob;
    uint64_t arena_bytes;               // with default options
    uint64_t calibration_tokens;        // that were run; 0 with float activations
    std::vector<std::string> warnings;  // one sentence each
    std::optional<Quality> quality;     // where there were texts to measure it on
    std::string gate_missed;            // why; empty if none was
    bool written = true;                // false: a gate was missed, and there is no blob but its figures
};

// The recipe with the rules applied, and codes of the file kept where they say so; `notes` takes what gave way to them.
// Throws Error if a tensor cannot take what they say.
Plan make_plan(const ConvertOptions &options, const Checkpoint &checkpoint,
               std::vector<std::string> *notes = nullptr);

// Plans everything and writes nothing. Throws what convert would before it reads the first weight.
DryRun dry_run(const ConvertOptions &options, ThreadPool &pool);

// Converts, opens the blob again, compares its checksums and repeats its golden case. Throws Error, at once where the
// output cannot be written; then no file is left behind, and an older one of that name is as it was. So it is when the quality gate is missed, which
// the result tells, unless options.quality.keep. The bytes depend on the checkpoint, the calibration text and
// the options alone.
Conversion convert(const ConvertOptions &options, ThreadPool &pool);

}  // namespace adder
