// Writing of the quantization record.
// SPDX-License-Identifier: MIT
#include "converter/convert/record.h"

#include <algorithm>

#include "adder/adder.h"
#include "converter/base/error.h"
#include "converter/plan/names.h"
#include "converter/text/json.h"
#include "converter/text/text_facts.h"

namespace adder {
namespace {

void write_scale_rule(JsonWriter &json, const LinearPlan &plan) {
    json.key("input_scale");
    switch (plan.rule) {
    case ScaleRule::absmax: json.value("absmax"); break;
    case ScaleRule::mse: json.value("mse"); break;
    case ScaleRule::percentile: json.value(format("percentile:%g", plan.percentile)); break;
    }
}

// The members of one linear layer's object; `layers` where they do not hold for all layers.
void write_plan(JsonWriter &json, const LinearPlan &plan, bool has_input, const std::string &layers) {
    json.begin_object();
    if (!layers.empty()) json.key("layers").value(layers);
    json.key("weights").value(weight_type_name(plan.weights));
    if (plan.weights == Dtype::int8) json.key("scales").value(granularity_name(plan.granularity));
    if (plan.weights == Dtype::int4) {
        plan.group > 0 ? json.key("group").value(plan.group) : json.key("group").value("row");
        json.key("rounding").value(plan.keep ? "kept" : plan.gptq ? "gptq" : "nearest");
    }
    if (has_input) {
        json.key("input").value(input_name(plan.input));
        if (has_codes(plan.input)) json.key("input_bits").value(plan.input_bits);
        if (has_scale(plan.input)) {
            write_scale_rule(json, plan);
            if (plan.search_alpha)
                json.key("smoothing").value("auto");
            else if (plan.alpha > 0)
                json.key("smoothing").value(plan.alpha);
        }
    }
    json.end_object();
}

std::string text_of(const LinearPlan &plan) {
    JsonWriter json(false);
    write_plan(json, plan, true, "");
    return json.text();
}

// Layers with the same plan, in the order of the first of each: "0-2,5".
struct PlanGroup {
    const LinearPlan *plan;
    std::string text, layers;
    uint32_t last;
};

// The blocks that have a linear layer of this role.
std::vector<uint32_t> blocks_with(const Plan &plan, Role role) {
    std::vector<uint32_t> blocks;
    for (uint32_t block = 0; block < plan.block_count(); ++block)
        if (std::count(plan.roles(block).begin(), plan.roles(block).end(), role) > 0) blocks.push_back(block);
    return blocks;
}

std::vector<PlanGroup> groups_of(const ModelShape &shape, const Plan &plan, Role role) {
    std::vector<PlanGroup> groups;
    for (const uint32_t block : blocks_with(plan, role)) {
        const uint32_t layer = shape.blocks[block].layer;
        const std::string text = text_of(plan.of(role, block));
        PlanGroup *group = nullptr;
        for (PlanGroup &other : groups)
            if (other.text == text) group = &other;
        const bool next = group && group->last + 1 == layer;
        // A run's end is written over as it moves: "0" becomes "0-1", that "0-2".
        const std::string number = std::to_string(layer);
        if (!group) {
            groups.push_back({&plan.of(role, block), text, number, layer});
            continue;
        }
        if (next) {
            const size_t run = group->layers.find_last_of(',') + 1;
            const size_t dash = group->layers.find('-', run);
            group->layers.resize(std::min(dash, group->layers.size()));
            group->layers += "-" + number;
        } else {
            group->layers += "," + number;
        }
        group->last = layer;
    }
    return groups;
}

void write_role(JsonWriter &json, const ModelShape &shape, const Plan &plan, Role role) {
    const std::vector<PlanGroup> groups = groups_of(shape, plan, role);
    if (groups.empty()) return;
    json.key(role_name(role));
    if (groups.size() == 1) {
        write_plan(json, *groups[0].plan, true, "");
        return;
    }
    json.begin_array();
    for (const PlanGroup &group : groups) write_plan(json, *group.plan, true, group.layers);
    json.end_array();
}

// What the search for the strength of smoothing found, one number per layer.
void write_alphas(JsonWriter &json, const Plan &plan, const Calibration &calibration) {
    for (Role role : all_linear_roles()) {
        bool searched = false;
        const std::vector<uint32_t> blocks = blocks_with(plan, role);
        for (const uint32_t block : blocks)
            searched =
                searched || (plan.of(role, block).search_alpha && has_scale(plan.of(role, block).input));
        if (!searched || role == Role::head) continue;
        json.key(std::string(role_name(role)) + "_alphas").begin_array();
        for (const uint32_t block : blocks) json.value(calibration.of(role, block).alpha);
        json.end_array();
    }
}

}  // namespace

std::string quantization_record(const RecordContents &contents) {
    JsonWriter json;
    json.begin_object();
    json.key("converter").value(std::string("adder ") + adder_version());
    json.key("recipe").value(contents.recipe);
    if (!contents.source.parameters.empty()) {
        json.key("source").begin_object();
        json.key("format").value("GGUF");
        json.key("parameters").begin_object();
        for (const auto &[type, count] : contents.source.parameters) json.key(type).value(count);
        json.end_object().end_object();
    }
    if (!contents.rules.empty()) {
        json.key("rules").begin_array();
        for (const PlanRule &rule : contents.rules) json.value(rule.source().text);
        json.end_array();
    }
    if (contents.rotation) {
        json.key("rotation").begin_object();
        json.key("residual_stream").value("hadamard");
        json.key("block").value(contents.rotation->block());
        json.end_object();
    }
    const Plan &plan = contents.plan;
    for (Role role : all_linear_roles())
        if (role != Role::head) write_role(json, contents.shape, plan, role);
    write_plan(json.key("head"), plan.of(Role::head, no_block), true, "");
    if (!plan.tied()) write_plan(json.key("embedding"), plan.of(Role::embedding, no_block), false, "");
    if (contents.calibration_tokens > 0) {
        json.key("calibration").begin_object();
        json.key("tokens").value(contents.calibration_tokens);
        json.key("window").value(contents.calibration_window);
        write_texts(json.key("texts"), contents.texts);
        if (!contents.calibration.empty()) write_alphas(json, plan, contents.calibration);
        json.end_object();
    }
    if (contents.quality) write_quality(json.key("quality"), *contents.quality);
    json.end_object();
    return json.text();
}

bool is_rotated(std::string_view record, uint32_t d_model, const std::string &blob) {
    if (record.empty()) return false;
    const std::string what = blob + ": quantization record";
    const Json json = Json::parse(record, what);
    json.object(what);
    const Json *const rotation = json.find("rotation");
    if (rotation == nullptr) return false;
    rotation->object(what + ": rotation");
    const Json *const kind = rotation->find("residual_stream"), *const block = rotation->find("block");
    if (kind == nullptr || !kind->is_string() || kind->string(what) != "hadamard" || block == nullptr)
        bad_input("%s: rotation is no Hadamard transform of the residual stream", what.c_str());
    const int64_t channels = block->integer(what + ": rotation: block", 1, max_d_model);
    const uint32_t ours = Rotation(d_model).block();
    if (channels != ours)
        bad_input("%s: the residual stream was rotated in blocks of %lld channels; %u channels are rotated in "
                  "blocks of %u",
                  what.c_str(), static_cast<long long>(channels), d_model, ours);
    return true;
}

}  // namespace adder
