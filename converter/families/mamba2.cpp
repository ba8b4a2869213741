// Mamba-2 (Dao and Gu, arXiv 2405.21060), in the layouts of transformers, of state-spaces and of Codestral: config.json,
// tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/mamba2_mixer.h"
#include "kernels/scalar/hadamard.h"

namespace adder {
namespace {

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
    BlobShape shape = mamba2_mixer::make_shape(
        &model, {d_inner, config.integer("state_size", 1, max_d_state).value_or(128),
                 config.integer("conv_kernel", 1, max_d_conv).value_or(4), n_head,
                 config.integer("n_groups", 1, 1024).value_or(8), config.boolean("use_bias").value_or(false)});
    mamba2_mixer::read_norm_groups(config, "n_groups", &model, &shape);
    mamba2_mixer::read_limits(config, "time_step_limit", &shape);
    mamba2_mixer::check_shape(config, model, shape);
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
        BlobShape shape = mamba2_mixer::make_shape(
            &model,
            {d_inner, options.integer("d_state", 1, max_d_state).value_or(128),
             options.integer("d_conv", 1, max_d_conv).value_or(4), d_inner / head_dim,
             options.integer("ngroups", 1, 1024).value_or(1), options.boolean("bias").value_or(false)});
        mamba2_mixer::read_limits(options, "dt_limit", &shape);
        mamba2_mixer::check_shape(options, model, shape);
        repeat_shape(&model, shape);
    });
    return model;
}

ModelShape read_shape(const ConfigReader &config) {
    return backbone::is_state_spaces(config) ? read_state_spaces(config) : read_transformers(config);
}

std::string tensor_name(Role role, uint32_t layer) {
    const std::string name = mamba2_mixer::tensor_name(role, backbone::mixer_prefix(layer));
    return name.empty() ? backbone::tensor_name(role, layer) : name;
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    std::vector<TensorSpec> all;
    backbone::add_first(model, &all);
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        all.push_back({tensor_name(Role::norm, block), {model.d_model}});
        mamba2_mixer::add_tensors(model, block, backbone::mixer_prefix(block), &all);
    }
    backbone::add_last(model, &all);
    return all;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    if (!mamba2_mixer::tensor_name(role, "").empty())
        return mamba2_mixer::read(files, model, role, block, backbone::mixer_prefix(block));
    return backbone::read(files, tensor_name(role, block), extent_of(model, role, block).cols);
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

// conversion/mamba.py. As many norms as groups of B and C: llama.cpp normalizes as mamba_ssm does.
std::string gguf_config(const GgufKeys &keys) {
    JsonWriter json;
    keys.begin("mamba2", &json);
    keys.write_expand("expand", keys.integer("ssm.inner_size"), &json);
    json.key("head_dim").value(keys.quotient("ssm.inner_size", "ssm.time_step_rank"));
    keys.copy({{"ssm.time_step_rank", "num_heads"},
               {"ssm.group_count", "n_groups"},
               {"ssm.group_count", "norm_groups"}},
              &json);
    backbone::end_gguf_config(keys, &json);
    return json.text();
}

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, true);
    const uint32_t d_inner = 2 * like.d_model, head_dim = d_inner % 64 == 0 ? 64 : tile_size;
    if (d_inner % head_dim != 0)
        fail(ExitCode::usage,
             "--like: a Mamba-2 has heads of a multiple of 8 channels, and d_model %u makes %u of them",
             like.d_model, d_inner);
    repeat_shape(&model, mamba2_mixer::make_shape(&model, {d_inner, 128, 4, d_inner / head_dim, 1, false}));
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

const GgufForm gguf = {"mamba2", gguf_config, backbone::gguf_whole(), "backbone.layers.",
                       mamba2_mixer::gguf_names("mixer.", {{"attn_norm.weight", "norm.weight"}})};

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
                        {"mamba2-2.7b", 2560, 64, 50288}},
                       nullptr,
                       {},
                       nullptr,
                       {},
                       &gguf};

}  // namespace

const std::vector<const Family *> mamba2_families = {&mamba2};

}  // namespace adder
