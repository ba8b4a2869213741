// The order in which a streamed blob is read, and the buffers that it is read into.
// SPDX-License-Identifier: MIT
//
// What is read here are numbers to compute with, never lengths, offsets or indices: those stand in the tensor table, which
// is in memory and was validated there. So bytes that change between two reads can make logits wrong, and nothing else.
#include "kernels/layout.h"
#include "kernels/scalar/hadamard.h"
#include "runtime/stream.h"

namespace adder {
namespace {

constexpr uint32_t tile_floats = 4 * tile_size;  // bytes of a number for each row of a tile

void add_span(Part *part, uint64_t offset, uint32_t tile_bytes, uint32_t shared_bytes = 0) {
    part->spans[part->spans_used++] = Span{offset, tile_bytes, shared_bytes};
}

// The weights and scales of a matrix.
Part matrix_part(const Model &model, Role role, uint32_t stage) {
    const BlobTensor &tensor = tensor_of(model, role, stage);
    const Dtype dtype = static_cast<Dtype>(tensor.dtype);
    const TensorExtent extent = tensor_extent(model.shape, role, dtype);
    Part part{};
    part.tiles = extent.rows / tile_size;
    const uint32_t weights = tile_size * extent.cols;
    if (dtype == Dtype::f32) {
        add_span(&part, tensor.offset, 4 * weights);
    } else if (dtype == Dtype::int8) {
        const bool by_row = tensor.granularity == static_cast<uint8_t>(Granularity::row);
        add_span(&part, tensor.offset, weights);
        add_span(&part, tensor.scale_offset, by_row ? tile_floats : 0, by_row ? 0 : 4);
    } else {
        const size_t groups = group_count(extent.cols, tensor.group);
        add_span(&part, tensor.offset, weights / 2);
        add_span(&part, tensor.scale_offset, static_cast<uint32_t>(2 * tile_size * groups));
    }
    return part;
}

// The norm of a layer or of the head: needed as a whole.
Part norm_part(const Model &model, Role role, uint32_t stage) {
    Part part{};
    part.tiles = 1;
    add_span(&part, tensor_of(model, role, stage).offset, 4 * model.shape.d_model_padded);
    return part;
}

// What the channels of d_inner have `count` numbers of, then one of each of two more.
Part channels_part(const Model &model, uint32_t stage, Role role, uint32_t count, Role other, Role linear) {
    const BlobTensor &tensor = tensor_of(model, linear, stage);
    Part part{};
    part.tiles = model.shape.d_inner_padded / tile_size;
    add_span(&part, tensor_of(model, role, stage).offset, tile_floats * count);
    add_span(&part, tensor_of(model, other, stage).offset, tile_floats);
    if (tensor.input == static_cast<uint8_t>(Input::channels))
        add_span(&part, tensor.multiplier_offset, tile_floats);
    return part;
}

// How many tiles of a part fit in a buffer.
uint32_t tiles_that_fit(const Part &part, uint32_t buffer_size) {
    uint32_t tile = 0, shared = 0;
    for (uint32_t i = 0; i < part.spans_used; ++i) {
        tile += part.spans[i].tile_bytes;
        shared += part.spans[i].shared_bytes;
    }
    return (buffer_size - shared) / tile;
}

uint32_t bytes_of_a_tile(const Part &part) {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < part.spans_used; ++i)
        bytes += part.spans[i].tile_bytes + part.spans[i].shared_bytes;
    return bytes;
}

// The first piece at or behind (stage, kind, first); one of no tiles behind the last stage.
void find_piece(const StreamReader &reader, const Model &model, Piece *piece) {
    while (piece->stage <= reader.last_stage) {
        const Part part = stream_part(model, piece->stage, piece->kind);
        if (piece->first < part.tiles) {
            const uint32_t left = part.tiles - piece->first, fit = tiles_that_fit(part, reader.buffer_size);
            piece->tiles = left < fit ? left : fit;
            return;
        }
        piece->first = 0;
        if (piece->kind == PartKind::out_proj) {
            ++piece->stage;
            piece->kind = PartKind::norm;
        } else {
            piece->kind = static_cast<PartKind>(static_cast<uint8_t>(piece->kind) + 1);
        }
    }
    piece->tiles = 0;
}

adder_status await_reads(StreamReader &reader, const Model &model) {
    if (!reader.pending) return ADDER_OK;
    reader.pending = false;
    return model.source->wait(model.source->context) == 0 ? ADDER_OK : ADDER_ERROR_READ;
}

// Reads a piece into the free buffer, or begins to.
adder_status start_reads(StreamReader &reader, const Model &model, const Part &part, Piece *piece) {
    uint8_t *to = reader.buffers[reader.free];
    reader.free ^= 1;
    for (uint32_t i = 0; i < part.spans_used; ++i) {
        const Span &span = part.spans[i];
        const uint32_t bytes = span.shared_bytes + span.tile_bytes * piece->tiles;
        reader.reads[i] = {span.offset + uint64_t{span.tile_bytes} * piece->first, to, bytes};
        piece->spans[i] = to;
        to += bytes;
    }
    const adder_source &source = *model.source;
    if (source.start) {
        if (source.start(source.context, reader.reads, part.spans_used) != 0) return ADDER_ERROR_READ;
        reader.pending = true;
        return ADDER_OK;
    }
    for (uint32_t i = 0; i < part.spans_used; ++i) {
        const adder_read &read = reader.reads[i];
        if (source.read(source.context, read.offset, read.buffer, read.size) != 0) return ADDER_ERROR_READ;
    }
    return ADDER_OK;
}

adder_status start_next(StreamReader &reader, const Model &model) {
    if (reader.next.tiles == 0) return ADDER_OK;
    reader.started = true;
    const Part part = stream_part(model, reader.next.stage, reader.next.kind);
    return start_reads(reader, model, part, &reader.next);
}

}  // namespace

Part embedding_part(const Model &model) { return matrix_part(model, Role::embedding, 0); }

Part stream_part(const Model &model, uint32_t stage, PartKind kind) {
    const Shape &shape = model.shape;
    const bool biased = (model.header->flags & blob_projection_bias) != 0;
    if (stage == shape.n_layer) {
        if (kind == final_norm_part) return norm_part(model, Role::final_norm, 0);
        if (kind == head_part) return matrix_part(model, Role::head, 0);
        return Part{};
    }
    const auto with_bias = [&](Role role, Role bias, bool present) {
        Part part = matrix_part(model, role, stage);
        if (present) add_span(&part, tensor_of(model, bias, stage).offset, tile_floats);
        return part;
    };
    switch (kind) {
    case PartKind::norm: return norm_part(model, Role::norm, stage);
    case PartKind::in_proj: return with_bias(Role::in_proj, Role::in_proj_bias, biased);
    case PartKind::conv:
        return channels_part(model, stage, Role::conv_weight, shape.d_conv, Role::conv_bias, Role::x_proj);
    case PartKind::x_proj: return matrix_part(model, Role::x_proj, stage);
    case PartKind::dt_proj: return with_bias(Role::dt_proj, Role::dt_bias, true);
    case PartKind::scan: return channels_part(model, stage, Role::A2, shape.d_state, Role::D, Role::out_proj);
    case PartKind::hadamard: {
        const BlobTensor &tensor = tensor_of(model, Role::out_proj, stage);
        Part part{};
        if (tensor.input != static_cast<uint8_t>(Input::hadamard)) return part;
        part.tiles = shape.d_inner_padded / hadamard_size;  // its blocks
        add_span(&part, tensor.multiplier_offset, 4 * hadamard_size);
        return part;
    }
    case PartKind::out_proj: return with_bias(Role::out_proj, Role::out_proj_bias, biased);
    }
    return Part{};
}

adder_status stream_order(StreamReader &reader, const Model &model, uint32_t first, uint32_t last) {
    (void)await_reads(reader, model);  // for nobody: what was to be computed with it was given up
    reader.last_stage = last;
    reader.started = false;
    reader.next = Piece{};
    reader.next.stage = first;
    find_piece(reader, model, &reader.next);
    return model.source->start ? start_next(reader, model) : ADDER_OK;
}

adder_status stream_take(StreamReader &reader, const Model &model, Piece *piece) {
    adder_status status = reader.started ? ADDER_OK : start_next(reader, model);
    if (status == ADDER_OK) status = await_reads(reader, model);
    if (status != ADDER_OK) return status;
    *piece = reader.next;
    reader.started = false;
    reader.next.first += reader.next.tiles;
    find_piece(reader, model, &reader.next);
    return model.source->start ? start_next(reader, model) : ADDER_OK;
}

adder_status stream_embedding(StreamReader &reader, const Model &model, uint32_t tile, Piece *piece) {
    (void)await_reads(reader, model);
    *piece = Piece{};
    piece->first = tile;
    piece->tiles = 1;
    const adder_status status = start_reads(reader, model, embedding_part(model), piece);
    return status == ADDER_OK ? await_reads(reader, model) : status;
}

uint32_t stream_least_buffer(const Model &model) {
    uint32_t least = bytes_of_a_tile(embedding_part(model));
    for (uint32_t stage = 0; stage <= model.shape.n_layer; ++stage)
        for (uint8_t kind = 0; kind <= static_cast<uint8_t>(PartKind::out_proj); ++kind) {
            const uint32_t bytes = bytes_of_a_tile(stream_part(model, stage, static_cast<PartKind>(kind)));
            least = bytes > least ? bytes : least;
        }
    return least;
}

void stream_init(adder_session &session, uint8_t *reader, uint8_t *buffers, uint32_t buffer_size) {
    StreamReader *r = reinterpret_cast<StreamReader *>(reader);
    *r = StreamReader{};
    r->buffers[0] = buffers;
    r->buffers[1] = session.model().source->start ? buffers + buffer_size : buffers;
    r->buffer_size = buffer_size;
    session.reader = r;
}

}  // namespace adder
