// Writes a blob: plans every offset first, then quantizes and packs tensor by tensor into the mapped file.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adder/adder.h"
#include "converter/base/thread_pool.h"
#include "converter/base/tokens.h"
#include "converter/calibrate/calibration.h"
#include "converter/model/checkpoint.h"
#include "converter/plan/plan.h"
#include "converter/quantize/rounding.h"
#include "runtime/model.h"

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
    StateType state = StateType::f32;   // of the scan, where the kind of block can have another
    StateType cache = StateType::int8;  // of keys and values
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
    ModelShape shape;
    WrittenBlob blob;
};
BlobOutline outline_blob(const Checkpoint &checkpoint, const Plan &plan, const BlobContents &contents);

// A blob on its way: a file of its final size beside the final name, filled tensor by tensor in any order. What has been
// written can be run already, so that a block is rounded to what the blocks before it make of their input. The result
// depends on nothing but the arguments: not on time, threads or the machine. Pages of the file are given back to the
// system once they are written.
class BlobWriter {
  public:
    // The arguments must outlive the writer.
    BlobWriter(const std::string &path, const Checkpoint &checkpoint, const Plan &plan,
               const BlobContents &contents);
    ~BlobWriter();  // leaves no file unless finish() was reached

    std::vector<TensorId> tensors() const;  // all that have to be written, in the blob's order

    // Folds, rounds and packs tensors. `calibration` may be empty if the plan quantizes no input.
    void write(const std::vector<TensorId> &tensors, const Calibration &calibration, ThreadPool &pool);
    // The same for one whose codes and scales are known.
    void write_rounded(const TensorId &tensor, const Calibration &calibration, const Int4Matrix &matrix);

    // What the runtime makes of it. Tensors that are not written yet are zeros.
    const Model &model() const;
    void release(uint32_t block);  // pages that were touched by running it

    // Once all tensors are written: golden case, checksums, contents.finish, and the file gets its name.
    WrittenBlob finish();

  private:
    struct State;
    void write_tensor(const TensorId &tensor, const Calibration &calibration, const Int4Matrix *rounded);
    std::unique_ptr<State> state_;
};

}  // namespace adder
