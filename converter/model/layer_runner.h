// Runs single layers over the residual streams of many sequences, with the runtime's own arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/base/tokens.h"
#include "runtime/layer.h"

namespace adder {

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
std::vector<Sequence> plain_sequences(const std::vector<Tokens> &tokens);

// The stem and the branches as ranges of positions.
std::vector<Sequence::Range> segments_of(const Sequence &sequence);

// What runs between the layers: [token][d_model_padded] of each sequence, one sequence behind the other.
class ResidualStreams {
  public:
    ResidualStreams(const std::vector<Sequence> &sequences, uint32_t stride);
    float *of(size_t sequence) { return values_.data() + first_[sequence]; }
    const float *of(size_t sequence) const { return values_.data() + first_[sequence]; }

  private:
    std::vector<float> values_;  // one block: its memory goes back to the system as a whole
    std::vector<size_t> first_;  // of each sequence, in `values_`
};

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
    std::vector<int8_t> codes_;
    std::vector<float> logit_floats_;
    std::vector<float> saved_state_;
    ChunkBuffers buffers_{};
    LayerState state_{};
    size_t state_floats_;
    size_t logits_size_;
    float *logits_ = nullptr;
};

// The layers' weights may be those of a checkpoint, as floats, or those of a blob.
class LayerRunner {
  public:
    static constexpr uint32_t chunk = 32;  // tokens a kernel call

    // Uses the kernels that the environment variable ADDER_ISA names, or the best.
    LayerRunner(const Shape &shape, float norm_epsilon, ThreadPool &pool);

    const Shape &shape() const { return shape_; }
    const KernelTable &kernels() const { return kernels_; }
    ThreadPool &pool() const { return pool_; }
    float norm_epsilon() const { return norm_epsilon_; }
    ChunkMemory &memory(uint32_t member) { return memory_[member]; }

    // Called from several threads after a chunk, with the buffers as layer_forward leaves them; buffers.residual is
    // that of token `first` of the sequence.
    using Visit = std::function<void(size_t sequence, uint32_t first, const ChunkBuffers &buffers,
                                     uint32_t tokens, uint32_t member)>;

    // Takes sequences [begin, end) through a layer, `step` tokens at a time. `visit` may be null, and may change the state.
    void run(const LayerWeights &weights, const std::vector<Sequence> &sequences, size_t begin, size_t end,
             ResidualStreams *streams, const Visit &visit, uint32_t step = chunk);

    // The normalized residual stream, in buffers.in_floats, of the wanted rows of sequences [begin, end).
    void normalize(const float *norm, const std::vector<Sequence> &sequences, size_t begin, size_t end,
                   const ResidualStreams &streams, const Visit &visit);

    // The same, and the logits of `head`, in memory(member).logits(), if it has tiles.
    void run_head(const float *norm, const Linear &head, const std::vector<Sequence> &sequences, size_t begin,
                  size_t end, const ResidualStreams &streams, const Visit &visit);

  private:
    Shape shape_;
    float norm_epsilon_;
    ThreadPool &pool_;
    const KernelTable &kernels_;
    std::vector<ChunkMemory> memory_;  // one a member of the pool
};

}  // namespace adder
