// The parts of a chunk's way through the model, with the weights of a blob in memory.
// SPDX-License-Identifier: MIT
#include "runtime/forward.h"

#include "runtime/arena.h"
#include "runtime/stream.h"

namespace adder {

adder_status check_tokens(const adder_session &session, const int32_t *tokens, size_t n) {
    if (session.slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    for (size_t i = 0; i < n; ++i)
        if (tokens[i] < 0 || static_cast<uint32_t>(tokens[i]) >= session.model().shape.vocab_size)
            return ADDER_ERROR_TOKEN;
    return ADDER_OK;
}

uint32_t next_chunk(const adder_session &session, size_t left) {
    return left < session.chunk ? static_cast<uint32_t>(left) : session.chunk;
}

LayerState session_layer_state(const adder_session &session, uint32_t layer) {
    const Shape &shape = session.model().shape;
    const size_t conv_floats = static_cast<size_t>(conv_state_floats(shape));  // they lie in the arena
    float *state = session.state + layer * (conv_floats + static_cast<size_t>(scan_state_floats(shape)));
    return {state, state + conv_floats};
}

namespace {

adder_status note_failure(adder_session &session, adder_status status) {
    if (status != ADDER_OK) session.slices = Slices{Begun::failure, 0, 0, 0};
    return status;
}

// Out of line: its frame would lie below that of a streamed layer.
[[gnu::noinline]] void layer_in_memory(adder_session &session, uint32_t layer, uint32_t n) {
    const Model &model = session.model();
    layer_forward(*session.kernels, session.team, model.shape, model.header->norm_epsilon,
                  model_layer(model, layer), session_layer_state(session, layer), session.buffers, n);
}

}  // namespace

adder_status forward_embed(adder_session &session, const int32_t *tokens, uint32_t n, bool head_follows) {
    const Model &model = session.model();
    if (model.stream) return note_failure(session, model.stream->embed(session, tokens, n, head_follows));
    for (uint32_t t = 0; t < n; ++t)
        embed_row(model_embedding(model), static_cast<uint32_t>(tokens[t]),
                  session.buffers.residual + size_t{t} * model.shape.d_model_padded);
    return ADDER_OK;
}

adder_status forward_layer(adder_session &session, uint32_t layer, uint32_t n) {
    const Model &model = session.model();
    if (model.stream) return note_failure(session, model.stream->layer(session, layer, n));
    layer_in_memory(session, layer, n);
    return ADDER_OK;
}

adder_status forward_head(adder_session &session, uint32_t first, uint32_t n, Range tiles) {
    const Model &model = session.model();
    if (model.stream) return note_failure(session, model.stream->head(session, first, n, tiles));
    const Shape &shape = model.shape;
    const Linear linear = model_head(model);
    if (tiles.begin == 0)
        head_normalize(*session.kernels, session.team, shape, model.header->norm_epsilon,
                       model_final_norm(model), linear, session.buffers,
                       session.buffers.residual + size_t{first} * shape.d_model_padded, n);
    head_logits(*session.kernels, session.team, shape, linear, session.buffers, tiles, n, session.logits);
    return ADDER_OK;
}

Range head_tiles(const adder_session &session) { return {0, session.model().shape.vocab_padded / tile_size}; }

}  // namespace adder
