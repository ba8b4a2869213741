// The dry run as a table and as JSON.
// SPDX-License-Identifier: MIT
#include "converter/convert/dry_run.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/convert/stack_bounds.h"
#include "converter/inspect/inspect.h"
#include "converter/plan/names.h"
#include "converter/report/lines.h"
#include "converter/text/json.h"

namespace adder {
namespace {

// One line of the table: a tensor as the blob will hold it, and of matrices the plan.
struct Line {
    std::string name, scales, input;
    const char *weights;
    const LinearPlan *plan;  // null: a vector, float
    bool has_input;
    uint32_t rows, cols, bits;
    uint64_t bytes;  // weights, scales and multipliers, padded
};

std::string scales_of(const LinearPlan &plan, const BlobTensor &tensor) {
    if (plan.weights == Dtype::f32) return "-";
    if (plan.weights == Dtype::int8) return granularity_name(plan.granularity);
    const std::string group = plan.group == 0 ? "row" : std::to_string(tensor.group);
    return "group " + group + (plan.keep ? ", kept" : plan.gptq ? ", gptq" : ", nearest");
}

const char *input_word(Input input) {
    switch (input) {
    case Input::fixed: return "static";
    case Input::channels: return "channels";
    case Input::hadamard: return "hadamard";
    case Input::token: return "token";
    default: return "float";
    }
}

std::string input_of(const LinearPlan &plan) {
    std::string text = input_word(plan.input);
    if (!has_scale(plan.input)) return text;
    text += plan.rule == ScaleRule::mse          ? " mse"
            : plan.rule == ScaleRule::percentile ? format(" percentile:%g", plan.percentile)
                                                 : " absmax";
    if (plan.search_alpha) return text + " alpha auto";
    return plan.alpha > 0 ? text + format(" alpha %g", static_cast<double>(plan.alpha)) : text;
}

Line line_of(const DryRun &run, const BlobTensor &tensor) {
    const Role role = static_cast<Role>(tensor.role);
    const Dtype dtype = static_cast<Dtype>(tensor.dtype);
    const TensorExtent extent{tile_size * tensor.tiles, round_up_to_tile(tensor.cols), tensor.size};
    Line line{};
    line.name = plan_name(run.outline.shape, role, tensor.block);
    line.weights = weight_type_name(dtype);
    line.rows = tensor.rows;
    line.cols = tensor.cols;
    line.bytes = tensor.size +
                 scale_extent(extent, static_cast<Granularity>(tensor.granularity), tensor.group).bytes +
                 (tensor.multiplier_offset != 0 ? 4 * uint64_t{extent.cols} : 0);
    line.scales = line.input = "-";
    if (!is_matrix(role)) return line;
    line.plan = &run.plan.of(role, tensor.block);
    line.scales = scales_of(*line.plan, tensor);
    line.has_input = role != Role::embedding || run.outline.shape.tied;
    line.bits = tensor.input_bits;
    if (line.has_input) line.input = input_of(*line.plan);
    return line;
}

double bits_per_weight(const DryRun &run) {
    return static_cast<double>(run.outline.blob.weight_bits) /
           static_cast<double>(run.outline.blob.parameters);
}

// Of the types that the blob's matrices have, the one that needs most decides.
uint32_t stack_bytes(const DryRun &run, const StackBound &bound) {
    uint32_t most = 0;
    for (const BlobTensor &tensor : run.outline.tensors)
        if (is_matrix(static_cast<Role>(tensor.role)))
            most = std::max(most, bound.of(static_cast<Dtype>(tensor.dtype)));
    return most;
}

// "2 048 bytes (microcontroller), 4 096 (scalar), ..."
std::string stack_text(const DryRun &run) {
    std::string text;
    for (const StackBound &bound : stack_bounds)
        text += (text.empty() ? "" : ", ") + count_text(stack_bytes(run, bound)) +
                (text.empty() ? " bytes (" : " (") + bound.build + ")";
    return text;
}

}  // namespace

std::string dry_run_text(const DryRun &run) {
    std::string text = format("%-22s %15s  %-5s %-18s %-26s %4s %12s\n", "tensor", "shape", "type", "scales",
                              "input", "bits", "bytes");
    for (const BlobTensor &tensor : run.outline.tensors) {
        const Line line = line_of(run, tensor);
        const std::string shape = format("%u x %u", line.rows, line.cols);
        const std::string bits = line.bits > 0 ? std::to_string(line.bits) : "-";
        text += format("%-22s %15s  %-5s %-18s %-26s %4s %12llu\n", line.name.c_str(), shape.c_str(),
                       line.weights, line.scales.c_str(), line.input.c_str(), bits.c_str(),
                       static_cast<unsigned long long>(line.bytes));
    }
    Lines lines;
    lines.add("parameters", count_text(run.outline.blob.parameters));
    lines.add("blob", bytes_text(run.outline.blob.bytes));
    lines.add("bits per weight", format("%.2f", bits_per_weight(run)));
    lines.add("arena", bytes_text(run.arena_bytes));
    lines.add("stack, at most", stack_text(run));
    if (run.rotation_block > 0) lines.add("rotation", format("Hadamard in blocks of %u", run.rotation_block));
    lines.add("calibration", count_text(run.calibration_tokens) + " tokens");
    lines.add("conversion, about", format("%.1f s at %.2f billion multiplications a second; %.0f MB of memory",
                                          run.estimate.seconds, run.estimate.rate / 1e9,
                                          static_cast<double>(run.estimate.memory_bytes) / 1e6));
    return text + lines.text();
}

std::string dry_run_json(const DryRun &run) {
    JsonWriter json;
    json.begin_object();
    json.key("tensors").begin_array();
    for (const BlobTensor &tensor : run.outline.tensors) {
        const Line line = line_of(run, tensor);
        json.begin_object();
        json.key("name").value(line.name);
        json.key("rows").value(line.rows).key("cols").value(line.cols);
        json.key("weights").value(line.weights);
        if (line.plan && line.plan->weights != Dtype::f32) json.key("scales").value(line.scales);
        if (line.has_input) json.key("input").value(line.input);
        if (line.bits > 0) json.key("input_bits").value(line.bits);
        json.key("bytes").value(line.bytes);
        json.end_object();
    }
    json.end_array();
    json.key("parameters").value(run.outline.blob.parameters);
    json.key("blob_bytes").value(run.outline.blob.bytes);
    json.key("bits_per_weight").value(bits_per_weight(run));
    json.key("arena_bytes").value(run.arena_bytes);
    json.key("stack_bytes").begin_object();
    for (const StackBound &bound : stack_bounds) json.key(bound.build).value(stack_bytes(run, bound));
    json.end_object();
    if (run.rotation_block > 0) json.key("rotation_block").value(run.rotation_block);
    json.key("calibration_tokens").value(run.calibration_tokens);
    json.key("estimate").begin_object();
    json.key("multiplications").value(run.estimate.multiplications);
    json.key("multiplications_per_second").value(run.estimate.rate);
    json.key("seconds").value(run.estimate.seconds);
    json.key("peak_memory_bytes").value(run.estimate.memory_bytes);
    json.end_object();
    json.key("warnings").begin_array();
    for (const std::string &warning : run.warnings) json.value(warning);
    json.end_array();
    json.end_object();
    return json.text() + "\n";
}

}  // namespace adder
