// The arena's regions: what inspecting blobs and checkpoints has in common.
// SPDX-License-Identifier: MIT
#include "converter/inspect/inspect.h"

#include "converter/base/error.h"
#include "runtime/arena.h"

namespace adder {

ArenaReport arena_report(const Shape &shape, bool code_inputs, bool float_weights,
                         const adder_options &options) {
    Model model{};
    model.shape = shape;
    model.code_inputs = code_inputs;
    model.float_weights = float_weights;
    adder_options resolved;
    adder_error error{};
    if (options_resolve(model, &options, &resolved, &error) != ADDER_OK)
        fail(ExitCode::usage, "%s is %llu; at most %llu is possible", error.item,
             static_cast<unsigned long long>(error.found), static_cast<unsigned long long>(error.needed));
    const ArenaPlan plan = arena_plan(model, resolved);
    const std::pair<const char *, uint64_t> starts[] = {
        {"session", plan.session},
        {"state", plan.state},
        {"residual", plan.residual},
        {"in_codes", plan.in_codes},
        {"in_floats", plan.in_floats},
        {"xz", plan.xz},
        {"inner_codes", plan.inner_codes},
        {"inner_floats", plan.inner_floats},
        {"x_proj", plan.x_proj},
        {"dt_codes", plan.dt_codes},
        {"dt_floats", plan.dt_floats},
        {"scales", plan.scales},
        {"dt", plan.dt},
        {"logits", plan.logits},
        {nullptr, plan.total},
    };
    ArenaReport report{{}, plan.total};
    for (size_t i = 0; starts[i].first != nullptr; ++i)
        if (starts[i + 1].second > starts[i].second)
            report.regions.emplace_back(starts[i].first, starts[i + 1].second - starts[i].second);
    return report;
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
