// Numbers as people read them, and the arena's regions: what inspecting blobs and checkpoints has in common.
// SPDX-License-Identifier: MIT
#include "converter/inspect/inspect.h"

#include "converter/base/error.h"
#include "runtime/arena.h"

namespace adder {

namespace {

constexpr size_t label_width = 21;

}  // namespace

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

void Lines::add(const std::string &label, const std::string &text) {
    const std::string padding(label.size() < label_width ? label_width - label.size() : 1, ' ');
    text_ += "  " + label + padding + text + "\n";
}

void Lines::arena(const ArenaReport &arena, const adder_options &options) {
    add("arena", format("%s with chunk %u and logit rows %u", bytes_text(arena.total).c_str(), options.chunk,
                        options.logit_rows));
    for (const auto &[name, bytes] : arena.regions) add(std::string("  ") + name, count_text(bytes));
}

std::string count_text(uint64_t number) {
    std::string digits = std::to_string(number);
    for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ' ');
    return digits;
}

std::string bytes_text(uint64_t bytes) {
    std::string text = count_text(bytes) + " bytes";
    if (bytes >= 10 * 1024 * 1024) {
        text += format(" (%.1f MiB)", static_cast<double>(bytes) / (1024 * 1024));
    } else if (bytes >= 10 * 1024) {
        text += format(" (%.1f KiB)", static_cast<double>(bytes) / 1024);
    }
    return text;
}

std::string list_text(const std::vector<std::string> &items) {
    std::string text;
    for (const std::string &item : items) text += (text.empty() ? "" : ", ") + item;
    return text;
}

}  // namespace adder
