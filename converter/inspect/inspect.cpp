// The arena's regions: what inspecting blobs and checkpoints has in common.
// SPDX-License-Identifier: MIT
#include "converter/inspect/inspect.h"

#include <set>

#include "converter/base/error.h"
#include "converter/families/family.h"
#include "converter/plan/names.h"
#include "runtime/arena.h"

namespace adder {

ArenaReport arena_report(const Architecture &architecture, bool code_inputs, bool float_weights,
                         const adder_options &options) {
    Model model{};
    model.architecture = architecture;
    model.code_inputs = code_inputs;
    model.float_weights = float_weights;
    adder_options resolved;
    adder_error error{};
    if (options_resolve(model, &options, &resolved, &error) != ADDER_OK)
        fail(ExitCode::usage, "%s is %llu; at most %llu is possible", error.item,
             static_cast<unsigned long long>(error.found), static_cast<unsigned long long>(error.needed));
    const ArenaPlan plan = arena_plan(model, resolved);
    ArenaReport report{{}, plan.total};
    const auto add = [&](const char *name, uint64_t bytes) {
        if (bytes > 0) report.regions.emplace_back(name, bytes);
    };
    add("session", plan.state - plan.session);
    const uint64_t cache_end = plan.residual;
    const uint64_t state_end = plan.cache > 0 ? plan.cache : cache_end;
    add("state", state_end - plan.state);
    add("cache", cache_end - state_end);
    add("residual", plan.in_codes - plan.residual);
    add("in_codes", plan.in_floats - plan.in_codes);
    add("in_floats", plan.scales - plan.in_floats);
    // The buffers of the blocks that take most.
    const BufferForm form = buffer_form(code_inputs, float_weights, resolved.chunk);
    for (uint32_t i = 0; i < architecture.shape_count; ++i) {
        const BlockView view = shape_view(architecture, architecture.shapes[i]);
        if (buffers_bytes(*view.kind, view.dims, form) != plan.logits - plan.work) continue;
        for (uint32_t k = 0; k < view.kind->slot_count; ++k) {
            const SlotRow &row = view.kind->slots[k];
            add(slot_name(row.slot), buffer_bytes(row.type, row.numbers.padded(view.dims), form));
        }
        break;
    }
    add("scales", plan.work - plan.scales);
    add("logits", plan.total - plan.logits);
    return report;
}

namespace {

// Where there are several shapes, a model is described by the first, ...
BlockView first_block(const Architecture &architecture) { return block_view(architecture, 0); }

// ... by what others have besides, and by the list of tensors.
template <typename Body>
void each_dim(const Architecture &architecture, const Body &body) {
    std::set<Dim> seen;
    for (uint32_t i = 0; i < architecture.shape_count; ++i) {
        const BlockView view = shape_view(architecture, architecture.shapes[i]);
        for (uint32_t j = 0; j < view.kind->dim_count; ++j)
            if (const Dim dim = view.kind->dims[j].dim; view.dims[dim] > 0 && seen.insert(dim).second)
                body(dim_name(dim), view.dims[dim]);
    }
}

}  // namespace

std::string shape_line(const Architecture &architecture, uint32_t n_layer) {
    const BlockView view = first_block(architecture);
    std::string text = format("%s, d_model %u, layers %u, vocabulary %u", family_name(architecture),
                              architecture.d_model, n_layer, architecture.vocab_size);
    each_dim(architecture, [&](const char *name, uint32_t value) { text += format(", %s %u", name, value); });
    if (view.shape->state_type == static_cast<uint8_t>(StateType::f16)) text += ", state float16";
    return text;
}

void write_shape(JsonWriter &w, const Architecture &architecture, uint32_t n_layer) {
    const BlockView view = first_block(architecture);
    w.key("architecture").value(family_name(architecture));
    w.key("d_model").value(architecture.d_model);
    w.key("n_layer").value(n_layer);
    w.key("vocab_size").value(architecture.vocab_size);
    each_dim(architecture, [&](const char *name, uint32_t value) { w.key(name).value(value); });
    if (view.kind->state_types != StateType::f32)
        w.key("state_type").value(view.shape->state_type == static_cast<uint8_t>(StateType::f16) ? "f16" : "f32");
    w.key("tied_head").value((architecture.flags & blob_tied_head) != 0);
    w.key("projection_bias").value((view.shape->flags & shape_projection_bias) != 0);
}

void write_arena(JsonWriter &w, const ArenaReport &arena, const adder_options &options) {
    w.key("chunk").value(options.chunk);
    w.key("logit_rows").value(options.logit_rows);
    w.key("arena_bytes").value(arena.total);
    w.key("arena_regions").begin_object();
    for (const auto &[name, bytes] : arena.regions) w.key(name).value(bytes);
    w.end_object();
}

void add_arena(Lines *lines, const ArenaReport &arena, const adder_options &options) {
    lines->add("arena", format("%s with chunk %u and logit rows %u", bytes_text(arena.total).c_str(),
                               options.chunk, options.logit_rows));
    for (const auto &[name, bytes] : arena.regions) lines->add(std::string("  ") + name, count_text(bytes));
}

}  // namespace adder
