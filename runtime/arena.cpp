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
    if (resolved->chunk > max_chunk)
        return report(error, ADDER_ERROR_ARGUMENT, "chunk", resolved->chunk, max_chunk);
    if (resolved->logit_rows > resolved->chunk)
        return report(error, ADDER_ERROR_ARGUMENT, "logit rows", resolved->logit_rows, resolved->chunk);
    if (resolved->threads > max_threads)
        return report(error, ADDER_ERROR_ARGUMENT, "threads", resolved->threads, max_threads);
    if (resolved->threads > 1 && !resolved->parallel_for)
        return report(error, ADDER_ERROR_ARGUMENT, "threads without parallel_for", resolved->threads, 1);
    if (!model.stream) return ADDER_OK;
    const uint32_t least = model.stream->least_buffer(model);
    if (resolved->stream_buffer == 0)
        resolved->stream_buffer = least > default_stream_buffer ? least : default_stream_buffer;
    if (resolved->stream_buffer < least || resolved->stream_buffer > max_stream_buffer)
        return report(error, ADDER_ERROR_ARGUMENT, "stream buffer", resolved->stream_buffer, least);
    resolved->stream_buffer = (resolved->stream_buffer + (arena_alignment - 1)) & ~(arena_alignment - 1);
    return ADDER_OK;
}

uint64_t conv_state_floats(const Shape &shape) { return uint64_t{shape.d_inner_padded} * (shape.d_conv - 1); }
uint64_t scan_state_floats(const Shape &shape) { return uint64_t{shape.d_inner_padded} * shape.d_state; }
uint64_t state_bytes(const Shape &shape) {
    return 4 * uint64_t{shape.n_layer} * (conv_state_floats(shape) + scan_state_floats(shape));
}

ArenaPlan arena_plan(const Model &model, const adder_options &options) {
    const Shape &s = model.shape;
    const uint64_t chunk = options.chunk;
    const bool codes = model.code_inputs;
    const bool codes_as_floats = codes && model.float_weights;

    uint64_t end = 0;
    const auto place = [&end](uint64_t bytes) {
        const uint64_t offset = end;
        end += (bytes + (arena_alignment - 1)) / arena_alignment * arena_alignment;
        return offset;
    };
    ArenaPlan plan{};
    plan.session = place(ADDER_SESSION_BYTES);
    plan.state = place(state_bytes(s));
    plan.residual = place(4 * chunk * s.d_model_padded);
    plan.in_codes = place(codes ? chunk * s.d_model_padded : 0);
    plan.in_floats = place(4 * chunk * s.d_model_padded);
    plan.xz = place(4 * chunk * 2 * s.d_inner_padded);
    plan.inner_codes = place(codes ? chunk * s.d_inner_padded : 0);
    plan.inner_floats = place(codes_as_floats ? 4 * chunk * s.d_inner_padded : 0);
    plan.x_proj = place(4 * chunk * s.x_proj_padded);
    plan.dt_codes = place(codes ? chunk * s.dt_rank_padded : 0);
    plan.dt_floats = place(codes_as_floats ? 4 * chunk * s.dt_rank_padded : 0);
    plan.scales = place(codes ? 4 * chunk : 0);
    plan.dt = place(4 * chunk * s.d_inner_padded);
    plan.logits = place(4 * uint64_t{options.logit_rows} * s.vocab_padded);
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
