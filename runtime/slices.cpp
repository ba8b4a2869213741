// Cooperative calls: a token, or a chunk of a prompt, in slices of at most a layer's work.
// SPDX-License-Identifier: MIT
#include "runtime/forward.h"

namespace adder {
namespace {

adder_status begin(adder_session *session, const int32_t *tokens, uint32_t n, Begun begun) {
    adder_status status = check_tokens(*session, tokens, n);
    if (status != ADDER_OK) return status;
    const FloatModeScope mode;
    status = forward_embed(*session, tokens, n, begun == Begun::step);
    if (status != ADDER_OK) return status;
    session->slices = Slices{begun, n, 0, 0};
    return ADDER_OK;
}

// Tiles of the vocabulary that cost no more than a layer does; at least one. Found without a division of 64 bits, which is
// half a kilobyte of library code on small cores.
uint32_t head_slice(const Model &model) {
    const uint64_t layer = layer_work(model.shape, model_layer(model, 0));
    const Linear head = model_head(model);
    uint32_t low = 1, high = head.matrix.tiles;
    while (low < high) {
        const uint32_t middle = high - (high - low) / 2;
        if (linear_work(head, middle, 1) <= layer)
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
    if (slices.layer < session->model().shape.n_layer) {
        const adder_status status = forward_layer(*session, slices.layer, slices.tokens);
        if (status != ADDER_OK) return status;
        ++slices.layer;
        if (step || slices.layer < session->model().shape.n_layer) return ADDER_MORE;
    } else {
        const uint32_t slice = head_slice(session->model()), end = head_tiles(*session).end;
        const uint32_t begin = slices.head_tile;
        slices.head_tile = end - begin > slice ? begin + slice : end;
        const adder_status status = forward_head(*session, 0, 1, Range{begin, slices.head_tile});
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
    const uint32_t layers = session->model().shape.n_layer - slices.layer;
    if (slices.begun == Begun::feed) return layers;
    const uint32_t slice = head_slice(session->model()), tiles = head_tiles(*session).end - slices.head_tile;
    return layers + (tiles + slice - 1) / slice;
}
