// The float model: a checkpoint run block by block over many sequences, straight from the mapped weights.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "converter/model/block_runner.h"
#include "converter/model/checkpoint.h"
#include "converter/model/zeroed_columns.h"

namespace adder {

// One block's weights as floats, in the runtime's layout.
class FloatBlock final : public BlockWeights {
  public:
    // Columns that `zeroed` names count as zero; null: none.
    FloatBlock(const Checkpoint &checkpoint, uint32_t block, const ZeroedColumns *zeroed = nullptr);
    Linear linear(const TensorRow &row) const override;
    const float *vector(const TensorRow &row) const override { return tensors_[place(row)].data(); }

  private:
    size_t place(const TensorRow &row) const { return static_cast<size_t>(&row - view_.kind->tensors); }

    const BlockView view_;
    std::vector<std::vector<float>> tensors_;  // by row of the table; empty where the block has no such
};

// The arithmetic is the runtime's own (runtime/blocks/) on float weights and activations, so that results are the same
// bits as those of a float blob, on every machine and for every thread count. One block's weights are held as floats at
// a time; the residual stream of all sequences is kept in between.
class FloatModel {
  public:
    // Called from several threads; `member` says from which of the pool. Null members are not called.
    struct Visitor {
        // The input of a linear layer, for a chunk of a sequence, before it computes.
        std::function<void(Role role, uint32_t block, size_t sequence, const LinearInputs &inputs,
                           uint32_t member)>
            input;
        // The residual stream after a block, [tokens][d_model_padded], of the tokens from `first` on.
        std::function<void(uint32_t block, size_t sequence, uint32_t first, const float *residual,
                           uint32_t tokens)>
            residual;
        // The normalized input of the head, [tokens][d_model_padded], of the wanted rows.
        std::function<void(size_t sequence, const float *input, uint32_t tokens, uint32_t member)> head_input;
        // Logits after token `position` of a sequence, for its wanted rows, in order within a sequence. With null no
        // logits are computed.
        std::function<void(size_t sequence, uint32_t position, const float *logits, uint32_t member)> logits;
        // Called on the calling thread when all sequences are through a block.
        std::function<void(uint32_t block)> block_done;
    };

    FloatModel(const Checkpoint &checkpoint, ThreadPool &pool);

    const ModelShape &shape() const { return runner_.shape(); }
    const char *isa() const { return runner_.kernels().name; }
    const Checkpoint &checkpoint() const { return checkpoint_; }
    uint32_t members() const { return runner_.pool().size(); }  // of the thread pool
    BlockRunner &runner() { return runner_; }

    // The residual streams before the first block. Token ids must be below vocab_size.
    ResidualStreams embed(const std::vector<Sequence> &sequences) const;

    // Runs all sequences, each from an empty state.
    void run(const std::vector<Sequence> &sequences, const Visitor &visitor);
    void run(const std::vector<Tokens> &sequences, const Visitor &visitor);

    // From here on these columns count as zero in run(), which they must outlive; null: none.
    void zero(const ZeroedColumns *columns) { zeroed_ = columns; }

    // From here on run() goes token by token, and this may change the state of a block after each, from several threads;
    // it must outlive that; null: chunks again. The results are the same bits either way unless it changes something.
    using StateVisitor = std::function<void(uint32_t block, uint8_t *state)>;
    void each_token(const StateVisitor *visitor) { state_visitor_ = visitor; }

  private:
    const Checkpoint &checkpoint_;
    BlockRunner runner_;
    const ZeroedColumns *zeroed_ = nullptr;
    const StateVisitor *state_visitor_ = nullptr;
};

}  // namespace adder
