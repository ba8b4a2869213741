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
Part matrix_part(const BlobTensor &tensor, const TensorRow &row, const Dims &dims) {
    const Dtype dtype = static_cast<Dtype>(tensor.dtype);
    const TensorExtent extent = tensor_extent(row, dims, dtype);
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

// By which rows of a stage's table are present.
uint16_t flags_of(const Model &model, const BlockView &view) {
    return is_built(block_layer_norm) && view.kind == &model_ends
               ? static_cast<uint16_t>(model.architecture.flags)
               : view.shape->flags;
}

// A row of the table with those that are joined to it. `entry` is its tensor; those of the others come next.
Part row_with_joined(const BlockView &view, uint16_t flags, const TensorRow &row, const BlobTensor *entry) {
    Part part{};
    if (row.form == Form::matrix) part = matrix_part(*entry, row, view.dims);
    if (row.form == Form::whole) part.tiles = 1;
    if (row.form == Form::channels) part.tiles = row.rows.padded(view.dims) / tile_size;
    for (const TensorRow *r = &row; r < view.kind->tensors + view.kind->tensor_count; ++r) {
        if (r != &row && !r->joined) break;
        if (!is_present(*r, flags)) continue;
        if (r->form == Form::whole) add_span(&part, entry->offset, 4 * r->rows.padded(view.dims));
        if (r->form == Form::channels) add_span(&part, entry->offset, tile_floats * view.dims[r->cols]);
        ++entry;
    }
    return part;
}

// What of a stage is read together as part `id`.
Part stream_part(const Model &model, const BlockView &view, uint32_t stage, PartId id) {
    const TensorRow &row = view.kind->tensors[id / 2];
    const bool ends = view.kind == &model_ends;
    const uint16_t flags = flags_of(model, view);
    if (row.joined || !is_present(row, flags) || row.role == Role::embedding) return Part{};
    const uint32_t block = ends ? no_block : stage;
    const BlobTensor &tensor = tensor_of(model, block, row.role);
    if (id != multipliers_part(id / 2u)) {
        Part part = row_with_joined(view, flags, row, &tensor);
        if (row.codes_for == 0) return part;
        const BlobTensor &next = tensor_of(model, block, (&row)[row.codes_for].role);
        if (next.input == static_cast<uint8_t>(Input::channels))
            add_span(&part, next.multiplier_offset, tile_floats);
        return part;
    }
    Part part{};
    if (row.form != Form::matrix || tensor.input != static_cast<uint8_t>(Input::hadamard)) return part;
    part.tiles = view.dims[row.cols] / hadamard_size;  // its blocks
    add_span(&part, tensor.multiplier_offset, 4 * hadamard_size);
    return part;
}

// Parts of a stage are numbered below this.
uint32_t part_count(const BlockView &view) { return 2 * uint32_t{view.kind->tensor_count}; }

BlockView stage_view(const Model &model, uint32_t stage) {
    const Architecture &architecture = model.architecture;
    return stage < architecture.block_count ? block_view(architecture, stage) : ends_view(architecture);
}

Part embedding_part(const Model &model) {
    return matrix_part(*model.tensors, *model_ends.tensors, ends_view(model.architecture).dims);
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

// The first piece at or after (stage, part, first); one of no tiles after the last stage.
void find_piece(const StreamReader &reader, const Model &model, Piece *piece) {
    for (; piece->stage <= reader.last_stage; ++piece->stage) {
        const BlockView view = stage_view(model, piece->stage);
        for (; piece->part < part_count(view); ++piece->part) {
            const Part part = stream_part(model, view, piece->stage, piece->part);
            if (piece->first < part.tiles) {
                const uint32_t left = part.tiles - piece->first,
                               fit = tiles_that_fit(part, reader.buffer_size);
                piece->tiles = left < fit ? left : fit;
                return;
            }
            piece->first = 0;
        }
        piece->part = 0;
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
    const BlockView view = stage_view(model, reader.next.stage);
    const Part part = stream_part(model, view, reader.next.stage, reader.next.part);
    return start_reads(reader, model, part, &reader.next);
}

}  // namespace

adder_status stream_order(StreamReader &reader, const Model &model, uint32_t first, uint32_t last) {
    (void)await_reads(reader, model);  // result unused: whatever needed these bytes was abandoned
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
    for (uint32_t stage = 0; stage <= model.architecture.block_count; ++stage) {
        const BlockView view = stage_view(model, stage);
        for (uint32_t id = 0; id < part_count(view); ++id) {
            const uint32_t bytes = bytes_of_a_tile(stream_part(model, view, stage, static_cast<PartId>(id)));
            least = bytes > least ? bytes : least;
        }
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
