// The steps of a block whose weights come through a buffer: what MemorySource does, over the tiles that are in it.
// SPDX-License-Identifier: MIT
//
// Rows and channels are independent of each other, so that each piece is a smaller matrix, or fewer channels, for the same
// kernels. Hence the same bits. For runtime/stream_walk.cpp alone: nothing of it is seen by the linker.
#pragma once

#include "runtime/stream.h"
#include "runtime/walk.h"

namespace adder {
namespace {

class StreamSource {
  public:
    StreamSource(adder_session &session, const Frame &frame, const ModelBlock &weights, uint32_t stage)
        : session_(session), frame_(frame), weights_(weights), stage_(stage) {}

    Layer layer(uint8_t row) const {
        return {row_of(row), weights_.linear(row_of(row)), input_view(frame_, row_of(row))};
    }

    // As MemorySource has them. Kept out of line: inlined, the frames of all would be on the stack at once.
    [[maybe_unused, gnu::noinline]] adder_status norm(uint8_t norm, const Layer &layer, uint32_t groups,
                                                      Param epsilon) const;
    [[maybe_unused, gnu::noinline]] adder_status norms(uint8_t first, uint32_t count, Slot slot,
                                                       Param epsilon) const;
    template <uint32_t count>
    [[gnu::noinline]] adder_status linear_channels(const LinearTo (&to)[count], uint8_t first_row,
                                                   uint32_t step_work, ChannelStep *step,
                                                   const Layer *codes) const {
        adder_status status = ADDER_OK;
        for (uint32_t i = 0; i < count && status == ADDER_OK; ++i) status = linear(to[i].layer, to[i].out);
        return status == ADDER_OK ? channels(row_of(first_row),
                                             channels_work(frame_, row_of(first_row), step_work), step, codes)
                                  : status;
    }
    template <uint32_t count>
    [[gnu::noinline]] adder_status linear_rows(const LinearTo (&to)[count], uint32_t step_work,
                                               RowStep *step) const {
        adder_status status = ADDER_OK;
        for (uint32_t i = 0; i < count && status == ADDER_OK; ++i) status = linear(to[i].layer, to[i].out);
        if (status != ADDER_OK) return status;
        const uint32_t tiles = to[0].layer.linear.matrix.tiles;
        team_run(frame_.team, uint64_t{tile_size} * tiles * frame_.tokens * step_work, tiles,
                 [&](Range range) { step(frame_, range); });
        return ADDER_OK;
    }
    [[gnu::noinline, maybe_unused]] adder_status with_vectors(uint8_t first, uint32_t tiles, uint64_t work,
                                                              VectorStep *step) const;
    [[maybe_unused]] adder_status tokens_with_vectors(uint8_t first, uint64_t work, VectorStep *step) const {
        return with_vectors(first, frame_.tokens, work, step);
    }
    template <class Body>
    void each_sequence(const Body &body) const {
        body(frame_);
    }
    [[gnu::noinline, maybe_unused]] adder_status with_channels(uint8_t row, uint32_t step_work,
                                                               VectorStep *step) const;
    [[maybe_unused, gnu::noinline]] adder_status linear(const Layer &layer, Slot slot) const;
    [[gnu::noinline]] adder_status add_linear(const Layer &layer) const;

    // body(layer, piece) with the linear layer as its input is made for it by a norm, which comes with each piece of row `norm`;
    // what that leaves to a transform is done after.
    template <typename Body>
    adder_status with_norm(const TensorRow &norm, const Layer &layer, const Body &body) const {
        Layer first = layer;
        const bool transformed =
            layer.linear.input == Input::hadamard;  // its multipliers come after the weights of the norm
        if (transformed) first.linear.input = Input::floats;
        const adder_status status =
            each_piece(row_part(place_of(norm)), UINT32_MAX, [&](const Piece &piece) { body(first, piece); });
        return status == ADDER_OK && transformed ? encode_hadamard(layer) : status;
    }

    // The pieces of a matrix: rows of the layer, before tile `end`. Its input is encoded.
    adder_status multiply(const Layer &layer, float *out, uint32_t stride, bool add,
                          uint32_t end = UINT32_MAX) const;

  private:
    const BlockKind &kind() const { return *frame_.block.kind; }
    const TensorRow &row_of(uint32_t row) const { return kind().tensors[row]; }
    uint32_t place_of(const TensorRow &row) const { return static_cast<uint32_t>(&row - kind().tensors); }
    adder_status linear_to(const Layer &layer, float *out, uint32_t stride, bool add) const;
    adder_status encode_hadamard(const Layer &layer) const;

    // Calls body(piece) for all pieces of a part, and those before tile `end` only.
    template <typename Body>
    adder_status each_piece(PartId part, uint32_t end, const Body &body) const {
        StreamReader &reader = *session_.reader;
        while (reader.next.tiles > 0 && reader.next.stage == stage_ && reader.next.part == part &&
               reader.next.first < end) {
            Piece piece;
            const adder_status status = stream_take(reader, weights_.model, &piece);
            if (status != ADDER_OK) return status;
            body(piece);
        }
        return ADDER_OK;
    }

    [[maybe_unused, gnu::noinline]] adder_status channels(const TensorRow &row, uint64_t work,
                                                          ChannelStep *step, const Layer *codes) const;

    adder_session &session_;
    const Frame &frame_;
    const ModelBlock &weights_;
    const uint32_t stage_;
};

}  // namespace
}  // namespace adder
