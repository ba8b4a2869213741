// Running a study: what is missing in its file is computed, row by row.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/study/study.h"

namespace adder {

struct StudyOptions {
    std::string checkpoint;  // directory
    std::string output;      // directory of study.json, study.html, calibration.json; made if need be
    std::vector<std::string> calibration_files, valid;
    std::vector<std::string> only;  // names of experiments; empty: all
    uint64_t calibration_tokens = 65536;
    uint32_t window = 512, state_window = 2048;
    uint64_t tokens = 8192;  // of each valid text, at most
    uint64_t seed = 1;
    uint64_t most_logit_bytes = uint64_t{4} << 30;  // that may be kept on disk
    bool keep_blobs = false;                        // in output/blobs
    bool fresh = false;                             // what is in study.json already counts for nothing
    uint64_t most_rows = 0;                         // computed in this run; 0: all
};

// Computes the rows that study.json does not have, and writes it after each. Returns all that it has then, also of
// experiments of earlier runs. Throws Error(usage) if it is of other settings, Error(failure) when interrupted; then it
// has what was done, and another run goes on there.
Study run_study(const StudyOptions &options, ThreadPool &pool);

}  // namespace adder
