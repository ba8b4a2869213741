// The steps of a block with all of its weights in memory.
// SPDX-License-Identifier: MIT
//
// A block's arithmetic (runtime/blocks/) is written once, as a template over where its weights come from: this, or
// StreamSource (runtime/stream_source.h), which has them in a small buffer, piece by piece. `Weights` gives the linear
// layers and vectors by role: BlobWeights those of a blob, the converter's its float model's.
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/model.h"

namespace adder {

// Those of a blob in memory. Every file has its own, so that the steps for them are not merged by the linker.
namespace {
struct BlobWeights : ModelBlock {
    // Is `tap` to be asked before a linear layer computes? Only the converter has such weights (converter/model/).
    static constexpr bool has_taps = false;
};
}  // namespace

// A chunk whose tokens follow each other: what goes by a state or a position is done for all of them at once.
struct OneSequence {
    // body(frame, first): the tokens of each sequence, the first of them being that of the chunk.
    template <class Body>
    void each(const Frame &frame, const Body &body) const {
        body(frame, 0);
    }
    // Channels of the chunk, from that token on.
    static const Channels &channels(const Channels &all, uint32_t) { return all; }
};

template <class Weights, class Sequences = OneSequence>
class MemorySource : private Sequences {
  public:
    MemorySource(const Frame &frame, const Weights &weights, const Sequences &sequences = Sequences())
        : Sequences(sequences), frame_(frame), weights_(weights) {}

    // A linear layer with its input: for the steps before it, too, which make the input.
    Layer layer(uint8_t row) const {
        return {row_of(row), weights_.linear(row_of(row)), input_view(frame_, row_of(row))};
    }

    // The input of `layer`, made by RMSNorm with the weights of row `norm`, in groups of equal width: of the residual
    // stream, or, where the input stands in a buffer of the block, of that in place.
    adder_status norm(uint8_t norm, const Layer &layer, uint32_t groups, Param epsilon) const {
        normalize_input(frame_, layer, weights_.vector(row_of(norm)), groups, epsilon);
        return ADDER_OK;
    }

    // RMSNorm of the parts of a buffer in place, with the weights of as many rows from `first` on.
    adder_status norms(uint8_t first, uint32_t count, Slot slot, Param epsilon) const {
        const SlotView &view = frame_.slots[slot];
        float *v = view.floats();
        for (const TensorRow *row = &row_of(first); count > 0; ++row, --count)
            v = normalize_part(frame_, *row, weights_.vector(*row), epsilon, v, view.stride);
        return ADDER_OK;
    }

    // The linear layers, then `step` for the channels that need no more of them than their own rows: with one barrier for all.
    // `step` makes the codes of `codes`, if that wants such; null: of none. `step_work` is what the step costs per number of the
    // row and token, as linear_work counts.
    template <uint32_t count>
    adder_status linear_channels(const LinearTo (&to)[count], uint8_t first_row, uint32_t step_work,
                                 ChannelStep *step, const Layer *codes) const {
        const TensorRow &row = row_of(first_row);
        uint64_t work = channels_work(frame_, row, step_work);
        for (const LinearTo &one : to) {
            if (!prepare(one.layer)) return ADDER_MORE;
            work += linear_work(one.layer.linear, one.layer.linear.matrix.tiles, frame_.tokens);
        }
        Channels all{};
        all.tensors[0] = weights_.vector(row);
        all.tensors[1] = weights_.vector((&row)[channels_joined(row)]);
        if (codes) want_codes(*codes, &all);
        const uint32_t unit = frame_.dims().padded(row.rows.part[0]) / tile_size;
        team_run(frame_.team, work, unit, [&](Range range) {
            for (const LinearTo &one : to) {
                const SlotView &out = frame_.slots[one.out];
                const Parts &rows = one.layer.row.rows;
                for (uint32_t part = 0, first = 0; part < rows.count; ++part)
                    run_linear(frame_.kernels, one.layer.linear, one.layer.input,
                               share(rows, part, range, unit, &first), frame_.tokens, out.floats(),
                               out.stride, false);
            }
            for (uint32_t part = 0, first = 0; part < row.rows.count; ++part) {
                const Range tiles = share(row.rows, part, range, unit, &first);
                this->each(frame_, [&](const Frame &frame, uint32_t token) {
                    step(frame, channels_of(this->channels(all, token), tiles, frame_.dims()[row.cols]), part);
                });
                if (all.codes) widen_channels(codes->linear, codes->input, tiles, frame_.tokens);
            }
        });
        return ADDER_OK;
    }

    // The linear layers, all of as many rows, then `step` for their tiles: with one barrier for all. `step_work` is what it costs
    // per row and token.
    template <uint32_t count>
    adder_status linear_rows(const LinearTo (&to)[count], uint32_t step_work, RowStep *step) const {
        const uint32_t tiles = to[0].layer.linear.matrix.tiles;
        uint64_t work = uint64_t{tile_size} * tiles * frame_.tokens * step_work;
        for (const LinearTo &one : to) {
            if (!prepare(one.layer)) return ADDER_MORE;
            work += linear_work(one.layer.linear, tiles, frame_.tokens);
        }
        team_run(frame_.team, work, tiles, [&](Range range) {
            for (const LinearTo &one : to) {
                const SlotView &out = frame_.slots[one.out];
                run_linear(frame_.kernels, one.layer.linear, one.layer.input, range, frame_.tokens,
                           out.floats(), out.stride, false);
            }
            step(frame_, range);
        });
        return ADDER_OK;
    }

    // `step` for `tiles` tiles of channels that share two vectors, those of row `first` and the next.
    adder_status with_vectors(uint8_t first, uint32_t tiles, uint64_t work, VectorStep *step) const {
        const float *const a = weights_.vector(row_of(first)), *const b = weights_.vector(row_of(first + 1u));
        team_run(frame_.team, work, tiles, [&](Range range) {
            this->each(frame_, [&](const Frame &frame, uint32_t) { step(frame, a, b, range); });
        });
        return ADDER_OK;
    }

    // The same for some tokens, whatever sequence they are of.
    adder_status tokens_with_vectors(uint8_t first, uint64_t work, VectorStep *step) const {
        const float *const a = weights_.vector(row_of(first)), *const b = weights_.vector(row_of(first + 1u));
        team_run(frame_.team, work, frame_.tokens, [&](Range range) { step(frame_, a, b, range); });
        return ADDER_OK;
    }

    // body(frame) for the tokens of each sequence: a step of its own making, with its own team_run.
    template <class Body>
    void each_sequence(const Body &body) const {
        this->each(frame_, [&](const Frame &frame, uint32_t) { body(frame); });
    }

    // `step` for tiles of the channels of a row, with its vectors from the first of them on. `step_work` is what it costs per
    // number of the row and token.
    adder_status with_channels(uint8_t row, uint32_t step_work, VectorStep *step) const {
        const TensorRow &channels = row_of(row);
        const float *const vectors = weights_.vector(channels);
        const uint32_t tile_floats = tile_size * frame_.dims()[channels.cols];
        team_run(frame_.team, channels_work(frame_, channels, step_work),
                 channels.rows.padded(frame_.dims()) / tile_size, [&](Range range) {
                     this->each(frame_, [&](const Frame &frame, uint32_t) {
                         step(frame, vectors + size_t{tile_floats} * range.begin, nullptr, range);
                     });
                 });
        return ADDER_OK;
    }

    adder_status linear(const Layer &layer, Slot slot) const {
        const SlotView &out = frame_.slots[slot];
        return linear_to(layer, out.floats(), out.stride, false);
    }

    // residual += the linear layer.
    adder_status add_linear(const Layer &layer) const {
        return linear_to(layer, frame_.buffers.residual, frame_.dims().padded(Dim::d_model), true);
    }

  private:
    const TensorRow &row_of(uint32_t row) const { return frame_.block.kind->tensors[row]; }

    // Makes the input of a linear layer as it takes it. False if this is as far as a tap wants the block to go.
    bool prepare(const Layer &layer) const {
        if constexpr (Weights::has_taps)
            if (!weights_.tap(frame_, layer.row, layer.input)) return false;
        if (!frame_.block.kind->inputs[layer.row.input].of_norm)
            encode(frame_.kernels, frame_.team, layer.linear, layer.input, frame_.tokens);
        else if (frame_.block.kind->shared_inputs)  // made for one of those that share it
            widen_channels(layer.linear, layer.input, input_tiles(layer.linear), frame_.tokens);
        return true;
    }

    adder_status linear_to(const Layer &layer, float *out, uint32_t stride, bool add) const {
        if (!prepare(layer)) return ADDER_MORE;
        run_linear_on(frame_.team, frame_.kernels, layer.linear, layer.input, all_tiles(layer.linear),
                      frame_.tokens, out, stride, add);
        return ADDER_OK;
    }

    // The tiles of a part that belong to `range` of `unit` tiles: what goes by other tiles is cut at the same places. The part
    // begins at tile *first, and the next one where that is left.
    Range share(const Parts &rows, uint32_t part, Range range, uint32_t unit, uint32_t *first) const {
        const uint32_t tiles = is_built(block_unequal_parts)
                                   ? frame_.dims().padded(rows.part[part]) / tile_size
                                   : unit,
                       begin = *first;
        *first += tiles;
        if (!is_built(block_unequal_parts) || tiles == unit) return {begin + range.begin, begin + range.end};
        return {begin + range.begin * tiles / unit, begin + range.end * tiles / unit};
    }

    const Frame &frame_;
    const Weights &weights_;
};

}  // namespace adder
