// Writes a blob: plans every offset first, then quantizes and packs tensor by tensor into the mapped file.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "adder/adder.h"
#include "converter/calibrate.h"
#include "converter/checkpoint.h"
#include "converter/plan.h"
#include "converter/thread_pool.h"

namespace adder {

// What goes into a blob besides the weights.
struct BlobContents {
    std::vector<std::pair<uint32_t, std::vector<uint8_t>>> sections;  // by kind; the golden case is added
    adder_sampler defaults;  // temperature .. repetition_penalty are used
    int32_t bos_token = -1;
    int32_t eos_tokens[4] = {-1, -1, -1, -1};
    Tokens golden;  // tokens of the golden case, at least one
    // If set, called with the path of the finished blob before it gets its name. What it returns replaces the text of
    // the section `finished_section`, padded with spaces; it must not be longer. If it throws, no blob is left.
    std::function<std::string(const std::string &path)> finish;
    uint32_t finished_section = ADDER_TEXT_QUANTIZATION_RECORD;
};

struct WrittenBlob {
    uint64_t bytes;
    uint64_t parameters;
    uint64_t weight_bits;            // of all parameters, scales included
    std::vector<std::string> notes;  // what is odd about the weights, a sentence each
};

// What a blob will hold, before anything is computed: the tensor table without scales of inputs, and sizes.
struct BlobOutline {
    std::vector<BlobTensor> tensors;
    Shape shape;
    WrittenBlob blob;
};
BlobOutline outline_blob(const Checkpoint &checkpoint, const Plan &plan, const BlobContents &contents);

// Writes `path` atomically. `calibration` may be empty if the plan quantizes no input. The result depends on nothing
// but the arguments: not on time, threads or the machine.
WrittenBlob write_blob(const std::string &path, const Checkpoint &checkpoint, const Plan &plan,
                       const Calibration &calibration, const BlobContents &contents, ThreadPool &pool);

}  // namespace adder
