// The float model: a checkpoint run layer by layer over many sequences, straight from the mapped weights.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "converter/import/checkpoint.h"
#include "converter/model/layer_runner.h"
#include "converter/model/zeroed_columns.h"

namespace adder {

// One layer's weights as floats, in the runtime's layout.
class FloatLayer {
  public:
    // Columns that `zeroed` names count as zero; null: none.
    FloatLayer(const Checkpoint &checkpoint, const Shape &shape, uint32_t layer,
               const ZeroedColumns *zeroed = nullptr);
    const LayerWeights &weights() const { return weights_; }

  private:
    const float *vector(Role role);
    Linear linear(Role role, const float *bias);

    const Checkpoint &checkpoint_;
    const Shape &shape_;
    uint32_t layer_;
    const ZeroedColumns *zeroed_;
    LayerWeights weights_{};
    std::vector<std::vector<float>> tensors_;
};

// The arithmetic is the runtime's own (runtime/layer.h) on float weights and activations, so that results are the same
// bits as those of a float blob, on every machine and for every thread count. One layer's weights are held as floats at
// a time; the residual stream of all sequences is kept in between.
class FloatModel {
  public:
    // Called from several threads; `member` says from which of the pool. Null members are not called.
    struct Visitor {
        // After a chunk of a sequence went through a layer: the buffers as layer_forward leaves them, and the residual
        // stream behind the layer.
        std::function<void(uint32_t layer, size_t sequence, uint32_t first, const ChunkBuffers &buffers,
                           uint32_t tokens, uint32_t member)>
            layer;
        // The normalized input of the head, [tokens][d_model_padded], of the wanted rows.
        std::function<void(size_t sequence, const float *input, uint32_t tokens, uint32_t member)> head_input;
        // Logits after token `position` of a sequence, for its wanted rows, in order within a sequence. With null no
        // logits are computed.
        std::function<void(size_t sequence, uint32_t position, const float *logits, uint32_t member)> logits;
        // Called on the calling thread when all sequences are through a layer.
        std::function<void(uint32_t layer)> layer_done;
    };

    FloatModel(const Checkpoint &checkpoint, ThreadPool &pool);

    const Shape &shape() const { return runner_.shape(); }
    const char *isa() const { return runner_.kernels().name; }
    const Checkpoint &checkpoint() const { return checkpoint_; }
    uint32_t members() const { return runner_.pool().size(); }  // of the thread pool
    LayerRunner &runner() { return runner_; }

    // The residual streams in front of the first layer. Token ids must be below vocab_size.
    ResidualStreams embed(const std::vector<Sequence> &sequences) const;

    // Runs all sequences, each from an empty state.
    void run(const std::vector<Sequence> &sequences, const Visitor &visitor);
    void run(const std::vector<Tokens> &sequences, const Visitor &visitor);

    // From here on these columns count as zero in run(), which they must outlive; null: none.
    void zero(const ZeroedColumns *columns) { zeroed_ = columns; }

    // From here on run() goes token by token, and this may change the state of a layer after each, from several threads;
    // it must outlive that; null: chunks again. The results are the same bits either way unless it changes something.
    using StateVisitor = std::function<void(uint32_t layer, const LayerState &state)>;
    void each_token(const StateVisitor *visitor) { state_visitor_ = visitor; }

  private:
    const Checkpoint &checkpoint_;
    LayerRunner runner_;
    const ZeroedColumns *zeroed_ = nullptr;
    const StateVisitor *state_visitor_ = nullptr;
};

}  // namespace adder
