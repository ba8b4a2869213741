// The parts of a chunk's way through the model, with the weights of a blob in memory.
// SPDX-License-Identifier: MIT
#include "runtime/walk.h"

#include "runtime/arena.h"
#include "runtime/stream.h"

namespace adder {

adder_status check_tokens(const adder_session &session, const int32_t *tokens, size_t n) {
    if (session.slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    for (size_t i = 0; i < n; ++i)
        if (tokens[i] < 0 || static_cast<uint32_t>(tokens[i]) >= session.model().architecture.vocab_size)
            return ADDER_ERROR_TOKEN;
#if ADDER_CACHE
    if (session.context != 0 && n > session.context - session.position) return ADDER_ERROR_CONTEXT;
#endif
    return ADDER_OK;
}

uint32_t next_chunk(const adder_session &session, size_t left) {
    return left < session.chunk ? static_cast<uint32_t>(left) : session.chunk;
}

LinearInput head_input(const Buffers &buffers, uint32_t stride) {
    return {buffers.in_codes, buffers.in_floats, stride, buffers.in_floats, stride, buffers.scales};
}

namespace {

adder_status note_failure(adder_session &session, adder_status status) {
    if (status != ADDER_OK) session.slices = Slices{Begun::failure, 0, 0, 0};
    return status;
}

}  // namespace

void ShapeAtHand::take(const adder_session &session, uint32_t block) {
    const Architecture &architecture = session.model().architecture;
    const BlobShape *next = &architecture.shapes[architecture.blocks[block].shape];
    if (shape == next) return;
    shape = next;
    view = shape_view(architecture, *next);
    slots = Slots(view, session.buffers);
}

adder_status walk_embed(adder_session &session, const int32_t *tokens, uint32_t n, bool head_follows) {
    const Model &model = session.model();
    if (model.stream) return note_failure(session, model.stream->embed(session, tokens, n, head_follows));
    const Linear table = model_matrix(model, Role::embedding);
    for (uint32_t t = 0; t < n; ++t)
        embed_token(model, table, static_cast<uint32_t>(tokens[t]),
                    session.buffers.residual + size_t{t} * model.architecture.d_model_padded());
    return ADDER_OK;
}

adder_status walk_block(adder_session &session, ShapeAtHand &at_hand, uint32_t block, uint32_t n) {
    const Model &model = session.model();
    at_hand.take(session, block);
    const Frame frame = session_frame(session, at_hand, block, n);
    if (model.stream) return note_failure(session, model.stream->block(session, frame, block));
    at_hand.view.kind->forward(frame, model, block);
    return ADDER_OK;
}

adder_status walk_head(adder_session &session, uint32_t first, uint32_t n, Range tiles) {
    const Model &model = session.model();
    if (model.stream) return note_failure(session, model.stream->head(session, first, n, tiles));
    const Architecture &architecture = model.architecture;
    const uint32_t stride = architecture.d_model_padded();
    const LinearInput input = head_input(session.buffers, stride);
    const Linear head = model_matrix(model, Role::head);
    if (tiles.begin == 0)
        normalize(*session.kernels, session.team,
                  {model_final_norm(model), architecture.d_model, 1, model.header->norm_epsilon,
                   model_final_norm_bias(model)},
                  head, input, session.buffers.residual + size_t{first} * stride, stride, n);
    run_linear_on(session.team, *session.kernels, head, input, tiles, n, session.logits,
                  architecture.vocab_padded(), false);
    if (is_built(block_scaled_ends)) cap_logits(session, n, tiles);
    return ADDER_OK;
}

void cap_logits(const adder_session &session, uint32_t n, Range tiles) {
    const float cap = session.model().header->logit_softcap;
    if (cap > 0.0f)
        softcap_on(session.team, *session.kernels, tiles, n, session.logits,
                   session.model().architecture.vocab_padded(), cap);
}

Range head_tiles(const adder_session &session) {
    return {0, session.model().architecture.vocab_padded() / tile_size};
}

}  // namespace adder
