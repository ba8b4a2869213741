// Feeding tokens: one at a time, in chunks, or with the logits of each.
// SPDX-License-Identifier: MIT
#include "runtime/session.h"

#include <string.h>

#include "kernels/float_mode.h"
#include "runtime/arena.h"
#include "runtime/crc32.h"
#include "runtime/error.h"
#include "runtime/stream.h"
#include "runtime/walk.h"

namespace adder {
namespace {

// Takes at most a chunk of tokens through all blocks; their residuals are then ready for the head.
adder_status walk(adder_session &session, const int32_t *tokens, uint32_t n, bool head_follows,
                  BlockTrace trace = nullptr, void *context = nullptr) {
    adder_status status = walk_embed(session, tokens, n, head_follows);
    ShapeAtHand at_hand;
    for (uint32_t block = 0; block < session.model().architecture.block_count && status == ADDER_OK; ++block) {
        status = walk_block(session, at_hand, block, n);
        if (trace) trace(context, block, session.buffers.residual);
    }
    if (status == ADDER_OK) session.position += n;
    return status;
}

}  // namespace

adder_status session_trace_step(adder_session *session, int32_t token, float **logits, BlockTrace trace,
                                void *context) {
    if (!session || !logits) return ADDER_ERROR_ARGUMENT;
    adder_status status = check_tokens(*session, &token, 1);
    if (status != ADDER_OK) return status;
    const FloatModeScope mode;
    status = walk(*session, &token, 1, true, trace, context);
    if (status == ADDER_OK) status = walk_head(*session, 0, 1, head_tiles(*session));
    if (status == ADDER_OK) *logits = session->logits;
    return status;
}

adder_status session_score(adder_session *session, const int32_t *tokens, size_t n, size_t from,
                           adder_logits_callback callback, void *context) {
    if (!session || !callback || (!tokens && n > 0)) return ADDER_ERROR_ARGUMENT;
    adder_status status = check_tokens(*session, tokens, n);
    const uint32_t stride = session->model().architecture.vocab_padded();
    for (size_t done = 0; done < n && status == ADDER_OK;) {
        const uint32_t count = next_chunk(*session, n - done);
        {
            const FloatModeScope mode;
            status = walk(*session, tokens + done, count, false);
        }
        const uint32_t first = from <= done          ? 0
                               : from - done < count ? static_cast<uint32_t>(from - done)
                                                     : count;
        for (uint32_t row = first; row < count && status == ADDER_OK; row += session->logit_rows) {
            const uint32_t rows = count - row < session->logit_rows ? count - row : session->logit_rows;
            {
                const FloatModeScope mode;
                status = walk_head(*session, row, rows, head_tiles(*session));
            }
            for (uint32_t i = 0; i < rows && status == ADDER_OK; ++i)
                callback(context, done + row + i, session->logits + size_t{i} * stride);
        }
        done += count;
    }
    return status;
}

}  // namespace adder

using namespace adder;

extern "C" adder_status adder_session_init(adder_session **session, const adder_model *model,
                                           const adder_options *options, void *arena, size_t arena_size,
                                           adder_error *error) {
    if (!session) return report(error, ADDER_ERROR_ARGUMENT, "session");
    *session = nullptr;
    if (!model) return report(error, ADDER_ERROR_ARGUMENT, "model");
    adder_options resolved;
    const Model &m = *model_of(model);
    const adder_status status = options_resolve(m, options, &resolved, error);
    if (status != ADDER_OK) return status;
    if (!arena) return report(error, ADDER_ERROR_ARGUMENT, "arena");
    const uintptr_t misalignment = reinterpret_cast<uintptr_t>(arena) % arena_alignment;
    if (misalignment != 0)
        return report(error, ADDER_ERROR_ALIGNMENT, "arena address modulo 64", misalignment, 0);
    const ArenaPlan plan = arena_plan(m, resolved);
    if (arena_size < plan.total) return report(error, ADDER_ERROR_ARENA, "bytes", arena_size, plan.total);
    const KernelTable *kernels = kernels_choose(resolved.isa);
    if (!kernels) return report(error, ADDER_ERROR_ISA, resolved.isa ? resolved.isa : kernels_environment());

    uint8_t *const base = static_cast<uint8_t *>(arena);
    const auto floats = [base](uint64_t offset) { return reinterpret_cast<float *>(base + offset); };
    // The arena's bytes become an adder_session here: a plain struct, filled in field by field.
    adder_session *s = reinterpret_cast<adder_session *>(base + plan.session);
    s->handle = model;
    s->kernels = kernels;
    const uint32_t least_part = resolved.least_part ? resolved.least_part : kernels->least_part;
    s->team = Team{resolved.threads, least_part, resolved.parallel_for, resolved.parallel_context};
    s->chunk = resolved.chunk;
    s->logit_rows = resolved.logit_rows;
    s->state = base + plan.state;
#if ADDER_CACHE
    s->cache = base + plan.cache;
    s->page_bytes = static_cast<uint32_t>(page_bytes(m.architecture));
    s->context = resolved.context;
#endif
    s->buffers.form = buffer_form(m.code_inputs, m.float_weights, resolved.chunk);
    s->buffers.residual = floats(plan.residual);
    s->buffers.in_codes = reinterpret_cast<int8_t *>(base + plan.in_codes);
    s->buffers.in_floats = floats(plan.in_floats);
    s->buffers.scales = floats(plan.scales);
    s->buffers.carried =
        is_built(block_carried) && has_carried(m.architecture) ? floats(plan.carried) : nullptr;
    s->buffers.work = base + plan.work;
    s->logits = floats(plan.logits);
    s->reader = nullptr;
    if (m.stream) m.stream->init(*s, base + plan.reader, base + plan.stream_buffers, resolved.stream_buffer);
    adder_state_reset(s);
    *session = s;
    return ADDER_OK;
}

extern "C" const char *adder_session_isa(const adder_session *session) { return session->kernels->name; }

extern "C" uint64_t adder_session_position(const adder_session *session) { return session->position; }

extern "C" uint32_t adder_session_context([[maybe_unused]] const adder_session *session) {
#if ADDER_CACHE
    return session->context;
#else
    return 0;
#endif
}

extern "C" adder_status adder_feed(adder_session *session, const int32_t *tokens, size_t n) {
    if (!session || (!tokens && n > 0)) return ADDER_ERROR_ARGUMENT;
    adder_status status = check_tokens(*session, tokens, n);
    const FloatModeScope mode;
    for (size_t done = 0; done < n && status == ADDER_OK;) {
        const uint32_t count = next_chunk(*session, n - done);
        status = walk(*session, tokens + done, count, false);
        done += count;
    }
    return status;
}

extern "C" adder_status adder_step(adder_session *session, int32_t token, float **logits) {
    return session_trace_step(session, token, logits, nullptr, nullptr);
}

extern "C" adder_status adder_score(adder_session *session, const int32_t *tokens, size_t n,
                                    adder_logits_callback callback, void *context) {
    return session_score(session, tokens, n, 0, callback, context);
}

// Out of line, for the sake of the stack.
[[gnu::noinline]] static adder_status other_logits(adder_error *error, uint32_t found, uint32_t needed) {
    return report(error, ADDER_ERROR_SELFTEST, "CRC-32 of the logits", found, needed);
}

extern "C" adder_status adder_selftest(adder_session *session, adder_error *error) {
    if (!session) return report(error, ADDER_ERROR_ARGUMENT, "session");
    const Model &model = session->model();
    uint64_t size = 0;
    const uint8_t *section = model_section(model, section_golden, &size);
    if (!section) return report(error, ADDER_ERROR_UNSUPPORTED, "golden case");
    BlobGolden golden;
    memcpy(&golden, section, sizeof golden);
    const int32_t *tokens = reinterpret_cast<const int32_t *>(section + sizeof golden);
    const uint32_t last = golden.token_count - 1;
    if (session->slices.begun != Begun::nothing) return report(error, ADDER_ERROR_SEQUENCE, "selftest");
    adder_state_reset(session);
    if (check_tokens(*session, tokens, golden.token_count) != ADDER_OK)
        return report(error, ADDER_ERROR_CORRUPT, "tokens of the golden case");
    float *logits = nullptr;
    adder_status status = adder_feed(session, tokens, last);
    if (status == ADDER_OK) status = adder_step(session, tokens[last], &logits);
    if (status != ADDER_OK) return report(error, status, "golden case");
    const uint32_t crc = crc32(0, logits, size_t{4} * model.architecture.vocab_size);
    adder_state_reset(session);
    return crc == golden.logits_crc ? ADDER_OK : other_logits(error, crc, golden.logits_crc);
}
