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

template <class Weights>
class MemorySource {
  public:
    MemorySource(const Frame &frame, const Weights &weights) : frame_(frame), weights_(weights) {}

    // The input of `linear`, made by RMSNorm with the weights of row `norm`, in groups of equal width: of the residual
    // stream, or, where the input stands in a buffer of the block, of that in place.
    adder_status norm(uint8_t norm, uint8_t linear, uint32_t groups, Param epsilon) {
        const Place &place = at(row_of(linear));
        normalize_input(frame_, row_of(linear), place.linear, place.input, weights_.vector(row_of(norm)), groups, epsilon);
        return ADDER_OK;
    }

    // RMSNorm of the parts of a buffer in place, with the weights of as many rows from `first` on.
    adder_status norms(uint8_t first, uint32_t count, Slot slot, Param epsilon) {
        for (uint32_t i = 0; i < count; ++i)
            normalize_part(frame_, slot, i, weights_.vector(row_of(first + i)), epsilon);
        return ADDER_OK;
    }

    // The linear layers, then `step` for the channels that need no more of them than their own rows: with
    // one barrier for all. `work` is what the step costs per number of the row and token, as linear_work counts.
    template <uint32_t count>
    adder_status linear_channels(const LinearTo (&to)[count], uint8_t first_row, uint32_t step_work, ChannelStep *step) {
        uint64_t work = channels_work(frame_, row_of(first_row), step_work);
        Place places[count];
        for (uint32_t i = 0; i < count; ++i) {
            if (!prepare(row_of(to[i].row))) return ADDER_MORE;
            places[i] = last_;
            work += linear_work(last_.linear, last_.linear.matrix.tiles, frame_.tokens);
        }
        const TensorRow &row = row_of(first_row);
        const Channels all = all_channels(row);
        const uint32_t unit = frame_.dims().padded(row.rows.part[0]) / tile_size;
        team_run(frame_.team, work, unit, [&](Range range) {
            for (uint32_t i = 0; i < count; ++i) {
                const SlotView &out = frame_.slots[to[i].out];
                const Parts &rows = row_of(to[i].row).rows;
                for (uint32_t part = 0, first = 0; part < rows.count; ++part)
                    run_linear(frame_.kernels, places[i].linear, places[i].input, share(rows, part, range, unit, &first),
                               frame_.tokens, out.floats(), out.stride, false);
            }
            for (uint32_t part = 0, first = 0; part < row.rows.count; ++part) {
                const Range tiles = share(row.rows, part, range, unit, &first);
                step(frame_, channels_of(all, tiles, frame_.dims()[row.cols]), part);
                if (all.codes) widen_channels(last_.linear, last_.input, tiles, frame_.tokens);
            }
        });
        return ADDER_OK;
    }

    // `step` for `tiles` tiles of channels that share two vectors, those of row `first` and the next.
    adder_status with_vectors(uint8_t first, uint32_t tiles, uint64_t work, VectorStep *step) {
        const float *const a = weights_.vector(row_of(first)), *const b = weights_.vector(row_of(first + 1u));
        team_run(frame_.team, work, tiles, [&](Range range) { step(frame_, a, b, range); });
        return ADDER_OK;
    }

    adder_status linear(uint8_t row, Slot slot) {
        const SlotView &out = frame_.slots[slot];
        return linear_to(row_of(row), out.floats(), out.stride, false);
    }

    // residual += the linear layer.
    adder_status add_linear(uint8_t row) {
        return linear_to(row_of(row), frame_.buffers.residual, frame_.dims().padded(Dim::d_model), true);
    }

  private:
    const TensorRow &row_of(uint32_t row) const { return frame_.block.kind->tensors[row]; }
    const TensorRow &codes_row(const TensorRow &row) const { return (&row)[row.codes_for]; }

    // A linear layer with its input. The last one stays at hand: what makes the codes of an input looks at the layer that
    // takes them next.
    struct Place {
        const TensorRow *row = nullptr;
        Linear linear;
        LinearInput input;
    };
    const Place &at(const TensorRow &row) {
        if (last_.row != &row) {
            last_.row = &row;
            last_.linear = weights_.linear(row);
            last_.input = input_view(frame_.block, frame_.slots, frame_.buffers, frame_.block.kind->inputs[row.input]);
        }
        return last_;
    }

    // All channels of a part of the block.
    Channels all_channels(const TensorRow &row) {
        Channels all{};
        all.tensors[0] = weights_.vector(row);
        all.tensors[1] = weights_.vector((&row)[1]);
        if (row.codes_for == 0) return all;
        const Place &next = at(codes_row(row));
        if (next.linear.input == Input::channels) want_codes(next.linear, next.input, &all);
        return all;
    }

    // A linear layer with its input as it takes it, in last_. False if this is as far as a tap wants the block to go.
    bool prepare(const TensorRow &row) {
        const Place &place = at(row);
        if constexpr (Weights::has_taps)
            if (!weights_.tap(frame_, row, place.input)) return false;
        if (!frame_.block.kind->inputs[row.input].of_norm)
            encode(frame_.kernels, frame_.team, place.linear, place.input, frame_.tokens);
        else if (frame_.block.kind->shared_inputs)  // made for one of those that share it
            widen_channels(place.linear, place.input, input_tiles(place.linear), frame_.tokens);
        return true;
    }

    adder_status linear_to(const TensorRow &row, float *out, uint32_t stride, bool add) {
        if (!prepare(row)) return ADDER_MORE;
        run_linear_on(frame_.team, frame_.kernels, last_.linear, last_.input, all_tiles(last_.linear), frame_.tokens, out,
                      stride, add);
        return ADDER_OK;
    }

    // The tiles of a part that belong to `range` of `unit` tiles: what goes by other tiles is cut at the same places. The part
    // begins at tile *first, and the next one where that is left.
    Range share(const Parts &rows, uint32_t part, Range range, uint32_t unit, uint32_t *first) const {
        const uint32_t tiles = frame_.dims().padded(rows.part[part]) / tile_size, begin = *first;
        *first += tiles;
        if (!has_unequal_parts || tiles == unit) return {begin + range.begin, begin + range.end};
        return {begin + range.begin * tiles / unit, begin + range.end * tiles / unit};
    }

    const Frame &frame_;
    const Weights &weights_;
    Place last_;
};

}  // namespace adder
