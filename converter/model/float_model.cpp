// Running a checkpoint in float, layer by layer.
// SPDX-License-Identifier: MIT
#include "converter/model/float_model.h"

#include "converter/base/progress.h"
#include "converter/model/packing.h"
#include "converter/model/weights.h"

namespace adder {

FloatLayer::FloatLayer(const Checkpoint &checkpoint, const Shape &shape, uint32_t layer,
                       const ZeroedColumns *zeroed)
    : checkpoint_(checkpoint), shape_(shape), layer_(layer), zeroed_(zeroed) {
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

const float *FloatLayer::vector(Role role) {
    const TensorExtent extent = tensor_extent(shape_, role, Dtype::f32);
    tensors_.emplace_back(extent.bytes / sizeof(float));
    DenseTensor dense = read_dense(checkpoint_, role, layer_);
    if (zeroed_) zeroed_->apply(role, layer_, &dense);
    Packing(checkpoint_.config(), shape_, role).floats(dense, tensors_.back().data());
    return tensors_.back().data();
}

Linear FloatLayer::linear(Role role, const float *bias) {
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

FloatModel::FloatModel(const Checkpoint &checkpoint, ThreadPool &pool)
    : checkpoint_(checkpoint), runner_(shape_of(checkpoint), checkpoint.config().norm_epsilon, pool) {}

ResidualStreams FloatModel::embed(const std::vector<Sequence> &sequences) const {
    const uint32_t stride = shape().d_model_padded;
    ResidualStreams streams(sequences, stride);
    runner_.pool().run(static_cast<uint32_t>(sequences.size()), [&](uint32_t i, uint32_t) {
        const Tokens &tokens = sequences[i].tokens;
        for (size_t t = 0; t < tokens.size(); ++t)
            checkpoint_.embed_row(static_cast<uint32_t>(tokens[t]), streams.of(i) + t * stride);
    });
    checkpoint_.release(checkpoint_.tensor("backbone.embeddings.weight"));
    return streams;
}

void FloatModel::run(const std::vector<Tokens> &sequences, const Visitor &visitor) {
    run(plain_sequences(sequences), visitor);
}

void FloatModel::run(const std::vector<Sequence> &sequences, const Visitor &visitor) {
    ResidualStreams streams = embed(sequences);
    for (uint32_t layer = 0; layer < shape().n_layer; ++layer) {
        throw_if_interrupted();
        const FloatLayer weights(checkpoint_, shape(), layer, zeroed_);
        LayerRunner::Visit visit;
        if (visitor.layer || state_visitor_)
            visit = [&](size_t sequence, uint32_t first, const ChunkBuffers &buffers, uint32_t tokens,
                        uint32_t member) {
                if (visitor.layer) visitor.layer(layer, sequence, first, buffers, tokens, member);
                if (state_visitor_) (*state_visitor_)(layer, runner_.memory(member).state());
            };
        runner_.run(weights.weights(), sequences, 0, sequences.size(), &streams, visit,
                    state_visitor_ ? 1 : LayerRunner::chunk);
        if (visitor.layer_done) visitor.layer_done(layer);
    }

    if (!visitor.head_input && !visitor.logits) return;
    const auto pack = [&](Role role) {
        std::vector<float> packed(tensor_extent(shape(), role, Dtype::f32).bytes / sizeof(float));
        DenseTensor dense = read_dense(checkpoint_, role, 0);
        if (zeroed_) zeroed_->apply(role, 0, &dense);
        Packing(checkpoint_.config(), shape(), role).floats(dense, packed.data());
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
        head.matrix.tiles = shape().vocab_padded / tile_size;
        head.matrix.cols = shape().d_model_padded;
    }
    const auto visit = [&](size_t i, uint32_t first, const ChunkBuffers &buffers, uint32_t tokens,
                           uint32_t member) {
        if (visitor.head_input) visitor.head_input(i, buffers.in_floats, tokens, member);
        if (!visitor.logits) return;
        const float *const logits = runner_.memory(member).logits();
        for (uint32_t t = 0; t < tokens; ++t)
            visitor.logits(i, first + t, logits + size_t{t} * shape().vocab_padded, member);
    };
    runner_.run_head(norm.data(), head, sequences, 0, sequences.size(), streams, visit);
}

}  // namespace adder
