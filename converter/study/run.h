// Running a study: what is missing in its file is computed, row by row.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/base/thread_pool.h"
#include "converter/study/study.h"

namespace adder {

// Computes the rows that study.json does not have, and writes it after each. Returns all that it has then, also of
// experiments of earlier runs. Throws Error(usage) if it is of other settings, Error(failure) when interrupted; then it
// has what was done, and another run goes on there.
Study run_study(const StudyOptions &options, ThreadPool &pool, uint64_t *computed = nullptr);

}  // namespace adder
