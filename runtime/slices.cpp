// Cooperative calls: a token, or a chunk of a prompt, in slices of at most a block's work.
// SPDX-License-Identifier: MIT
#include "kernels/float_mode.h"
#include "runtime/walk.h"

namespace adder {
namespace {

adder_status begin(adder_session *session, const int32_t *tokens, uint32_t n, Begun begun) {
    adder_status status = check_tokens(*session, tokens, n);
    if (status != ADDER_OK) return status;
    const FloatModeScope mode;
    status = walk_embed(*session, tokens, n, begun == Begun::step);
    if (status != ADDER_OK) return status;
    session->slices = Slices{begun, n, 0, 0};
    return ADDER_OK;
}

// What a whole block costs for one token, its linear layers and its state, as linear_work counts.
uint64_t block_work(const Model &model, uint32_t block) {
    const BlockView view = block_view(model.architecture, block);
    const ModelBlock weights = model_block(model, view, block);
    uint64_t work = 0;
    for (uint32_t i = 0; i < view.kind->tensor_count; ++i)
        if (view.kind->tensors[i].form == Form::matrix &&
            (!is_built(block_carried) || is_present(view.kind->tensors[i], view.shape->flags)))
            work += linear_work(weights.linear(view.kind->tensors[i]),
                                weights.tensor(view.kind->tensors[i]).tiles, 1);
    for (uint32_t i = 0; i < view.kind->state_count; ++i) {
        const StateRow &row = view.kind->states[i];
        work += uint64_t{row.work} * row.channels.padded(view.dims) * view.dims[row.count];
    }
    return work;
}

// Tiles of the vocabulary that cost no more than a block does; at least one. Found without a division of 64 bits, which is
// half a kilobyte of library code on small cores.
uint32_t head_slice(const Model &model) {
    const uint64_t block = block_work(model, 0);
    const Linear head = model_matrix(model, Role::head);
    uint32_t low = 1, high = head.matrix.tiles;
    while (low < high) {
        const uint32_t middle = high - (high - low) / 2;
        if (linear_work(head, middle, 1) <= block)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

}  // namespace
}  // namespace adder

using namespace adder;

extern "C" adder_status adder_step_begin(adder_session *session, int32_t token) {
    if (!session) return ADDER_ERROR_ARGUMENT;
    return begin(session, &token, 1, Begun::step);
}

extern "C" adder_status adder_feed_begin(adder_session *session, const int32_t *tokens, size_t n) {
    if (!session || !tokens || n == 0 || n > session->chunk) return ADDER_ERROR_ARGUMENT;
    return begin(session, tokens, static_cast<uint32_t>(n), Begun::feed);
}

extern "C" adder_status adder_continue(adder_session *session, float **logits) {
    if (!session) return ADDER_ERROR_ARGUMENT;
    Slices &slices = session->slices;
    const bool step = slices.begun == Begun::step;
    if (!step && slices.begun != Begun::feed) return ADDER_ERROR_SEQUENCE;
    if (step && !logits) return ADDER_ERROR_ARGUMENT;
    const FloatModeScope mode;
    if (slices.block < session->model().architecture.block_count) {
        ShapeAtHand at_hand;
        const adder_status status = walk_block(*session, at_hand, slices.block, slices.tokens);
        if (status != ADDER_OK) return status;
        ++slices.block;
        if (step || slices.block < session->model().architecture.block_count) return ADDER_MORE;
    } else {
        const uint32_t slice = head_slice(session->model()), end = head_tiles(*session).end;
        const uint32_t begin = slices.head_tile;
        slices.head_tile = end - begin > slice ? begin + slice : end;
        const adder_status status = walk_head(*session, 0, 1, Range{begin, slices.head_tile});
        if (status != ADDER_OK) return status;
        if (slices.head_tile < end) return ADDER_MORE;
        *logits = session->logits;
    }
    session->position += slices.tokens;
    slices = Slices{};
    return ADDER_OK;
}

extern "C" uint32_t adder_slices_left(const adder_session *session) {
    const Slices &slices = session->slices;
    if (slices.begun != Begun::step && slices.begun != Begun::feed) return 0;
    const uint32_t blocks = session->model().architecture.block_count - slices.block;
    if (slices.begun == Begun::feed) return blocks;
    const uint32_t slice = head_slice(session->model()), tiles = head_tiles(*session).end - slices.head_tile;
    return blocks + (tiles + slice - 1) / slice;
}
