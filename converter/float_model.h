// The float model: a checkpoint run layer by layer over many sequences, straight from the mapped weights.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "converter/checkpoint.h"
#include "converter/thread_pool.h"
#include "runtime/layer.h"

namespace adder {

using Tokens = std::vector<int32_t>;

// Tokens to run from an empty state: a stem, and branches that each continue from the state behind the stem, so that
// what they share is computed once.
struct Sequence {
    struct Range {
        uint32_t begin, end;
    };
    Tokens tokens;                   // the stem, then the branches, one behind the other
    std::vector<uint32_t> branches;  // where each begins in `tokens`, ascending; empty: there is a stem only
    std::vector<Range> rows;  // of `tokens`, whose logits are wanted, ascending; none straddles a branch
};

// The whole sequence, with the logits of each token.
Sequence plain_sequence(const Tokens &tokens);

// The stem and the branches as ranges of positions.
std::vector<Sequence::Range> segments_of(const Sequence &sequence);

// Working memory for chunks of one thread.
class ChunkMemory {
  public:
    ChunkMemory(const Shape &shape, uint32_t chunk);
    const ChunkBuffers &buffers() const { return buffers_; }
    LayerState state() { return state_; }
    void reset_state();
    void save_state();  // of one layer, ...
    void restore_state();
    float *logits() { return logits_; }  // [chunk][vocab_padded], allocated at the first call of need_logits
    void need_logits();

  private:
    std::vector<float> floats_;
    std::vector<float> logit_floats_;
    std::vector<float> saved_state_;
    ChunkBuffers buffers_{};
    LayerState state_{};
    size_t state_floats_;
    size_t logits_size_;
    float *logits_ = nullptr;
};

// The arithmetic is the runtime's own (runtime/layer.h) on float weights and activations, so that results are the same
// bits as those of a float blob, on every machine and for every thread count. One layer's weights are held as floats at
// a time; the residual stream of all sequences is kept in between.
class FloatModel {
  public:
    static constexpr uint32_t chunk = 32;  // tokens a kernel call

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

    const Shape &shape() const { return shape_; }
    const char *isa() const { return kernels_.name; }
    const Checkpoint &checkpoint() const { return checkpoint_; }
    uint32_t members() const { return pool_.size(); }  // of the thread pool

    // Runs all sequences, each from an empty state. Token ids must be below vocab_size.
    void run(const std::vector<Sequence> &sequences, const Visitor &visitor);
    void run(const std::vector<Tokens> &sequences, const Visitor &visitor);

  private:
    void embed(const Tokens &tokens, float *residual) const;

    const Checkpoint &checkpoint_;
    ThreadPool &pool_;
    Shape shape_;
    const KernelTable &kernels_;
    std::vector<ChunkMemory> memory_;  // one a member of the pool
};

}  // namespace adder
