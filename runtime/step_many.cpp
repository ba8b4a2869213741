// A token of each of several sessions at once: the weights are read once for all.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_STEP_MANY

#include "kernels/float_mode.h"
#include "runtime/blocks/forward.h"
#include "runtime/error.h"
#include "runtime/memory_source.h"
#include "runtime/walk.h"

namespace adder {
namespace {

// The tokens of a chunk are of as many sessions. Buffers are those of the first one, states everyone's own.
struct ManySequences {
    adder_session *const *sessions;
    uint32_t block;

    // Out of line for the sake of the stack.
    template <class Body>
    [[gnu::noinline]] void each(const Frame &frame, const Body &body) const {
        for (uint32_t token = 0; token < frame.tokens; ++token) one(frame, token, body);
    }

    static Channels channels(Channels all, uint32_t token) {
        if (all.codes) all.codes += size_t{token} * all.codes_stride;
        return all;
    }

  private:
    template <class Body>
    [[gnu::noinline]] void one(const Frame &frame, uint32_t token, const Body &body) const {
        const adder_session &session = *sessions[token];
        Buffers buffers = frame.buffers;
        if (buffers.carried != nullptr)
            buffers.carried += size_t{token} * session.model().architecture.d_model_padded();
        Slots slots = frame.slots;
        // Steps read and write floats; where codes go, their channels say.
        const auto advance = [&](Place place) {
            slots[place].bytes += size_t{token} * slots[place].stride * sizeof(float);
        };
        advance(Slot::in_floats);
        for (uint32_t i = 0; i < frame.block.kind->slot_count; ++i)
            if (frame.block.kind->slots[i].type == SlotType::floats)
                advance(frame.block.kind->slots[i].place);
        const Frame one {
            frame.kernels, frame.team, frame.block, buffers, slots,
                block_state(session, *frame.block.kind, block), 1,
#if ADDER_CACHE
                session.page_bytes,
#endif
                session.position
        };
        body(one, token);
    }
};

void walk_block_of_many(adder_session *const *sessions, ShapeAtHand &at_hand, uint32_t block, uint32_t n) {
    const adder_session &first = *sessions[0];
    at_hand.take(first, block);
    const Frame frame = session_frame(first, at_hand, block, n);
    const BlobWeights weights{model_block(first.model(), at_hand.view, block)};
    MemorySource<BlobWeights, ManySequences> source(frame, weights, ManySequences{sessions, block});
    (void)block_forward(source, frame);
}

// Which session keeps the call from being made, and why; n: none. A session that takes part is in the middle of a step then, which
// also finds one that is there twice.
uint32_t find_unfit(adder_session *const *sessions, const int32_t *tokens, uint32_t n, adder_status *status) {
    for (uint32_t i = 0; i < n; ++i) {
        if (sessions[i] == nullptr || sessions[i]->model().blob != sessions[0]->model().blob)
            *status = ADDER_ERROR_ARGUMENT;
        else
            *status = check_tokens(*sessions[i], &tokens[i], 1);
        if (*status != ADDER_OK) return i;
        sessions[i]->slices.begun = Begun::step;
    }
    return n;
}

}  // namespace
}  // namespace adder

using namespace adder;

extern "C" adder_status adder_step_many(adder_session *const *sessions, const int32_t *tokens, uint32_t n,
                                        float **logits, adder_error *error) {
    if (!sessions || !tokens || n == 0 || !sessions[0])
        return report(error, ADDER_ERROR_ARGUMENT, "sessions", 0, 1);
    adder_session &first = *sessions[0];
    if (n > first.chunk) return report(error, ADDER_ERROR_ARGUMENT, "chunk", first.chunk, n);
    if (logits && n > first.logit_rows)
        return report(error, ADDER_ERROR_ARGUMENT, "logit rows", first.logit_rows, n);
    if (first.model().stream) return report(error, ADDER_ERROR_UNSUPPORTED, "streamed model");

    adder_status status = ADDER_OK;
    const uint32_t fit = find_unfit(sessions, tokens, n, &status);
    if (fit == n) {
        const FloatModeScope mode;
        const Architecture &architecture = first.model().architecture;
        (void)walk_embed(first, tokens, n, logits != nullptr);
        ShapeAtHand at_hand;
        for (uint32_t block = 0; block < architecture.block_count; ++block)
            walk_block_of_many(sessions, at_hand, block, n);
        if (logits) (void)walk_head(first, 0, n, head_tiles(first));
        for (uint32_t i = 0; i < n; ++i) {
            ++sessions[i]->position;
            if (logits) logits[i] = first.logits + size_t{i} * architecture.vocab_padded();
        }
    }
    for (uint32_t i = 0; i < fit; ++i) sessions[i]->slices.begun = Begun::nothing;
    return status == ADDER_OK ? status : report(error, status, "session", fit, n);
}

#endif  // ADDER_STEP_MANY
