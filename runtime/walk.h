// A chunk of tokens on its way through the model, one part at a time: what every call that takes tokens is made of.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/session.h"

namespace adder {

// May tokens be fed now, are these in the vocabulary, and is there room for them?
adder_status check_tokens(const adder_session &session, const int32_t *tokens, size_t n);

// The chunk that comes next of `left` tokens.
uint32_t next_chunk(const adder_session &session, size_t left);

// The shape of the block at hand, and where its buffers lie. Blocks of one shape follow each other.
struct ShapeAtHand {
    const BlobShape *shape = nullptr;
    BlockView view;
    Slots slots;

    void take(const adder_session &session, uint32_t block);
};

// The parts, in order: the residuals of n tokens, at most a chunk; every block in turn on them; then the head, of tokens
// [first, first + n) of the chunk, some tiles of the vocabulary, the first of them with the norm before it. `head_follows`:
// the first n tokens' head is computed next, so that it can be read ahead. Float mode is the caller's business.
//
// With a blob in memory they always succeed. Where a streamed one cannot be read they are ADDER_ERROR_READ, and the session
// refuses to go on until its state is reset or loaded.
adder_status walk_embed(adder_session &session, const int32_t *tokens, uint32_t n, bool head_follows);
adder_status walk_block(adder_session &session, ShapeAtHand &at_hand, uint32_t block, uint32_t n);
adder_status walk_head(adder_session &session, uint32_t first, uint32_t n, Range tiles);

// The cap on the logits of n tokens, of some tiles of the vocabulary that the head has just made.
void cap_logits(const adder_session &session, uint32_t n, Range tiles);

// All tiles of the vocabulary.
Range head_tiles(const adder_session &session);

// What a session has of a block: its state, or its part of the cache's first page.
static inline uint8_t *block_state(const adder_session &session, [[maybe_unused]] const BlockKind &kind,
                                   uint32_t block) {
    uint8_t *state = session.state;
#if ADDER_CACHE
    if (kind.has_cache) state = session.cache;
#endif
    return state + static_cast<size_t>(session.model().architecture.blocks[block].state_offset);
}

// The block at work on a chunk of the session.
static inline Frame session_frame(const adder_session &session, const ShapeAtHand &at_hand, uint32_t block,
                                  uint32_t n) {
    return {
        *session.kernels, session.team, at_hand.view, session.buffers, at_hand.slots,
            block_state(session, *at_hand.view.kind, block), n,
#if ADDER_CACHE
            session.page_bytes,
#endif
            is_built(block_positions) ? session.position : 0
    };
}

// Where the normalized residual stream stands, d_model padded to `stride`: the input of the head.
LinearInput head_input(const Buffers &buffers, uint32_t stride);

}  // namespace adder
