// A chunk's way through a streamed model: embedding, blocks and head by pieces.
// SPDX-License-Identifier: MIT
#include "kernels/scalar/hadamard.h"
#include "runtime/blocks/forward.h"
#include "runtime/stream_source.h"

namespace adder {

// The rows of a linear layer that a piece holds: its spans are weights, scales where there are any, and a bias.
static Linear rows_of(const Linear &whole, const Piece &piece, bool biased) {
    Linear rows = whole;
    rows.matrix.weights = piece.spans[0];
    rows.matrix.tiles = piece.tiles;
    if (is_built(block_diagonal)) rows.first_tile = piece.first;
    if (whole.dtype == Dtype::int8) rows.matrix.scale = piece.floats(1);
    if (whole.dtype == Dtype::int4)
        rows.matrix.group_scale = reinterpret_cast<const uint16_t *>(piece.spans[1]);
    rows.matrix.bias = biased ? piece.floats(whole.dtype == Dtype::f32 ? 1 : 2) : nullptr;
    return rows;
}

adder_status StreamSource::norm(uint8_t norm, const Layer &layer, uint32_t groups, Param epsilon) const {
    return with_norm(row_of(norm), layer, [&](const Layer &first, const Piece &piece) {
        normalize_input(frame_, first, piece.floats(0), groups, epsilon);
    });
}

adder_status StreamSource::norms(uint8_t first, uint32_t count, Slot slot, Param epsilon) const {
    return each_piece(row_part(first), UINT32_MAX, [&](const Piece &piece) {
        const SlotView &view = frame_.slots[slot];
        float *v = view.floats();
        for (uint32_t i = 0; i < count; ++i)
            v = normalize_part(frame_, row_of(first + i), piece.floats(i), epsilon, v, view.stride);
    });
}

// Blocks of 64 elements are transformed apart from each other.
adder_status StreamSource::encode_hadamard(const Layer &layer) const {
    return each_piece(multipliers_part(place_of(layer.row)), UINT32_MAX, [&](const Piece &piece) {
        const size_t first = size_t{hadamard_size} * piece.first;
        Linear blocks = layer.linear;
        blocks.matrix.cols = hadamard_size * piece.tiles;
        blocks.multipliers = piece.floats(0);
        LinearInput some = layer.input;
        some.codes += first;
        some.floats += first;
        if (some.widened) some.widened += first;
        encode(frame_.kernels, frame_.team, blocks, some, frame_.tokens);
    });
}

adder_status StreamSource::multiply(const Layer &layer, float *out, uint32_t stride, bool add,
                                    uint32_t end) const {
    const bool biased = bias_row(kind(), layer.row, frame_.block.shape->flags) != nullptr;
    return each_piece(row_part(place_of(layer.row)), end, [&](const Piece &piece) {
        const Linear rows = rows_of(layer.linear, piece, biased);
        run_linear_on(frame_.team, frame_.kernels, rows, layer.input, all_tiles(rows), frame_.tokens,
                      out + size_t{tile_size} * piece.first, stride, add);
    });
}

adder_status StreamSource::linear_to(const Layer &layer, float *out, uint32_t stride, bool add) const {
    const Linear &whole = layer.linear;
    if (!kind().inputs[layer.row.input].of_norm) {
        if (whole.input != Input::hadamard) {
            encode(frame_.kernels, frame_.team, whole, layer.input, frame_.tokens);
        } else {
            const adder_status status = encode_hadamard(layer);
            if (status != ADDER_OK) return status;
        }
    } else if (kind().shared_inputs) {  // made for one of those that share it
        widen_channels(whole, layer.input, input_tiles(whole), frame_.tokens);
    }
    return multiply(layer, out, stride, add);
}

adder_status StreamSource::linear(const Layer &layer, Slot slot) const {
    const SlotView &out = frame_.slots[slot];
    return linear_to(layer, out.floats(), out.stride, false);
}

adder_status StreamSource::add_linear(const Layer &layer) const {
    return linear_to(layer, frame_.buffers.residual, frame_.dims().padded(Dim::d_model), true);
}

adder_status StreamSource::with_vectors(uint8_t first, uint32_t tiles, uint64_t work, VectorStep *step) const {
    return each_piece(row_part(first), UINT32_MAX, [&](const Piece &piece) {
        team_run(frame_.team, work, tiles,
                 [&](Range range) { step(frame_, piece.floats(0), piece.floats(1), range); });
    });
}

adder_status StreamSource::with_channels(uint8_t row, uint32_t step_work, VectorStep *step) const {
    const uint32_t tile_floats = tile_size * frame_.dims()[row_of(row).cols];
    return each_piece(row_part(row), UINT32_MAX, [&](const Piece &piece) {
        team_run(frame_.team, channels_work(frame_, row_of(row), step_work), piece.tiles, [&](Range range) {
            step(frame_, piece.floats(0) + size_t{tile_floats} * range.begin, nullptr,
                 {piece.first + range.begin, piece.first + range.end});
        });
    });
}

adder_status StreamSource::channels(const TensorRow &row, uint64_t work, ChannelStep *step,
                                    const Layer *codes) const {
    Channels wanted{};
    if (codes) want_codes(*codes, &wanted);
    return each_piece(row_part(place_of(row)), UINT32_MAX, [&](const Piece &piece) {
        Channels all = wanted;
        all.first = piece.first;
        all.tensors[0] = piece.floats(0);
        all.tensors[1] = piece.floats(channels_joined(row));
        if (all.codes) {
            all.codes += size_t{tile_size} * piece.first;
            all.multipliers = piece.floats(2);
        }
        team_run(frame_.team, work, piece.tiles, [&](Range range) {
            uint32_t begin = piece.first + range.begin;
            const uint32_t end = piece.first + range.end;
            // What of the tiles belongs to each part of the rows.
            for (uint32_t part = 0, part_end = 0; begin < end; ++part) {
                part_end += frame_.dims().padded(row.rows.part[part]) / tile_size;
                if (begin >= part_end) continue;
                const Range tiles{begin, end < part_end ? end : part_end};
                step(frame_, channels_of(all, tiles, frame_.dims()[row.cols]), part);
                if (all.codes) widen_channels(codes->linear, codes->input, tiles, frame_.tokens);
                begin = tiles.end;
            }
        });
    });
}

adder_status stream_walk_embed(adder_session &session, const int32_t *tokens, uint32_t n, bool head_follows) {
    const Model &model = session.model();
    const Linear table = model_matrix(model, Role::embedding);
    for (uint32_t t = 0; t < n; ++t) {
        const uint32_t token = static_cast<uint32_t>(tokens[t]);
        Piece piece;
        const adder_status status = stream_embedding(*session.reader, model, token / tile_size, &piece);
        if (status != ADDER_OK) return status;
        embed_token(model, rows_of(table, piece, false), token % tile_size,
                    session.buffers.residual + size_t{t} * model.architecture.d_model_padded());
    }
    const uint32_t blocks = model.architecture.block_count;
    return stream_order(*session.reader, model, 0, head_follows ? blocks : blocks - 1);
}

adder_status stream_walk_block(adder_session &session, const Frame &frame, uint32_t block) {
    const ModelBlock weights = model_block(session.model(), frame.block, block);
    StreamSource source(session, frame, weights, block);
    return block_forward(source, frame);
}

// The ends have no buffers of their own. In flash: on the stack they would be its largest part.
static const Slots no_slots = Slots();

adder_status stream_walk_head(adder_session &session, uint32_t first, uint32_t n, Range tiles) {
    const Model &model = session.model();
    const Architecture &architecture = model.architecture;
    const uint32_t stage = architecture.block_count;
    const BlockView ends = ends_view(architecture);
    const Frame frame{*session.kernels, session.team, ends, session.buffers, no_slots, session.state, n};
    const ModelBlock weights{model, ends, 0};
    const StreamSource source(session, frame, weights, stage);
    const TensorRow *const rows = model_ends.tensors;  // embedding, final norm with its bias, head
    const uint32_t stride = architecture.d_model_padded();
    const Layer head{rows[model_ends.tensor_count - 1], model_matrix(model, Role::head),
                     head_input(session.buffers, stride)};
    if (tiles.begin == 0) {
        adder_status status = ADDER_OK;
        // adder_score computes a chunk's logits in several goes, none of which was ordered with the blocks.
        if (session.reader->next.tiles == 0) status = stream_order(*session.reader, model, stage, stage);
        if (status == ADDER_OK)
            status = source.with_norm(rows[1], head, [&](const Layer &layer, const Piece &piece) {
                normalize(*session.kernels, session.team,
                          {piece.floats(0), architecture.d_model, 1, model.header->norm_epsilon,
                           has_layer_norm(architecture) ? piece.floats(1) : nullptr},
                          layer.linear, layer.input, session.buffers.residual + size_t{first} * stride,
                          stride, n);
            });
        if (status != ADDER_OK) return status;
    }
    const adder_status status =
        source.multiply(head, session.logits, architecture.vocab_padded(), false, tiles.end);
    if (is_built(block_scaled_ends) && status == ADDER_OK) cap_logits(session, n, tiles);
    return status;
}

}  // namespace adder
