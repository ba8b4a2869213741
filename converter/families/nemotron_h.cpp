// Nemotron-H (NVIDIA, arXiv 2504.03624) without experts, in transformers' layout: every layer is one mixer of Mamba-2, attention or
// MLP.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/gqa_hybrid.h"
#include "converter/families/gqa_layers.h"
#include "converter/families/mamba2_mixer.h"

namespace adder {
namespace {

constexpr hybrid::Spelling spelling = {
    "backbone.embeddings.weight",
    "backbone.norm_f.weight",
    "backbone.layers.",
    "norm.weight",
    "norm.weight",
    "mixer.",
    {"mixer.", "o_proj.weight", nullptr, "mixer.up_proj.weight", "mixer.down_proj.weight"}};

// ---- config.json ----------------------------------------------------------------------------------------------------

BlockId kind_of(const ConfigReader &config, const char *key, const std::string &word) {
    if (word == "M" || word == "mamba" || word == "linear_attention") return BlockId::mamba2;
    if (word == "*" || word == "attention" || word == "full_attention") return BlockId::gqa;
    if (word == "-" || word == "mlp") return BlockId::gqa_relu2;
    if (word == "E" || word == "moe")
        bad_input("%s has %s; mixtures of experts are not supported", config.what(key).c_str(),
                  json_quote(word).c_str());
    bad_input("%s has %s; layers of \"mamba\" (\"M\"), \"attention\" (\"*\") and \"mlp\" (\"-\") are needed",
              config.what(key).c_str(), json_quote(word).c_str());
}

// The kind of each layer: a list of words, or a string with a character for each.
std::vector<BlockId> read_layers(const ConfigReader &config) {
    const char *const key = config.find("layers_block_type") != nullptr ? "layers_block_type"
                            : config.find("layer_types") != nullptr     ? "layer_types"
                                                                        : "hybrid_override_pattern";
    const Json *const found = config.find(key);
    if (found == nullptr) bad_input("%s is missing", config.what("layers_block_type").c_str());
    std::vector<BlockId> kinds;
    if (found->is_string()) {
        for (const char letter : found->string("")) kinds.push_back(kind_of(config, key, {letter}));
    } else {
        for (const Json &word : found->array(config.what(key)))
            kinds.push_back(kind_of(config, key, word.string(config.what(key))));
    }
    const size_t n_layer = config.integer("num_hidden_layers", 1, max_n_layer).value_or(kinds.size());
    if (kinds.size() != n_layer || n_layer == 0 || n_layer > max_n_layer)
        bad_input("%s has %zu layers; num_hidden_layers, from 1 to %u, is %zu", config.what(key).c_str(),
                  kinds.size(), max_n_layer, n_layer);
    return kinds;
}

void make_blocks(ModelShape *model, const BlobShape &mixer, const gqa_layers::Heads &heads,
                 uint32_t mlp_width, const std::vector<BlockId> &kinds) {
    const BlobShape attention = gqa_layers::attention_shape(*model, heads),
                    mlp = gqa_layers::mlp_shape(*model, mlp_width, BlockId::gqa_relu2);
    for (uint32_t layer = 0; layer < model->n_layer; ++layer)
        gqa_layers::add_block(model,
                              kinds[layer] == BlockId::gqa      ? attention
                              : kinds[layer] == BlockId::mamba2 ? mixer
                                                                : mlp,
                              layer);
    model->number_blocks();
}

bool recognises(const ConfigReader &config) { return config.string("model_type") == "nemotron_h"; }

ModelShape read_shape(const ConfigReader &config) {
    const std::vector<BlockId> layers = read_layers(config);
    ModelShape model = hybrid::read_common(config, false, static_cast<uint32_t>(layers.size()));
    const auto activation = config.string("mlp_hidden_act");
    if (activation.value_or("relu2") != "relu2")
        bad_input("%s is %s; \"relu2\" is needed", config.what("mlp_hidden_act").c_str(),
                  json_quote(*activation).c_str());
    if (config.string("mamba_hidden_act").value_or("silu") != "silu")
        bad_input("%s is not \"silu\"", config.what("mamba_hidden_act").c_str());
    for (const char *key : {"layer_norm_epsilon", "norm_eps"})
        if (const auto epsilon = config.number(key, 1e-12, 1))
            model.norm_epsilon = static_cast<float>(*epsilon);
    gqa_layers::Heads heads = gqa_layers::read_heads(config, model);
    const uint32_t mlp_width = config.integer("intermediate_size", 1, max_d_inner).value_or(21504);

    model.conv_bias = config.boolean("use_conv_bias").value_or(true);
    mamba2_mixer::Sizes sizes{};
    sizes.n_head = config.integer("mamba_num_heads", 1, max_d_inner).value_or(128);
    const uint32_t head_dim = config.integer("mamba_head_dim", 1, max_d_inner).value_or(64);
    if (uint64_t{sizes.n_head} * head_dim > max_d_inner)
        bad_input("%s: mamba_num_heads %u times mamba_head_dim %u is more than %u", config.name().c_str(),
                  sizes.n_head, head_dim, max_d_inner);
    sizes.d_inner = sizes.n_head * head_dim;
    sizes.d_state = config.integer("ssm_state_size", 1, max_d_state).value_or(128);
    sizes.d_conv = config.integer("conv_kernel", 1, max_d_conv).value_or(4);
    sizes.n_group = config.integer("n_groups", 1, 1024).value_or(8);
    sizes.bias = config.boolean("mamba_proj_bias").value_or(false);
    BlobShape mixer = mamba2_mixer::make_shape(&model, sizes);
    mamba2_mixer::read_limits(config, "time_step_limit", &mixer);
    make_blocks(&model, mixer, heads, mlp_width, layers);
    gqa_layers::check_shapes(config, model);
    return model;
}

// transformers from 5 on has "model." for "backbone." in some of its files.
std::string rename(const std::string &name) {
    constexpr char newer[] = "model.";
    if (name.compare(0, sizeof newer - 1, newer) != 0) return name;
    const std::string rest = name.substr(sizeof newer - 1);
    return rest.compare(0, 9, "backbone.") == 0 ? rest : "backbone." + rest;
}

// ---- GGUF -----------------------------------------------------------------------------------------------------------

// conversion/nemotron.py: a layer with heads of keys is attention, one with a width of its MLP that, the others are
// mixers. Nothing turns; halves of heads lie in turns all the same, as in Granite's files.
std::string gguf_config(const GgufKeys &keys) {
    JsonWriter json;
    keys.begin("nemotron_h", &json);
    gqa_layers::write_gguf_config(keys, false, "intermediate_size", &json);
    keys.copy({{"ssm.conv_kernel", "conv_kernel"},
               {"ssm.state_size", "ssm_state_size"},
               {"ssm.time_step_rank", "mamba_num_heads"},
               {"ssm.group_count", "n_groups"}},
              &json);
    json.key("mamba_head_dim").value(keys.quotient("ssm.inner_size", "ssm.time_step_rank"));
    json.key("use_conv_bias").value(keys.has_in_layers("ssm_conv1d.bias"));
    json.key("mamba_proj_bias").value(keys.has_in_layers("ssm_in.bias"));
    keys.copy_number(keys.has("attention.layer_norm_rms_epsilon") ? "attention.layer_norm_rms_epsilon"
                                                                  : "attention.layer_norm_epsilon",
                     "layer_norm_epsilon", &json);
    const std::vector<int64_t> heads = keys.layers("attention.head_count_kv"),
                               widths = keys.layers("feed_forward_length");
    json.key("layers_block_type").begin_array();
    for (size_t layer = 0; layer < heads.size(); ++layer) {
        if (heads[layer] != 0 && widths[layer] != 0)
            keys.refuse(
                "feed_forward_length",
                format("is %lld in layer %zu, which has %lld heads of keys: it can be attention or an MLP",
                       static_cast<long long>(widths[layer]), layer, static_cast<long long>(heads[layer])));
        json.value(heads[layer] != 0 ? "attention" : widths[layer] != 0 ? "mlp" : "mamba");
    }
    return json.end_array().end_object().text();
}

const GgufForm gguf = {"nemotron_h",
                       gguf_config,
                       hybrid::gguf_whole(spelling),
                       spelling.layers,
                       hybrid::gguf_within(spelling, GgufShape::halves),
                       gqa_layers::gguf_head_dim};

// ---- make-random ----------------------------------------------------------------------------------------------------

// Attention and MLPs as often as in Nemotron-3-Nano-4B: 4 and 17 of 42 layers.
std::vector<BlockId> layers_like(uint32_t n_layer) {
    std::vector<BlockId> kinds(n_layer, BlockId::mamba2);
    for (uint32_t layer = 1; layer < n_layer; layer += 2) kinds[layer] = BlockId::gqa_relu2;
    for (uint32_t layer = 13; layer < n_layer; layer += 8) kinds[layer] = BlockId::gqa;
    if (n_layer > 3 && n_layer <= 13) kinds[3] = BlockId::gqa;
    return kinds;
}

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, false);
    const bool large = like.d_model >= 2048;
    gqa_layers::Heads heads{};
    heads.head_dim = large ? 128 : 2 * tile_size;
    heads.n_head = large ? like.d_model == 3136 ? 40 : like.d_model / 128 : 4;
    heads.n_kv_head = large && heads.n_head % 8 == 0 ? 8 : 2;
    heads.context = 262144;
    heads.scale = 1 / std::sqrt(static_cast<double>(heads.head_dim));
    const uint32_t head_dim = like.d_model == 3136 ? 80 : large ? 64 : 2 * tile_size;
    const uint32_t n_head = like.d_model == 3136 ? 96 : large ? 128 : 8;
    const BlobShape mixer = mamba2_mixer::make_shape(&model, {n_head * head_dim, 128, 4, n_head, 8, false});
    make_blocks(&model, mixer, heads, like.d_model == 3136 ? 12544 : like.d_model / 4 * 21,
                layers_like(like.n_layer));
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    const auto dim = [&](BlockId kind, Dim which, uint32_t other) {
        const uint32_t value = gqa_layers::dim_of_kind(model, kind, which);
        return value != 0 ? value : other;
    };
    backbone::write_config(model, "NemotronHForCausalLM", json);
    json->key("layers_block_type").begin_array();
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        json->value(hybrid::is_mixer(view) ? "mamba" : hybrid::is_mlp(view) ? "mlp" : "attention");
    }
    json->end_array();
    // A model of few layers has not every kind; numbers of those it lacks do not matter.
    json->key("num_attention_heads").value(dim(BlockId::gqa, Dim::n_head, 4));
    json->key("num_key_value_heads").value(dim(BlockId::gqa, Dim::n_group, 2));
    json->key("head_dim").value(dim(BlockId::gqa, Dim::head_dim, 2 * tile_size));
    json->key("max_position_embeddings").value(dim(BlockId::gqa, Dim::context, 2048));
    json->key("intermediate_size").value(dim(BlockId::gqa_relu2, Dim::d_inner, tile_size));
    json->key("mlp_hidden_act").value("relu2");
    json->key("mamba_num_heads").value(dim(BlockId::mamba2, Dim::n_head, 8));
    json->key("mamba_head_dim").value(dim(BlockId::mamba2, Dim::head_dim, tile_size));
    json->key("ssm_state_size").value(dim(BlockId::mamba2, Dim::d_state, 128));
    json->key("n_groups").value(dim(BlockId::mamba2, Dim::n_group, 8));
    json->key("layer_norm_epsilon").value(model.norm_epsilon);
    json->key("tie_word_embeddings").value(model.tied);
}

}  // namespace

const Family nemotron_h = {"nemotron-h",
                           "nemotron_h",
                           nullptr,
                           BlockId::gqa_relu2,
                           0,
                           recognises,
                           read_shape,
                           rename,
                           hybrid::tensors_of<spelling>,
                           hybrid::tensor_name_of<spelling>,
                           hybrid::read_of<spelling>,
                           gqa_layers::tune,
                           shape_like,
                           write_config,
                           hybrid::initial,
                           {// nvidia/NAME
                            {"nemotron-3-nano-4b", 3136, 42, 131072}},
                           nullptr,
                           {},
                           nullptr,
                           {},
                           &gguf};

}  // namespace adder
