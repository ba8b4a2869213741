// Models that give logits: checkpoints, run in float, and blobs, run by the shipped kernels.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/import/tokens.h"
#include "converter/model/float_model.h"

namespace adder {

struct ModelFacts {
    std::string path;
    std::string kind;         // "blob" or "checkpoint"
    std::string isa;          // instruction set of the kernels
    std::string fingerprint;  // hexadecimal; equal for the same weights
    uint64_t parameters = 0;
    uint64_t bytes = 0;          // of the blob's file, or of the checkpoint's tensors
    double bits_per_weight = 0;  // as stored, scales included
};

class Scorer {
  public:
    // Logits after token `position` of a sequence, for its wanted rows, in order within a sequence; from several
    // threads.
    using Callback = std::function<void(size_t sequence, uint32_t position, const float *logits)>;
    // So many more tokens went through the model; from several threads.
    using Advance = std::function<void(uint64_t tokens)>;

    virtual ~Scorer() = default;
    virtual const ModelFacts &facts() const = 0;
    const std::string &path() const { return facts().path; }
    virtual uint32_t vocab_size() const = 0;
    // Special tokens in the text are recognised. Throws Error(bad_input) if the model has no tokenizer. `name` stands
    // in the error if the text has a byte without a token. May be called from several threads at once.
    virtual Tokens tokenize(std::string_view text, const std::string &name) const = 0;
    // Each sequence from an empty state. The logits depend neither on threads nor on what else is in the list.
    virtual void score(const std::vector<Sequence> &sequences, const Callback &callback,
                       const Advance &advance) = 0;
    // Whole windows, with the logits of each of their tokens.
    void score(const std::vector<Tokens> &windows, const Callback &callback);
};

// A checkpoint directory, run in float.
class CheckpointScorer : public Scorer {
  public:
    CheckpointScorer(const std::string &path, ThreadPool &pool, const std::string &tokenizer = "");
    const ModelFacts &facts() const override { return facts_; }
    uint32_t vocab_size() const override { return checkpoint_.shape().vocab_size; }
    Tokens tokenize(std::string_view text, const std::string &name) const override;
    void score(const std::vector<Sequence> &sequences, const Callback &callback,
               const Advance &advance) override;
    FloatModel &model() { return model_; }
    const Checkpoint &checkpoint() const { return checkpoint_; }
    const CheckpointTokenizer &tokenizer() const { return tokenizer_; }

  private:
    ModelFacts facts_;
    Checkpoint checkpoint_;
    CheckpointTokenizer tokenizer_;
    FloatModel model_;
};

// Opens a checkpoint directory or a blob. Throws Error(bad_input) if the path is neither.
std::unique_ptr<Scorer> open_scorer(const std::string &path, ThreadPool &pool, Pages pages = Pages::mapped);

}  // namespace adder
