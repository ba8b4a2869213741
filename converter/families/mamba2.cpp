// Mamba-2 (Dao and Gu, arXiv 2405.21060), in the layouts of transformers, of state-spaces and of Codestral: config.json,
// tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "kernels/scalar/hadamard.h"

namespace adder {
namespace {

// The checkpoint's in_proj has rows [z: d_inner, x: d_inner, B: d_bc, C: d_bc, dt: n_head] (state-spaces/mamba,
// modules/mamba2.py). Here in_proj is [z, x] and bcdt_proj the rest, so that each can have bits of its own.
struct InProj {
    uint32_t zx, bcdt;
};
InProj in_proj_rows(const BlockView &view) {
    return {2 * view.dims[Dim::d_inner], 2 * view.dims[Dim::d_bc] + view.dims[Dim::n_head]};
}

// A number or inf, which is written as Infinity, in quotes or not, or as {"__float__": "Infinity"} by transformers.
double limit_of(const Json &value, const std::string &what) {
    const Json *const text = value.is_object() ? value.find("__float__") : &value;
    if (text != nullptr && text->is_string()) {
        const std::string &word = text->string(what);
        if (word == "Infinity" || word == "inf") return std::numeric_limits<double>::infinity();
    }
    const double limit = value.number(what);
    if (!(limit >= 0)) bad_input("%s is %g; a number from 0 on is needed", what.c_str(), limit);
    return limit;
}

void read_limits(const ConfigReader &config, const char *key, BlobShape *shape) {
    param_of(*shape, Param::dt_low) = 0;
    param_of(*shape, Param::dt_high) = std::numeric_limits<float>::infinity();
    const Json *const value = config.find(key);
    if (value == nullptr) return;
    const std::vector<Json> &limits = value->array(config.what(key));
    if (limits.size() != 2)
        bad_input("%s has %zu numbers; two are needed", config.what(key).c_str(), limits.size());
    param_of(*shape, Param::dt_low) = static_cast<float>(limit_of(limits[0], config.what(key)));
    param_of(*shape, Param::dt_high) = static_cast<float>(limit_of(limits[1], config.what(key)));
    if (param_of(*shape, Param::dt_low) > param_of(*shape, Param::dt_high))
        bad_input("%s is from %g to %g; the first may not be above the second", config.what(key).c_str(),
                  static_cast<double>(param_of(*shape, Param::dt_low)),
                  static_cast<double>(param_of(*shape, Param::dt_high)));
}

BlobShape block_shape(const ModelShape &model, uint32_t d_inner, uint32_t d_state, uint32_t d_conv,
                      uint32_t n_head, uint32_t n_group, bool bias) {
    BlobShape shape{};
    shape.kind = static_cast<uint16_t>(BlockId::mamba2);
    shape.flags = bias ? shape_projection_bias : 0;
    dim_of(shape, Dim::d_inner) = d_inner;
    dim_of(shape, Dim::d_state) = d_state;
    dim_of(shape, Dim::d_conv) = d_conv;
    dim_of(shape, Dim::n_head) = n_head;
    dim_of(shape, Dim::n_group) = n_group;
    dim_of(shape, Dim::n_norm_group) = n_group;
    param_of(shape, Param::norm_epsilon) = model.norm_epsilon;
    param_of(shape, Param::mixer_norm_epsilon) = model.norm_epsilon;
    param_of(shape, Param::dt_high) = std::numeric_limits<float>::infinity();
    return shape;
}

// What the table of the kind does not know to be wrong, in the words of config.json.
void check_shape(const ConfigReader &config, const ModelShape &model, const BlobShape &shape) {
    const BlockView view = shape_view(model.architecture(), shape);
    uint32_t value = 0;
    if (const char *fault = view.kind->fault(shape, view.dims, &value))
        bad_input("%s: %u cannot be the %s, with an inner dimension of %u", config.name().c_str(), value,
                  fault, view.dims[Dim::d_inner]);
}

bool recognises(const ConfigReader &config) {
    if (backbone::is_state_spaces(config)) return backbone::state_spaces_layer(config) == "Mamba2";
    return config.string("model_type") == "mamba2";
}

// The defaults are those of transformers' Mamba2Config.
ModelShape read_transformers(const ConfigReader &config) {
    ModelShape model = backbone::transformers_shape(config, false);
    const uint32_t n_head = config.integer("num_heads", 1, max_d_inner).value_or(128);
    const uint32_t head_dim = config.integer("head_dim", 1, max_d_inner).value_or(64);
    const uint32_t d_inner = backbone::expanded(config, model.d_model);
    if (uint64_t{n_head} * head_dim != d_inner)
        bad_input(
            "%s: num_heads %u times head_dim %u is not the inner dimension, expand times hidden_size, of %u",
            config.name().c_str(), n_head, head_dim, d_inner);
    BlobShape shape = block_shape(model, d_inner, config.integer("state_size", 1, max_d_state).value_or(128),
                                  config.integer("conv_kernel", 1, max_d_conv).value_or(4), n_head,
                                  config.integer("n_groups", 1, 1024).value_or(8),
                                  config.boolean("use_bias").value_or(false));
    // transformers normalizes the gated output over its whole width (modeling_mamba2.py: MambaRMSNormGated), mamba_ssm in
    // n_groups groups (modules/mamba2.py: group_size); they agree for one.
    const uint32_t n_group = dim_of(shape, Dim::n_group);
    const auto norm_groups = config.integer("norm_groups", 1, 1024);
    dim_of(shape, Dim::n_norm_group) = norm_groups.value_or(1);
    if (n_group > 1 && !norm_groups)
        model.notes.push_back(format(
            "%s: n_groups is %u. The gated norm is taken over its whole width, as transformers computes it; for a model that "
            "mamba_ssm trained, which normalizes each group, add \"norm_groups\": %u to the file",
            config.name().c_str(), n_group, n_group));
    read_limits(config, "time_step_limit", &shape);
    check_shape(config, model, shape);
    repeat_shape(&model, shape);
    return model;
}

ModelShape read_state_spaces(const ConfigReader &config) {
    ModelShape model = backbone::state_spaces_shape(config, 8);
    backbone::with_ssm_cfg(config, [&](const ConfigReader &options) {
        const uint32_t d_inner = backbone::expanded(options, model.d_model);
        const uint32_t head_dim = options.integer("headdim", 1, max_d_inner).value_or(64);
        for (const char *key : {"d_ssm", "D_has_hdim", "norm_before_gate"}) {
            const Json *const value = options.find(key);
            if (value == nullptr || (value->is_boolean() && !value->boolean(""))) continue;
            if (value->is_number() && value->integer(options.what(key), 0, INT32_MAX) == d_inner) continue;
            bad_input("%s is set, which is not supported", options.what(key).c_str());
        }
        if (!options.boolean("rmsnorm").value_or(true))
            bad_input("%s is false; the gated norm is needed", options.what("rmsnorm").c_str());
        if (d_inner % head_dim != 0)
            bad_input("%s is %u, which does not divide the inner dimension of %u",
                      options.what("headdim").c_str(), head_dim, d_inner);
        BlobShape shape = block_shape(model, d_inner, options.integer("d_state", 1, max_d_state).value_or(128),
                                      options.integer("d_conv", 1, max_d_conv).value_or(4),
                                      d_inner / head_dim, options.integer("ngroups", 1, 1024).value_or(1),
                                      options.boolean("bias").value_or(false));
        read_limits(options, "dt_limit", &shape);
        check_shape(options, model, shape);
        repeat_shape(&model, shape);
    });
    return model;
}

ModelShape read_shape(const ConfigReader &config) {
    return backbone::is_state_spaces(config) ? read_state_spaces(config) : read_transformers(config);
}

std::string tensor_name(Role role, uint32_t layer) {
    const std::string mixer = backbone::mixer_prefix(layer);
    switch (role) {
    case Role::bcdt_proj: return mixer + "in_proj.weight";
    case Role::bcdt_bias: return mixer + "dt_bias";
    case Role::gate_norm: return mixer + "norm.weight";
    default: return backbone::tensor_name(role, layer);
    }
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    std::vector<TensorSpec> all;
    backbone::add_first(model, &all);
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        const bool bias = (view.shape->flags & shape_projection_bias) != 0;
        const uint64_t d_inner = view.dims[Dim::d_inner], n_head = view.dims[Dim::n_head],
                       d_model = model.d_model;
        const uint64_t in_rows = in_proj_rows(view).zx + in_proj_rows(view).bcdt;
        const uint64_t convolved = d_inner + 2 * view.dims[Dim::d_bc];
        const auto add = [&](Role role, std::vector<uint64_t> shape) {
            all.push_back({tensor_name(role, block), std::move(shape)});
        };
        add(Role::norm, {d_model});
        add(Role::in_proj, {in_rows, d_model});
        if (bias) add(Role::in_proj_bias, {in_rows});
        add(Role::conv_weight, {convolved, 1, view.dims[Dim::d_conv]});
        if (model.conv_bias) add(Role::conv_bias, {convolved});
        add(Role::bcdt_bias, {n_head});
        add(Role::A2, {n_head});
        add(Role::D, {n_head});
        add(Role::gate_norm, {d_inner});
        add(Role::out_proj, {d_model, d_inner});
        if (bias) add(Role::out_proj_bias, {d_model});
    }
    backbone::add_last(model, &all);
    return all;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const Extent extent = extent_of(model, role, block);
    const std::string name = tensor_name(role, block);
    if (role == Role::conv_bias && !model.conv_bias) return backbone::filled(extent.rows, 1, 0.0f);
    if (role == Role::in_proj || role == Role::in_proj_bias)
        return backbone::read_rows(files, name, extent.cols, 0, extent.rows);
    const BlockView view = model.view(block);
    if (role == Role::bcdt_proj)
        return backbone::read_rows(files, name, extent.cols, in_proj_rows(view).zx, extent.rows);
    if (role == Role::bcdt_bias) {
        // Of B, C and dt that of in_proj, if there is one; of dt dt_bias besides.
        const std::string in_proj_bias = tensor_name(Role::in_proj_bias, block);
        DenseTensor bias =
            view.shape->flags & shape_projection_bias
                ? backbone::read_rows(files, in_proj_bias, 1, in_proj_rows(view).zx, extent.rows)
                : backbone::filled(extent.rows, 1, 0.0f);
        const DenseTensor dt_bias = backbone::read(files, name, 1);
        for (uint32_t i = 0; i < dt_bias.rows; ++i)
            bias.values[extent.rows - dt_bias.rows + i] += dt_bias.values[i];
        return bias;
    }
    DenseTensor dense = backbone::read(files, name, extent.cols);
    if (role == Role::A2) backbone::make_A2(files, name, &dense);
    return dense;
}

// The gated norm leaves few outliers: with a Hadamard transform one static scale loses less than one per token does
// (docs/results/quantization.md). Blocks of 64 have to fit.
void tune(const ModelShape &model, Recipe *recipe) {
    LinearPlan &out_proj = recipe->of(Role::out_proj);
    if (out_proj.input != Input::token || model.dim(Dim::d_inner) % hadamard_size != 0) return;
    out_proj.input = Input::hadamard;
    out_proj.alpha = 0.6f;
}

// For messages. There is a block for each layer.
std::string name_of(const ModelShape &, Role role, uint32_t block) { return tensor_name(role, block); }

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, true);
    const uint32_t d_inner = 2 * like.d_model, head_dim = d_inner % 64 == 0 ? 64 : tile_size;
    if (d_inner % head_dim != 0)
        fail(ExitCode::usage,
             "--like: a Mamba-2 has heads of a multiple of 8 channels, and d_model %u makes %u of them",
             like.d_model, d_inner);
    repeat_shape(&model, block_shape(model, d_inner, 128, 4, d_inner / head_dim, 1, false));
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    const BlockView view = model.view(0);
    backbone::write_config(model, "Mamba2ForCausalLM", json);
    json->key("state_size").value(view.dims[Dim::d_state]);
    json->key("conv_kernel").value(view.dims[Dim::d_conv]);
    json->key("expand").value(view.dims[Dim::d_inner] / model.d_model);
    json->key("num_heads").value(view.dims[Dim::n_head]);
    json->key("head_dim").value(view.dims[Dim::head_dim]);
    json->key("n_groups").value(view.dims[Dim::n_group]);
    json->key("layer_norm_epsilon").value(model.norm_epsilon);
    json->key("rms_norm").value(true);
    backbone::write_config_end(model, json);
}

// state-spaces/mamba, modules/mamba2.py: A uniform in [1, 16), dt_bias the inverse softplus of steps, D and norms 1, the
// rest as Mamba has it.
Initial initial(const TensorSpec &tensor, const ModelShape &model) {
    if (backbone::ends_with(tensor.name, "mixer.A_log")) return {Initial::Kind::log_uniform, 16};
    if (backbone::ends_with(tensor.name, "mixer.dt_bias")) return {Initial::Kind::steps};
    return backbone::initial(tensor, model, model.dim(Dim::d_conv));
}

const Family mamba2 = {"mamba2",
                       "mamba2",
                       "Mamba2",
                       BlockId::mamba2,
                       0,
                       recognises,
                       read_shape,
                       backbone::rename,
                       tensors,
                       name_of,
                       read,
                       tune,
                       shape_like,
                       write_config,
                       initial,
                       {// state-spaces/NAME
                        {"mamba2-130m", 768, 24, 50288},
                        {"mamba2-370m", 1024, 48, 50288},
                        {"mamba2-780m", 1536, 48, 50288},
                        {"mamba2-1.3b", 2048, 48, 50288},
                        {"mamba2-2.7b", 2560, 64, 50288}}};

}  // namespace

const std::vector<const Family *> mamba2_families = {&mamba2};

}  // namespace adder
