// RWKV-4, in the spelling of transformers and in BlinkDL's: config.json, tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/blinkdl.h"
#include "converter/families/rwkv_layers.h"

namespace adder {
namespace {

void make_blocks(ModelShape *model, uint32_t d_ffn) {
    BlobShape time{};
    time.kind = static_cast<uint16_t>(BlockId::rwkv4);
    dim_of(time, Dim::d_inner) = model->d_model;
    param_of(time, Param::norm_epsilon) = model->norm_epsilon;
    rwkv_layers::make_blocks(model, time, d_ffn);
}

bool recognises(const ConfigReader &config) { return config.string("model_type") == "rwkv"; }

ModelShape read_shape(const ConfigReader &config) {
    ModelShape model = rwkv_layers::read_shape(config);
    if (model.d_model % tile_size != 0)
        bad_input("%s is %u; a multiple of 8 is needed", config.what("hidden_size").c_str(), model.d_model);
    // rescale_every, which halves the stream and the matrices that add to it, is for float16: the weights are stored without it.
    make_blocks(&model, config.integer("intermediate_size", 1, max_d_inner).value_or(4 * model.d_model));
    return model;
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

std::vector<TensorSpec> tensors(const ModelShape &model) {
    return rwkv_layers::tensors(
        model,
        [&](const rwkv_layers::Add &add, uint32_t block) {
            for (const char *vector : {"time_decay", "time_first"})
                add(rwkv_layers::attention_of(model, block) + vector, {model.d_model});
        },
        [](const rwkv_layers::Add &, uint32_t) {});
}

// ---- Files without a config.json -------------------------------------------------------------------------------------

ModelShape shape_like(const PublishedShape &like);

// Is it a tensor of a block, as BlinkDL names it, without the block's prefix?
bool is_of_block(const std::string &name) {
    static const std::vector<TensorSpec> all = tensors(shape_like({"", 8, 1, 1}));
    const std::string ours = rwkv_layers::rename("blocks.0." + name);
    return std::any_of(all.begin(), all.end(), [&](const TensorSpec &one) { return one.name == ours; });
}

std::string config_from_tensors(const TensorFiles &files) {
    JsonWriter json;
    rwkv_layers::begin_config(files, "rwkv", "RWKV-4", is_of_block, &json);
    return json.end_object().text();
}

// ---- Weights --------------------------------------------------------------------------------------------------------

// Of each channel -exp(time_decay) and time_first, both times log2(e).
DenseTensor read_time_vectors(const TensorFiles &files, const std::string &attention) {
    constexpr double log2_e = 1.4426950408889634;
    const DenseTensor decay = backbone::read(files, attention + "time_decay", 1),
                      first = backbone::read(files, attention + "time_first", 1);
    DenseTensor both = backbone::filled(decay.rows, 2, 0.0f);
    for (uint32_t i = 0; i < decay.rows; ++i) {
        // 2^-100000 is zero as anything below it is.
        const double rate = std::exp(static_cast<double>(decay.values[i])) * log2_e;
        both.values[2 * i] = static_cast<float>(-std::min(rate, 1e5));
        both.values[2 * i + 1] = static_cast<float>(static_cast<double>(first.values[i]) * log2_e);
    }
    return both;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const std::string name = rwkv_layers::name_of(model, role, block);
    switch (role) {
    case Role::mix_r:
    case Role::mix_k:
    case Role::mix_v:
    case Role::mix_ffn_r:
    case Role::mix_ffn: return blinkdl::read_mix(files, name, true);
    case Role::time_vectors: return read_time_vectors(files, rwkv_layers::attention_of(model, block));
    default: return backbone::read(files, name, extent_of(model, role, block).cols);
    }
}

// ---- Recipes --------------------------------------------------------------------------------------------------------

// What out_proj takes is a share of a mean of values: it moves no further than those, so that static scales hold, and v_proj's rows
// can be divided. A scale per token would not do: published models have channels there, in layer 0, beside which the others would
// all be zeros.
void tune(const ModelShape &, Recipe *recipe) {
    blinkdl::tune(recipe, {Role::r_proj, Role::k_proj, Role::v_proj, Role::ffn_receptance, Role::ffn_key}, {},
                  {});
    LinearPlan &out = recipe->of(Role::out_proj);
    if (out.input != Input::token) return;
    out.input = Input::fixed;
    out.alpha = 0.7f;
}

// ---- make-random ----------------------------------------------------------------------------------------------------

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, false);
    if (like.d_model % tile_size != 0)
        fail(ExitCode::usage, "--like: an RWKV-4 has a d_model of a multiple of 8, and this is %u",
             like.d_model);
    make_blocks(&model, 4 * like.d_model);
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    rwkv_layers::write_config(model, "RwkvForCausalLM", json);
}

const Family rwkv4 = {"rwkv4",
                      "rwkv",
                      nullptr,
                      BlockId::rwkv4,
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
                      {// BlinkDL/rwkv-4-pile-*
                       {"rwkv4-169m", 768, 12, 50277},
                       {"rwkv4-430m", 1024, 24, 50277},
                       {"rwkv4-1b5", 2048, 24, 50277},
                       {"rwkv4-3b", 2560, 32, 50277}},
                      config_from_tensors,
                      {"4"},
                      rwkv_layers::embedding_norm};

}  // namespace

const std::vector<const Family *> rwkv4_families = {&rwkv4};

}  // namespace adder
