// Runs single blocks over the residual streams of many sequences, with the runtime's own arithmetic.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "converter/base/thread_pool.h"
#include "converter/base/tokens.h"
#include "converter/plan/model_shape.h"
#include "runtime/blocks/frame.h"

namespace adder {

// Tokens to run from an empty state: a stem, and branches that each continue from the state after the stem, so that
// what they share is computed once.
struct Sequence {
    struct Range {
        uint32_t begin, end;
    };
    Tokens tokens;                   // the stem, then the branches, one after the other
    std::vector<uint32_t> branches;  // where each begins in `tokens`, ascending; empty: there is a stem only
    std::vector<Range> rows;  // of `tokens`, whose logits are wanted, ascending; none straddles a branch
};

// The whole sequence, with the logits of each token.
Sequence plain_sequence(const Tokens &tokens);
std::vector<Sequence> plain_sequences(const std::vector<Tokens> &tokens);

// The stem and the branches as ranges of positions.
std::vector<Sequence::Range> segments_of(const Sequence &sequence);

// What runs between the blocks: [token][d_model_padded] of each sequence, one sequence after the other; and as many numbers
// that a block leaves for later ones, in models that have such.
class ResidualStreams {
  public:
    ResidualStreams(const std::vector<Sequence> &sequences, const ModelShape &shape);
    float *of(size_t sequence) { return values_.data() + first_[sequence]; }
    const float *of(size_t sequence) const { return values_.data() + first_[sequence]; }
    // Null where nothing is left.
    float *carried(size_t sequence) {
        return carried_.empty() ? nullptr : carried_.data() + first_[sequence];
    }
    const float *carried(size_t sequence) const {
        return carried_.empty() ? nullptr : carried_.data() + first_[sequence];
    }

    uint64_t bytes() const { return (values_.size() + carried_.size()) * sizeof(float); }
    // Calls body(floats, count) for all that there is.
    template <typename Body>
    void each_part(const Body &body) {
        body(values_.data(), values_.size());
        body(carried_.data(), carried_.size());
    }
    template <typename Body>
    void each_part(const Body &body) const {
        body(values_.data(), values_.size());
        body(carried_.data(), carried_.size());
    }

  private:
    std::vector<float> values_, carried_;  // one allocation: its memory goes back to the system as a whole
    std::vector<size_t> first_;            // of each sequence, in `values_`
};

// Working memory for chunks of one thread, for any block of a model.
class ChunkMemory {
  public:
    ChunkMemory(const ModelShape &shape, uint32_t chunk);
    const Buffers &buffers() const { return buffers_; }
    // Of one block: its state, or its pages of a cache for so many tokens.
    uint8_t *state() { return state_.data(); }
    void reset_state(const BlockView &view, uint64_t tokens);
    void save_state();
    void restore_state();
    float *logits() { return logits_.data(); }  // [chunk][vocab_padded], there after need_logits
    void need_logits() { logits_.resize(logits_size_); }
    std::vector<float> &residual() { return residual_; }  // scratch, [chunk][d_model_padded]
    std::vector<float> &carried() { return carried_; }    // the same

  private:
    std::vector<uint8_t> bytes_, state_, saved_state_;
    std::vector<float> logits_, residual_, carried_;
    Buffers buffers_{};
    size_t logits_size_;
};

// The weights of a block by the rows of its kind's table: a float model's, or a blob's.
class BlockWeights {
  public:
    virtual ~BlockWeights() = default;
    virtual Linear linear(const TensorRow &row) const = 0;
    virtual const float *vector(const TensorRow &row) const = 0;
};

// Those of a blob, which may still be written.
class WrittenBlock final : public BlockWeights {
  public:
    WrittenBlock(const Model &model, uint32_t block)
        : view_(block_view(model.architecture, block)), block_(model_block(model, view_, block)) {}
    Linear linear(const TensorRow &row) const override { return block_.linear(row); }
    const float *vector(const TensorRow &row) const override { return block_.vector(row); }

  private:
    const BlockView view_;
    const ModelBlock block_;
};

// The inputs of a linear layer for a chunk of tokens: [tokens][stride], the first `width` of each.
struct LinearInputs {
    const float *values;
    uint32_t width, stride, tokens;
    uint32_t first = 0;  // place in the sequence of the first token, where FloatModel calls
};

class BlockRunner {
  public:
    static constexpr uint32_t chunk = 32;  // tokens per kernel call

    // Uses the kernels that the environment variable ADDER_ISA names, or the best. The shape must outlive the runner.
    BlockRunner(const ModelShape &shape, ThreadPool &pool);

    const ModelShape &shape() const { return shape_; }
    const KernelTable &kernels() const { return kernels_; }
    ThreadPool &pool() const { return pool_; }
    ChunkMemory &memory(uint32_t member) { return memory_[member]; }

    // Called from several threads, with the tokens from `first` on of a sequence. Null members are not called.
    // The input of a linear layer as floats, where the layer takes floats, before it computes.
    using InputVisit = std::function<void(Role role, size_t sequence, uint32_t first,
                                          const LinearInputs &inputs, uint32_t member)>;
    struct Visitor {
        InputVisit input;
        // The residual stream after the block, [tokens][d_model_padded], and the block's state, which may be changed.
        std::function<void(size_t sequence, uint32_t first, const float *residual, uint32_t tokens,
                           uint32_t member)>
            done;
    };

    // Takes sequences [begin, end) through a block, `step` tokens at a time.
    void run(uint32_t block, const BlockWeights &weights, const std::vector<Sequence> &sequences, size_t begin,
             size_t end, ResidualStreams *streams, const Visitor &visitor, uint32_t step = chunk);

    // The inputs of one linear layer, as floats: of the block as it is up to there. The streams stay as they are.
    void run_to(Role role, uint32_t block, const BlockWeights &weights, const std::vector<Sequence> &sequences,
                size_t begin, size_t end, const ResidualStreams &streams, const InputVisit &visit);

    // The normalized input of the head, [tokens][d_model_padded], and of the wanted rows of sequences [begin, end) the
    // logits, in memory(member).logits(), if it has tiles.
    using HeadVisit = std::function<void(size_t sequence, uint32_t first, const float *input, uint32_t tokens,
                                         uint32_t member)>;
    void run_head(const float *norm, const float *norm_bias, const Linear &head,
                  const std::vector<Sequence> &sequences, size_t begin, size_t end,
                  const ResidualStreams &streams, const HeadVisit &visit);

  private:
    struct Tapped;
    const ModelShape &shape_;
    ThreadPool &pool_;
    const KernelTable &kernels_;
    std::vector<ChunkMemory> memory_;  // one per member of the pool
};

// What the codes of a token's input stand for: v divided by the smoothing factors (empty: none), then transformed if
// `input` is hadamard. In place, `width` floats.
void fold_input(Input input, const std::vector<float> &factors, float *v, uint32_t width);

}  // namespace adder
