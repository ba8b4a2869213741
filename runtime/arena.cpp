// Planning the arena.
// SPDX-License-Identifier: MIT
#include "runtime/arena.h"

#include "runtime/error.h"
#include "runtime/session.h"
#include "runtime/stream.h"

namespace adder {

adder_status options_resolve(const Model &model, const adder_options *given, adder_options *resolved,
                             adder_error *error) {
    *resolved = given ? *given : adder_options{};
    if (resolved->chunk == 0) resolved->chunk = default_chunk;
    if (resolved->logit_rows == 0) resolved->logit_rows = 1;
    if (resolved->threads == 0) resolved->threads = 1;
    const struct {
        const char *item;
        uint32_t value, high;
    } limits[] = {
        {"chunk", resolved->chunk, max_chunk},
        {"logit rows", resolved->logit_rows, resolved->chunk},
        {"threads", resolved->threads, max_threads},
        {"threads without parallel_for", resolved->threads, resolved->parallel_for ? max_threads : 1},
#if ADDER_CACHE
        {"context", resolved->context, max_context},
#endif
    };
    for (const auto &limit : limits)
        if (limit.value > limit.high)
            return report(error, ADDER_ERROR_ARGUMENT, limit.item, limit.value, limit.high);
    for (const uint32_t reserved : resolved->reserved)
        if (reserved != 0) return report(error, ADDER_ERROR_ARGUMENT, "reserved options", reserved, 0);
    if (is_built(block_cache)) {
        const uint32_t trained = trained_context(model.architecture);
        if (trained == 0)
            resolved->context = 0;  // a sequence has no end
        else if (resolved->context == 0)
            resolved->context = trained < default_context ? trained : default_context;
    }
    if (!model.stream) return ADDER_OK;
    const uint32_t least = model.stream->least_buffer(model);
    if (resolved->stream_buffer == 0)
        resolved->stream_buffer = least > default_stream_buffer ? least : default_stream_buffer;
    if (resolved->stream_buffer < least || resolved->stream_buffer > max_stream_buffer)
        return report(error, ADDER_ERROR_ARGUMENT, "stream buffer", resolved->stream_buffer, least);
    resolved->stream_buffer = (resolved->stream_buffer + (arena_alignment - 1)) & ~(arena_alignment - 1);
    return ADDER_OK;
}

BufferForm buffer_form(bool code_inputs, bool float_weights, uint32_t chunk) {
    return {chunk, code_inputs, code_inputs && float_weights};
}

uint64_t work_bytes(const Architecture &architecture, const BufferForm &form) {
    uint64_t most = 0;
    for (uint32_t i = 0; i < architecture.shape_count; ++i) {
        const BlockView view = shape_view(architecture, architecture.shapes[i]);
        const uint64_t bytes = buffers_bytes(*view.kind, view.dims, form);
        most = bytes > most ? bytes : most;
    }
    return most;
}

ArenaPlan arena_plan(const Model &model, const adder_options &options) {
    const Architecture &a = model.architecture;
    const BufferForm form = buffer_form(model.code_inputs, model.float_weights, options.chunk);

    uint64_t end = 0;
    const auto place = [&end](uint64_t bytes) {
        const uint64_t offset = end;
        end += (bytes + (arena_alignment - 1)) / arena_alignment * arena_alignment;
        return offset;
    };
    ArenaPlan plan{};
    plan.session = place(ADDER_SESSION_BYTES);
    plan.state = place(state_bytes(a));
    if (is_built(block_cache)) plan.cache = place(page_bytes(a) * pages_of(options.context));
    plan.residual = place(buffer_bytes(SlotType::floats, a.d_model_padded(), form));
    plan.in_codes = place(buffer_bytes(SlotType::codes, a.d_model_padded(), form));
    plan.in_floats = place(buffer_bytes(SlotType::floats, a.d_model_padded(), form));
    plan.scales = place(form.codes ? 4 * uint64_t{form.chunk} : 0);
    if (is_built(block_carried) && has_carried(a))
        plan.carried = place(buffer_bytes(SlotType::floats, a.d_model_padded(), form));
    plan.work = place(work_bytes(a, form));
    plan.logits = place(4 * uint64_t{options.logit_rows} * a.vocab_padded());
    if (model.stream) {
        plan.reader = place(sizeof(StreamReader));
        plan.stream_buffers = place(uint64_t{options.stream_buffer} * (model.source->start ? 2 : 1));
    }
    plan.total = end;
    return plan;
}

}  // namespace adder

extern "C" size_t adder_arena_size(const adder_model *model, const adder_options *options) {
    adder_options resolved;
    if (!model || adder::options_resolve(*adder::model_of(model), options, &resolved, nullptr) != ADDER_OK)
        return 0;
    const uint64_t total = adder::arena_plan(*adder::model_of(model), resolved).total;
    return total <= SIZE_MAX ? static_cast<size_t>(total) : 0;
}
