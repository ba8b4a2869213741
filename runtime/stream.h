// A blob that is not in memory: its weights come through a small buffer, piece by piece, in the order of the arithmetic.
// SPDX-License-Identifier: MIT
//
// Only adder_model_open_stream refers to what is declared here; the rest of the library reaches it through Model.stream.
// A program that opens no stream links none of it.
#pragma once

#include "runtime/session.h"

namespace adder {

constexpr uint32_t default_stream_buffer = 4096;
constexpr uint32_t max_stream_buffer = 1u << 30;

// What a streamed model does instead of runtime/walk.cpp, and what its arena has besides.
struct StreamOperations {
    uint32_t (*least_buffer)(const Model &model);
    void (*init)(adder_session &session, uint8_t *reader, uint8_t *buffers, uint32_t buffer_size);
    adder_status (*embed)(adder_session &session, const int32_t *tokens, uint32_t n, bool head_follows);
    adder_status (*block)(adder_session &session, const Frame &frame, uint32_t block);
    adder_status (*head)(adder_session &session, uint32_t first, uint32_t n, Range tiles);
};

// A stage is a block, or, after the last one, the head with its norm. What of a stage is read together is a part: a row
// of its kind's table with the rows that are joined to it; before a matrix, the multipliers of its input's transform.
using PartId = uint8_t;
constexpr PartId row_part(uint32_t row) { return static_cast<PartId>(2 * row + 1); }
constexpr PartId multipliers_part(uint32_t row) { return static_cast<PartId>(2 * row); }

// A tensor's share: tile t is at offset + t * tile_bytes; or all tiles share `shared_bytes` at offset.
struct Span {
    uint64_t offset;
    uint32_t tile_bytes, shared_bytes;
};
constexpr uint32_t max_spans = 3;
struct Part {
    Span spans[max_spans];
    uint32_t spans_used;
    uint32_t tiles;  // 0: this stage has no such part
};

// Some tiles of a part, in a buffer.
struct Piece {
    uint32_t stage;
    PartId part;
    uint32_t first, tiles;  // no tiles: none
    const uint8_t *spans[max_spans];
    const float *floats(uint32_t span) const { return reinterpret_cast<const float *>(spans[span]); }
};

// Reads pieces in order, the next one while this one is computed where the source can do that. Lies in the arena.
struct StreamReader {
    uint8_t *buffers[2];  // the same one twice where the source reads at once
    uint32_t buffer_size;
    uint32_t last_stage;
    Piece next;    // the one that `take` will give
    bool started;  // its reads have been begun
    bool pending;  // reads that have been begun have not been waited for
    uint8_t free;  // the buffer for the next reads
    adder_read reads[max_spans];
};

static_assert((sizeof(StreamReader) + 63) / 64 * 64 == ADDER_STREAM_READER_BYTES, "as the header promises");

// Stages first .. last come next. Waits for what was begun before and given up.
adder_status stream_order(StreamReader &reader, const Model &model, uint32_t first, uint32_t last);
// The next piece, which stays until the next call.
adder_status stream_take(StreamReader &reader, const Model &model, Piece *piece);
// A tile of the embedding, at once. What had been ordered is given up.
adder_status stream_embedding(StreamReader &reader, const Model &model, uint32_t tile, Piece *piece);

// The least buffer in which any piece has room.
uint32_t stream_least_buffer(const Model &model);
void stream_init(adder_session &session, uint8_t *reader, uint8_t *buffers, uint32_t buffer_size);

// runtime/stream_walk.cpp
adder_status stream_walk_embed(adder_session &session, const int32_t *tokens, uint32_t n, bool head_follows);
adder_status stream_walk_block(adder_session &session, const Frame &frame, uint32_t block);
adder_status stream_walk_head(adder_session &session, uint32_t first, uint32_t n, Range tiles);

}  // namespace adder
