// A session: one sequence of tokens, laid out in the caller's arena.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blocks/frame.h"
#include "runtime/model.h"

namespace adder {

// What has been begun and goes on with adder_continue, and how far it has come. Until it is done the state is that of no
// token.
enum class Begun : uint8_t {
    nothing,
    step,
    feed,
    failure  // a streamed blob could not be read: nothing goes on before a reset
};
struct Slices {
    Begun begun = Begun::nothing;
    uint32_t tokens = 0;     // in the buffers
    uint32_t block = 0;      // that is next; block_count: the head
    uint32_t head_tile = 0;  // of the vocabulary, that is next
};

struct StreamReader;

}  // namespace adder

struct adder_session {
    const adder_model *handle;
    const adder::KernelTable *kernels;
    adder::Team team;
    uint32_t chunk;
    uint32_t logit_rows;
    uint64_t position;  // tokens since the state was empty
    uint8_t *state;     // block by block, as BlobBlock.state_offset says
#if ADDER_CACHE
    uint8_t *cache;       // pages
    uint32_t page_bytes;  // of one; 0: the model has no cache
    uint32_t context;     // tokens that it has room for; 0: a sequence has no end
#endif
    adder::Buffers buffers;
    float *logits;  // [logit_rows][vocab_padded]
    adder::Slices slices;
    adder::StreamReader *reader;  // of a streamed blob

    const adder::Model &model() const { return *adder::model_of(handle); }
};

static_assert(sizeof(adder_session) <= ADDER_SESSION_BYTES && ADDER_SESSION_BYTES % 64 == 0,
              "as the header promises");

namespace adder {

// adder_step, with a look at the residual stream, [d_model_padded], after each block.
using BlockTrace = void (*)(void *context, uint32_t block, const float *residual);
adder_status session_trace_step(adder_session *session, int32_t token, float **logits, BlockTrace trace,
                                void *context);

// adder_score, with the logits of tokens from .. n-1 only: the head is not computed for those before.
adder_status session_score(adder_session *session, const int32_t *tokens, size_t n, size_t from,
                           adder_logits_callback callback, void *context);

}  // namespace adder
