// A chunk's way through a streamed model: the arithmetic of layer.cpp, over the tiles that are in the buffer.
// SPDX-License-Identifier: MIT
//
// Rows and channels are independent of each other, so that each piece is a smaller matrix, or fewer channels, for the same
// kernels. Hence the same bits.
#include "kernels/scalar/hadamard.h"
#include "runtime/forward.h"
#include "runtime/stream.h"

namespace adder {
namespace {

// The rows of a linear layer that a piece holds: its spans are weights, scales where there are any, and a bias.
Linear rows_of(const Linear &whole, const Piece &piece, bool biased) {
    Linear rows = whole;
    rows.matrix.weights = piece.spans[0];
    rows.matrix.tiles = piece.tiles;
    if (whole.dtype == Dtype::int8) rows.matrix.scale = piece.floats(1);
    if (whole.dtype == Dtype::int4)
        rows.matrix.group_scale = reinterpret_cast<const uint16_t *>(piece.spans[1]);
    rows.matrix.bias = biased ? piece.floats(whole.dtype == Dtype::f32 ? 1 : 2) : nullptr;
    return rows;
}

// A layer at work. Its parts are kept out of line: inlined, the frames of all would be on the stack at once.
struct Stage {
    adder_session &session;
    const Model &model;
    const Shape &shape;
    uint32_t index, tokens;

    // Calls body(piece) for all pieces of a part, and those before tile `end` only.
    template <typename Body>
    adder_status each_piece(PartKind kind, uint32_t end, const Body &body) const {
        StreamReader &reader = *session.reader;
        while (reader.next.tiles > 0 && reader.next.stage == index && reader.next.kind == kind &&
               reader.next.first < end) {
            Piece piece;
            const adder_status status = stream_take(reader, model, &piece);
            if (status != ADDER_OK) return status;
            body(piece);
        }
        return ADDER_OK;
    }

    adder_status linear(PartKind kind, const Linear &whole, bool biased, const LinearInput &input, float *out,
                        uint32_t out_stride, bool add, uint32_t end = UINT32_MAX) const {
        return each_piece(kind, end, [&](const Piece &piece) {
            const Linear rows = rows_of(whole, piece, biased);
            run_linear_on(session.team, *session.kernels, rows, input, all_tiles(rows), tokens,
                          out + size_t{tile_size} * piece.first, out_stride, add);
        });
    }

    [[gnu::noinline]] adder_status norm(const Linear &linear, const LinearInput &input,
                                        const float *residual) const {
        return each_piece(PartKind::norm, UINT32_MAX, [&](const Piece &piece) {
            normalize(*session.kernels, session.team, shape, model.header->norm_epsilon, piece.floats(0),
                      linear, input, residual, tokens);
        });
    }

    // The convolution and the scan, of the channels of a piece.
    [[gnu::noinline]] adder_status conv(const LayerWeights &weights, const LinearInput &u) const {
        return each_piece(PartKind::conv, UINT32_MAX, [&](const Piece &piece) {
            const uint64_t work = uint64_t{tile_size} * piece.tiles * shape.d_conv * tokens;
            team_run(session.team, work, piece.tiles, [&](Range range) {
                const size_t channel = size_t{tile_size} * piece.first;
                ConvArgs conv = conv_args(shape, weights, session_layer_state(session, index), u, tokens);
                conv.tile_begin = range.begin;
                conv.tile_end = range.end;
                conv.weight = piece.floats(0);
                conv.bias = piece.floats(1);
                conv.state += channel * (shape.d_conv - 1);
                conv.x += channel;
                if (conv.codes) {
                    conv.codes += channel;
                    conv.multipliers = piece.floats(2);
                }
                session.kernels->conv_silu(conv);
                widen_channels(weights.x_proj, u, Range{piece.first + range.begin, piece.first + range.end},
                               tokens);
            });
        });
    }
    [[gnu::noinline]] adder_status scan(const LayerWeights &weights, const LayerInputs &inputs) const {
        return each_piece(PartKind::scan, UINT32_MAX, [&](const Piece &piece) {
            const uint64_t states = uint64_t{tile_size} * piece.tiles * shape.d_state * tokens;
            team_run(session.team, scan_work * states, piece.tiles, [&](Range range) {
                const size_t channel = size_t{tile_size} * piece.first;
                ScanArgs scan = scan_args(shape, weights, session_layer_state(session, index),
                                          session.buffers, inputs, tokens);
                scan.tile_begin = range.begin;
                scan.tile_end = range.end;
                scan.A2 = piece.floats(0);
                scan.D = piece.floats(1);
                scan.state += channel * shape.d_state;
                scan.dt += channel;
                scan.u += channel;
                scan.z += channel;
                if (scan.codes) {
                    scan.codes += channel;
                    scan.multipliers = piece.floats(2);
                }
                session.kernels->scan(scan);
                widen_channels(weights.out_proj, inputs.g,
                               Range{piece.first + range.begin, piece.first + range.end}, tokens);
            });
        });
    }

    // Blocks of 64 elements are transformed apart from each other.
    [[gnu::noinline]] adder_status hadamard(const Linear &out_proj, const LinearInput &g) const {
        return each_piece(PartKind::hadamard, UINT32_MAX, [&](const Piece &piece) {
            const size_t first = size_t{hadamard_size} * piece.first;
            Linear blocks = out_proj;
            blocks.matrix.cols = hadamard_size * piece.tiles;
            blocks.multipliers = piece.floats(0);
            LinearInput some = g;
            some.codes += first;
            some.floats += first;
            if (some.widened) some.widened += first;
            encode(*session.kernels, session.team, blocks, some, tokens);
        });
    }
};

}  // namespace

adder_status stream_forward_embed(adder_session &session, const int32_t *tokens, uint32_t n,
                                  bool head_follows) {
    const Model &model = session.model();
    const uint32_t width = model.shape.d_model_padded;
    const Linear table = model_embedding(model);
    for (uint32_t t = 0; t < n; ++t) {
        const uint32_t token = static_cast<uint32_t>(tokens[t]);
        Piece piece;
        const adder_status status = stream_embedding(*session.reader, model, token / tile_size, &piece);
        if (status != ADDER_OK) return status;
        embed_row(rows_of(table, piece, false), token % tile_size,
                  session.buffers.residual + size_t{t} * width);
    }
    const uint32_t layers = model.shape.n_layer;
    return stream_order(*session.reader, model, 0, head_follows ? layers : layers - 1);
}

adder_status stream_forward_layer(adder_session &session, uint32_t layer, uint32_t n) {
    const Model &model = session.model();
    const Shape &shape = model.shape;
    const ChunkBuffers &buffers = session.buffers;
    const Stage stage{session, model, shape, layer, n};
    const bool biased = (model.header->flags & blob_projection_bias) != 0;
    const LayerWeights weights = model_layer(model, layer);
    const LayerInputs inputs = layer_inputs(shape, buffers);

    adder_status status = stage.norm(weights.in_proj, inputs.in, buffers.residual);
    if (status == ADDER_OK)
        status = stage.linear(PartKind::in_proj, weights.in_proj, biased, inputs.in, buffers.xz,
                              2 * shape.d_inner_padded, false);
    if (status == ADDER_OK) status = stage.conv(weights, inputs.u);
    if (status != ADDER_OK) return status;

    if (weights.x_proj.input == Input::token)
        encode(*session.kernels, session.team, weights.x_proj, inputs.u, n);
    status = stage.linear(PartKind::x_proj, weights.x_proj, false, inputs.u, buffers.x_proj,
                          shape.x_proj_padded, false);
    if (status != ADDER_OK) return status;

    encode_rows(*session.kernels, weights.dt_proj, inputs.dt, Range{0, n});
    status = stage.linear(PartKind::dt_proj, weights.dt_proj, true, inputs.dt, buffers.dt,
                          shape.d_inner_padded, false);
    if (status == ADDER_OK) status = stage.scan(weights, inputs);
    if (status == ADDER_OK) status = stage.hadamard(weights.out_proj, inputs.g);
    if (status != ADDER_OK) return status;

    if (weights.out_proj.input == Input::token)
        encode(*session.kernels, session.team, weights.out_proj, inputs.g, n);
    return stage.linear(PartKind::out_proj, weights.out_proj, biased, inputs.g, buffers.residual,
                        shape.d_model_padded, true);
}

adder_status stream_forward_head(adder_session &session, uint32_t first, uint32_t n, Range tiles) {
    const Model &model = session.model();
    const Shape &shape = model.shape;
    const uint32_t layers = shape.n_layer;
    const Stage stage{session, model, shape, layers, n};
    const Linear head = model_head(model);
    const LinearInput in = model_input(shape, session.buffers);
    if (tiles.begin == 0) {
        adder_status status = ADDER_OK;
        // adder_score computes a chunk's logits in several goes, none of which was ordered with the layers.
        if (session.reader->next.tiles == 0) status = stream_order(*session.reader, model, layers, layers);
        if (status == ADDER_OK)
            status = stage.norm(head, in, session.buffers.residual + size_t{first} * shape.d_model_padded);
        if (status != ADDER_OK) return status;
    }
    return stage.linear(head_part, head, false, in, session.logits, shape.vocab_padded, false, tiles.end);
}

}  // namespace adder
