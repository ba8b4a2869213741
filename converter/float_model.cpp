// Running a checkpoint in float, layer by layer.
// SPDX-License-Identifier: MIT
#include "converter/float_model.h"

#include <algorithm>

#include "converter/error.h"
#include "converter/progress.h"
#include "converter/weights.h"
#include "runtime/arena.h"

namespace adder {

ChunkMemory::ChunkMemory(const Shape &shape, uint32_t chunk)
    : state_floats_(conv_state_floats(shape) + scan_state_floats(shape)),
      logits_size_(size_t{chunk} * shape.vocab_padded) {
    const size_t sizes[] = {size_t{chunk} * shape.d_model_padded, size_t{chunk} * 2 * shape.d_inner_padded,
                            size_t{chunk} * shape.x_proj_padded, size_t{chunk} * shape.d_inner_padded,
                            state_floats_};
    size_t total = 0;
    for (size_t size : sizes) total += size;
    floats_.resize(total);
    float *next = floats_.data();
    const auto take = [&](size_t size) {
        float *taken = next;
        next += size;
        return taken;
    };
    buffers_.in_floats = take(sizes[0]);
    buffers_.xz = take(sizes[1]);
    buffers_.x_proj = take(sizes[2]);
    buffers_.dt = take(sizes[3]);
    state_.conv = take(sizes[4]);
    state_.scan = state_.conv + conv_state_floats(shape);
}

void ChunkMemory::reset_state() { std::fill_n(state_.conv, state_floats_, 0.0f); }

void ChunkMemory::save_state() { saved_state_.assign(state_.conv, state_.conv + state_floats_); }

void ChunkMemory::restore_state() { std::copy(saved_state_.begin(), saved_state_.end(), state_.conv); }

void ChunkMemory::need_logits() {
    logit_floats_.resize(logits_size_);
    logits_ = logit_floats_.data();
}

Sequence plain_sequence(const Tokens &tokens) {
    return {tokens, {}, {{0, static_cast<uint32_t>(tokens.size())}}};
}

std::vector<Sequence::Range> segments_of(const Sequence &sequence) {
    std::vector<Sequence::Range> segments;
    uint32_t begin = 0;
    for (uint32_t branch : sequence.branches) {
        segments.push_back({begin, branch});
        begin = branch;
    }
    segments.push_back({begin, static_cast<uint32_t>(sequence.tokens.size())});
    return segments;
}

namespace {

const KernelTable &choose_kernels() {
    const KernelTable *kernels = kernels_choose(nullptr);
    if (!kernels)
        fail(ExitCode::usage, "ADDER_ISA is '%s', which is not built in or not usable on this CPU",
             kernels_environment());
    return *kernels;
}

// One layer's weights as floats, in the runtime's layout.
class FloatLayer {
  public:
    FloatLayer(const Checkpoint &checkpoint, const Shape &shape, uint32_t layer)
        : checkpoint_(checkpoint), shape_(shape), layer_(layer) {
        const bool bias = checkpoint.config().use_bias;
        weights_.norm = vector(Role::norm);
        weights_.in_proj = linear(Role::in_proj, bias ? vector(Role::in_proj_bias) : nullptr);
        weights_.conv_weight = vector(Role::conv_weight);
        weights_.conv_bias = vector(Role::conv_bias);
        weights_.x_proj = linear(Role::x_proj, nullptr);
        weights_.dt_proj = linear(Role::dt_proj, vector(Role::dt_bias));
        weights_.A2 = vector(Role::A2);
        weights_.D = vector(Role::D);
        weights_.out_proj = linear(Role::out_proj, bias ? vector(Role::out_proj_bias) : nullptr);
    }
    const LayerWeights &weights() const { return weights_; }

  private:
    const float *vector(Role role) {
        const TensorExtent extent = tensor_extent(shape_, role, Dtype::f32);
        tensors_.emplace_back(extent.bytes / sizeof(float));
        Packing(checkpoint_.config(), shape_, role)
            .floats(read_dense(checkpoint_, role, layer_), tensors_.back().data());
        return tensors_.back().data();
    }
    Linear linear(Role role, const float *bias) {
        const TensorExtent extent = tensor_extent(shape_, role, Dtype::f32);
        Linear result{};
        result.matrix.weights = vector(role);
        result.matrix.bias = bias;
        result.matrix.tiles = extent.rows / tile_size;
        result.matrix.cols = extent.cols;
        result.dtype = Dtype::f32;
        result.input = Input::floats;
        return result;
    }

    const Checkpoint &checkpoint_;
    const Shape &shape_;
    uint32_t layer_;
    LayerWeights weights_{};
    std::vector<std::vector<float>> tensors_;
};

}  // namespace

FloatModel::FloatModel(const Checkpoint &checkpoint, ThreadPool &pool)
    : checkpoint_(checkpoint), pool_(pool), shape_(shape_of(checkpoint)), kernels_(choose_kernels()) {
    for (uint32_t member = 0; member < pool.size(); ++member) memory_.emplace_back(shape_, chunk);
}

void FloatModel::embed(const Tokens &tokens, float *residual) const {
    const TensorView &table = checkpoint_.tensor("backbone.embeddings.weight");
    const uint32_t d_model = checkpoint_.config().d_model;
    for (size_t t = 0; t < tokens.size(); ++t)
        checkpoint_.read(table, static_cast<uint64_t>(tokens[t]) * d_model, d_model,
                         residual + t * shape_.d_model_padded);
}

void FloatModel::run(const std::vector<Tokens> &sequences, const Visitor &visitor) {
    std::vector<Sequence> plain;
    for (const Tokens &tokens : sequences) plain.push_back(plain_sequence(tokens));
    run(plain, visitor);
}

void FloatModel::run(const std::vector<Sequence> &sequences, const Visitor &visitor) {
    const Team alone{1, nullptr, nullptr};
    const float epsilon = checkpoint_.config().norm_epsilon;
    const uint32_t count = static_cast<uint32_t>(sequences.size());
    std::vector<std::vector<float>> residuals(count);
    pool_.run(count, [&](uint32_t i, uint32_t) {
        residuals[i].assign(sequences[i].tokens.size() * shape_.d_model_padded, 0.0f);
        embed(sequences[i].tokens, residuals[i].data());
    });

    // Calls body(first token, tokens) for the chunks of a range, in the kernels' float mode.
    const auto each_chunk = [](const Sequence::Range &range, const auto &body) {
        const FloatModeScope mode;
        for (uint32_t first = range.begin; first < range.end; first += chunk)
            body(first, std::min(chunk, range.end - first));
    };

    for (uint32_t layer = 0; layer < shape_.n_layer; ++layer) {
        throw_if_interrupted();
        const FloatLayer weights(checkpoint_, shape_, layer);
        pool_.run(count, [&](uint32_t i, uint32_t member) {
            ChunkMemory &memory = memory_[member];
            memory.reset_state();
            const std::vector<Sequence::Range> segments = segments_of(sequences[i]);
            for (size_t s = 0; s < segments.size(); ++s) {
                if (s == 1) memory.save_state();
                if (s > 1) memory.restore_state();
                each_chunk(segments[s], [&](uint32_t first, uint32_t tokens) {
                    ChunkBuffers buffers = memory.buffers();
                    buffers.residual = residuals[i].data() + size_t{first} * shape_.d_model_padded;
                    layer_forward(kernels_, alone, shape_, epsilon, weights.weights(), memory.state(),
                                  buffers, tokens);
                    if (visitor.layer) visitor.layer(layer, i, first, buffers, tokens, member);
                });
            }
        });
        if (visitor.layer_done) visitor.layer_done(layer);
    }

    if (!visitor.head_input && !visitor.logits) return;
    const auto pack = [&](Role role) {
        std::vector<float> packed(tensor_extent(shape_, role, Dtype::f32).bytes / sizeof(float));
        Packing(checkpoint_.config(), shape_, role).floats(read_dense(checkpoint_, role, 0), packed.data());
        return packed;
    };
    const std::vector<float> norm = pack(Role::final_norm);
    std::vector<float> head_weights;
    Linear head{};
    head.dtype = Dtype::f32;
    head.input = Input::floats;
    if (visitor.logits) {
        head_weights = pack(Role::head);
        head.matrix.weights = head_weights.data();
        head.matrix.tiles = shape_.vocab_padded / tile_size;
        head.matrix.cols = shape_.d_model_padded;
        for (ChunkMemory &memory : memory_) memory.need_logits();
    }
    pool_.run(count, [&](uint32_t i, uint32_t member) {
        ChunkMemory &memory = memory_[member];
        const auto forward = [&](uint32_t first, uint32_t tokens) {
            // Without logits the head has no rows: only its input is made.
            head_forward(kernels_, alone, shape_, epsilon, norm.data(), head, memory.buffers(),
                         residuals[i].data() + size_t{first} * shape_.d_model_padded, tokens,
                         memory.logits());
            if (visitor.head_input) visitor.head_input(i, memory.buffers().in_floats, tokens, member);
            if (visitor.logits)
                for (uint32_t t = 0; t < tokens; ++t)
                    visitor.logits(i, first + t, memory.logits() + size_t{t} * shape_.vocab_padded, member);
        };
        for (const Sequence::Range &range : sequences[i].rows) each_chunk(range, forward);
    });
}

}  // namespace adder
