// What a conversion will take, before it is run: time, from a rate measured here, and memory.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "converter/base/thread_pool.h"
#include "converter/plan/plan.h"

namespace adder {

struct ConversionEstimate {
    double multiplications;  // of floats, with an addition each: calibration, second moments, GPTQ, scale search
    double rate;             // of them a second, measured on all threads for a moment
    double seconds;          // on a machine with nothing else to do
    uint64_t memory_bytes;  // at the peak
};

// `tokens` are calibrated on; `blob_bytes` are written.
ConversionEstimate estimate_conversion(const Plan &plan, const ModelShape &shape, uint64_t tokens,
                                       uint64_t blob_bytes, ThreadPool &pool);

}  // namespace adder
