// Running a checkpoint in float, block by block.
// SPDX-License-Identifier: MIT
#include "converter/model/float_model.h"

#include "converter/base/progress.h"
#include "converter/model/packing.h"

namespace adder {
namespace {

std::vector<float> read_packed(const Checkpoint &checkpoint, Role role, uint32_t block,
                               const ZeroedColumns *zeroed) {
    const BlockView view = checkpoint.shape().view(block);
    const TensorExtent extent = tensor_extent(*find_row(*view.kind, role), view.dims, Dtype::f32);
    std::vector<float> packed(extent.bytes / sizeof(float));
    DenseTensor dense = checkpoint.read(role, block);
    // Zeroing a channel of an input is zeroing its column wherever that input is taken.
    if (zeroed && is_matrix(role) && role != Role::embedding)
        zeroed->apply(input_owner(checkpoint.shape(), role, block), block, &dense,
                      diagonal_blocks(*view.kind, *find_row(*view.kind, role), view.dims));
    Packing(checkpoint.shape(), role, block).floats(dense, packed.data());
    return packed;
}

}  // namespace

FloatBlock::FloatBlock(const Checkpoint &checkpoint, uint32_t block, const ZeroedColumns *zeroed)
    : view_(checkpoint.shape().view(block)), tensors_(view_.kind->tensor_count) {
    for (uint32_t i = 0; i < view_.kind->tensor_count; ++i) {
        const TensorRow &row = view_.kind->tensors[i];
        if (is_present(row, view_.shape->flags))
            tensors_[i] = read_packed(checkpoint, row.role, block, zeroed);
    }
}

Linear FloatBlock::linear(const TensorRow &row) const {
    const TensorExtent extent = tensor_extent(row, view_.dims, Dtype::f32);
    const TensorRow *bias = bias_row(*view_.kind, row, view_.shape->flags);
    Linear result{};
    result.matrix.weights = vector(row);
    result.matrix.bias = bias != nullptr ? vector(*bias) : nullptr;
    result.matrix.tiles = extent.rows / tile_size;
    result.matrix.cols = extent.cols;
    result.dtype = Dtype::f32;
    result.input = Input::floats;
    result.blocks = diagonal_blocks(*view_.kind, row, view_.dims);
    return result;
}

FloatModel::FloatModel(const Checkpoint &checkpoint, ThreadPool &pool)
    : checkpoint_(checkpoint), runner_(checkpoint.shape(), pool) {}

ResidualStreams FloatModel::embed(const std::vector<Sequence> &sequences) const {
    const uint32_t stride = shape().d_model_padded();
    ResidualStreams streams(sequences, shape());
    runner_.pool().run(static_cast<uint32_t>(sequences.size()), [&](uint32_t i, uint32_t) {
        const Tokens &tokens = sequences[i].tokens;
        for (size_t t = 0; t < tokens.size(); ++t)
            checkpoint_.embed_row(static_cast<uint32_t>(tokens[t]), streams.of(i) + t * stride);
    });
    checkpoint_.release_embedding();
    return streams;
}

void FloatModel::run(const std::vector<Tokens> &sequences, const Visitor &visitor) {
    run(plain_sequences(sequences), visitor);
}

void FloatModel::run(const std::vector<Sequence> &sequences, const Visitor &visitor) {
    ResidualStreams streams = embed(sequences);
    for (uint32_t block = 0; block < shape().block_count(); ++block) {
        throw_if_interrupted();
        const FloatBlock weights(checkpoint_, block, zeroed_);
        BlockRunner::Visitor visit;
        if (visitor.input)
            visit.input = [&](Role role, size_t sequence, uint32_t first, const LinearInputs &inputs,
                              uint32_t member) {
                LinearInputs placed = inputs;
                placed.first = first;
                visitor.input(role, block, sequence, placed, member);
            };
        if (visitor.residual || state_visitor_)
            visit.done = [&](size_t sequence, uint32_t first, const float *residual, uint32_t tokens,
                             uint32_t member) {
                if (visitor.residual) visitor.residual(block, sequence, first, residual, tokens);
                if (state_visitor_) (*state_visitor_)(block, runner_.memory(member).state());
            };
        runner_.run(block, weights, sequences, 0, sequences.size(), &streams, visit,
                    state_visitor_ ? 1 : BlockRunner::chunk);
        if (visitor.block_done) visitor.block_done(block);
    }

    if (!visitor.head_input && !visitor.logits) return;
    const std::vector<float> norm = read_packed(checkpoint_, Role::final_norm, no_block, zeroed_);
    std::vector<float> norm_bias, head_weights;
    if (shape().layer_norm) norm_bias = read_packed(checkpoint_, Role::final_norm_bias, no_block, zeroed_);
    Linear head{};
    head.dtype = Dtype::f32;
    head.input = Input::floats;
    if (visitor.logits) {
        head_weights = read_packed(checkpoint_, Role::head, no_block, zeroed_);
        head.matrix.weights = head_weights.data();
        head.matrix.tiles = shape().vocab_padded() / tile_size;
        head.matrix.cols = shape().d_model_padded();
    }
    const auto visit = [&](size_t i, uint32_t first, const float *input, uint32_t tokens, uint32_t member) {
        if (visitor.head_input) visitor.head_input(i, input, tokens, member);
        if (!visitor.logits) return;
        const float *const logits = runner_.memory(member).logits();
        for (uint32_t t = 0; t < tokens; ++t)
            visitor.logits(i, first + t, logits + size_t{t} * shape().vocab_padded(), member);
    };
    runner_.run_head(norm.data(), shape().layer_norm ? norm_bias.data() : nullptr, head, sequences, 0,
                     sequences.size(), streams, visit);
}

}  // namespace adder
