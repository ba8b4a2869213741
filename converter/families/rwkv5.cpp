// RWKV-5 "Eagle" (5.0, 5.1, 5.2), in the spelling of the RWKV organisation's folders and in BlinkDL's: config.json, tensors,
// recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/blinkdl.h"
#include "converter/families/rwkv_layers.h"

namespace adder {
namespace {

constexpr uint32_t head_dim_published = 64;
constexpr uint32_t divisor_published = 8;

// ---- Shapes ---------------------------------------------------------------------------------------------------------

// The norm of heads, with 1e-5, is of what the recurrence makes divided by head_size_divisor: without the division the number is
// the divisor's square times as large.
void make_blocks(ModelShape *model, uint32_t head_dim, uint32_t d_ffn, bool gate,
                 uint32_t divisor = divisor_published) {
    BlobShape time{};
    time.kind = static_cast<uint16_t>(BlockId::rwkv5);
    if (gate) time.flags = shape_gate;
    dim_of(time, Dim::d_inner) = model->d_model;
    dim_of(time, Dim::n_head) = model->d_model / head_dim;
    param_of(time, Param::norm_epsilon) = model->norm_epsilon;
    param_of(time, Param::mixer_norm_epsilon) = 1e-5f * static_cast<float>(divisor * divisor);
    rwkv_layers::make_blocks(model, time, d_ffn);
}

// Of 3.5 times the width, in whole 32s; versions before 5.2 have 4 times, and say so.
uint32_t ffn_of(uint32_t d_model) { return std::max(7 * d_model / 2 / 32, 1u) * 32; }

bool recognises(const ConfigReader &config) { return config.string("model_type") == "rwkv5"; }

ModelShape read_shape(const ConfigReader &config) {
    ModelShape model = rwkv_layers::read_shape(config);
    const uint32_t head_dim = config.integer("head_size", 1, max_d_inner).value_or(head_dim_published);
    if (model.d_model % head_dim != 0 || head_dim % tile_size != 0 || head_dim > max_d_state)
        bad_input("%s is %u; a multiple of 8 up to %u is needed that divides hidden_size, %u",
                  config.what("head_size").c_str(), head_dim, max_d_state, model.d_model);
    const uint32_t divisor = config.integer("head_size_divisor", 1, 256).value_or(divisor_published);
    // Of files without a config.json, as the versions differ.
    const bool gate = config.boolean("gate").value_or(true);
    model.head_decays = config.boolean("head_decays").value_or(false);
    model.head_bonuses_log = config.boolean("head_bonuses_log").value_or(false);
    make_blocks(&model, head_dim,
                config.integer("intermediate_size", 1, max_d_inner).value_or(ffn_of(model.d_model)), gate,
                divisor);
    return model;
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

// Versions before 5.2 have its logarithm.
const char *bonus_name(const ModelShape &model) {
    return model.head_bonuses_log ? "time_first" : "time_faaaa";
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    return rwkv_layers::tensors(
        model,
        [&](const rwkv_layers::Add &add, uint32_t block) {
            const Dims dims = model.view(block).dims;
            for (const char *vector : {"time_decay", bonus_name(model)})
                add(rwkv_layers::attention_of(model, block) + vector,
                    model.head_decays ? std::vector<uint64_t>{dims[Dim::n_head]}
                                      : std::vector<uint64_t>{dims[Dim::n_head], dims[Dim::head_dim]});
        },
        [&](const rwkv_layers::Add &add, uint32_t block) {
            const std::string attention = rwkv_layers::attention_of(model, block);
            const uint64_t d = model.d_model;
            if (model.view(block).shape->flags & shape_gate) {
                add(attention + "time_mix_gate", {1, 1, d});
                add(attention + "gate.weight", {d, d});
            }
            add(attention + "ln_x.weight", {d});
            add(attention + "ln_x.bias", {d});
        });
}

// ---- Files without a config.json -------------------------------------------------------------------------------------

// Is it a tensor of a block, as BlinkDL names it, without the block's prefix?
bool is_of_block(const std::string &name) {
    static const std::vector<std::string> all = [] {
        ModelShape model = backbone::shape_like({"", 8, 1, 1}, false);
        make_blocks(&model, 8, 8, true);
        std::vector<std::string> names = {rwkv_layers::attention_of(model, 0) + "time_first"};
        for (const TensorSpec &tensor : tensors(model)) names.push_back(tensor.name);
        return names;
    }();
    return std::find(all.begin(), all.end(), rwkv_layers::rename("blocks.0." + name)) != all.end();
}

std::string config_from_tensors(const TensorFiles &files) {
    const std::string attention = "blocks.0.att.";
    const TensorView &decay = files.tensor(attention + "time_decay");
    const uint64_t d_model = blinkdl::extent_in(files, "emb.weight", 1);
    const bool of_heads = decay.shape.size() == 1;
    const uint64_t n_head = blinkdl::extent_in(files, attention + "time_decay", 0, of_heads ? 1 : 2);
    if (n_head == 0 || d_model % n_head != 0)
        bad_input("%s: tensor %s is of %llu heads, which do not divide the width, %llu", decay.file->c_str(),
                  json_quote(decay.name).c_str(), static_cast<unsigned long long>(n_head),
                  static_cast<unsigned long long>(d_model));
    JsonWriter json;
    rwkv_layers::begin_config(files, "rwkv5", "RWKV-5", is_of_block, &json);
    json.key("head_size").value(d_model / n_head);
    json.key("gate").value(files.find(attention + "gate.weight") != nullptr);
    json.key("head_decays").value(of_heads);
    json.key("head_bonuses_log").value(files.find(attention + "time_first") != nullptr);
    return json.end_object().text();
}

// ---- Weights --------------------------------------------------------------------------------------------------------

// Of each channel exp(-exp(time_decay)), then of each its bonus; those of a head are those of its channels.
DenseTensor read_head_vectors(const TensorFiles &files, const ModelShape &model, const Dims &dims,
                              const std::string &attention) {
    const DenseTensor decay = backbone::read(files, attention + "time_decay", 1),
                      bonus = backbone::read(files, attention + bonus_name(model), 1);
    const uint32_t channels = dims[Dim::d_inner], shared = channels / decay.rows;
    DenseTensor both = backbone::filled(2 * channels, 1, 0.0f);
    for (uint32_t i = 0; i < channels; ++i) {
        const double log = static_cast<double>(bonus.values[i / shared]);
        both.values[i] =
            static_cast<float>(std::exp(-std::exp(static_cast<double>(decay.values[i / shared]))));
        both.values[channels + i] = static_cast<float>(model.head_bonuses_log ? std::exp(log) : log);
    }
    return both;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const std::string name = rwkv_layers::name_of(model, role, block);
    switch (role) {
    case Role::mix_r:
    case Role::mix_k:
    case Role::mix_v:
    case Role::mix_g:
    case Role::mix_ffn_r:
    case Role::mix_ffn: return blinkdl::read_mix(files, name, true);
    case Role::head_vectors:
        return read_head_vectors(files, model, model.view(block).dims,
                                 rwkv_layers::attention_of(model, block));
    case Role::head_norm: {
        const std::string norm = rwkv_layers::attention_of(model, block) + "ln_x.";
        return blinkdl::read_all(files, {norm + "weight", norm + "bias"});
    }
    default: return backbone::read(files, name, extent_of(model, role, block).cols);
    }
}

// ---- Recipes --------------------------------------------------------------------------------------------------------

void tune(const ModelShape &, Recipe *recipe) {
    blinkdl::tune(
        recipe, {Role::r_proj, Role::k_proj, Role::v_proj, Role::g_proj, Role::ffn_receptance, Role::ffn_key},
        {}, {});
}

// ---- make-random ----------------------------------------------------------------------------------------------------

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, false);
    const uint32_t head_dim = like.d_model % head_dim_published == 0 ? head_dim_published : tile_size;
    if (like.d_model % head_dim != 0)
        fail(ExitCode::usage, "--like: an RWKV-5 has heads of a multiple of 8 channels, and d_model is %u",
             like.d_model);
    make_blocks(&model, head_dim, ffn_of(like.d_model), true);
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    rwkv_layers::write_config(model, "Rwkv5ForCausalLM", json);
    json->key("head_size").value(model.view(0).dims[Dim::head_dim]);
    json->key("head_size_divisor").value(8);
}

const Family rwkv5 = {"rwkv5",
                      "rwkv5",
                      nullptr,
                      BlockId::rwkv5,
                      0,
                      recognises,
                      read_shape,
                      rwkv_layers::rename,
                      tensors,
                      rwkv_layers::name_of,
                      read,
                      tune,
                      shape_like,
                      write_config,
                      rwkv_layers::initial,
                      {// BlinkDL/rwkv-5-world
                       {"rwkv5-0.4b", 1024, 24, 65536},
                       {"rwkv5-1.5b", 2048, 24, 65536},
                       {"rwkv5-3b", 2560, 32, 65536}},
                      config_from_tensors,
                      {"5", "5.2"},
                      rwkv_layers::embedding_norm};

}  // namespace

const std::vector<const Family *> rwkv5_families = {&rwkv5};

}  // namespace adder
