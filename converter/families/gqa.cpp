// Hybrids of Mamba-2's mixers and attention, with gated MLPs: Granite 4.0 (granitemoehybrid without experts) and Bamba, in
// transformers' layouts: config.json, tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/gqa_hybrid.h"
#include "converter/families/mamba2_mixer.h"
#include "converter/families/rope.h"

namespace adder {
namespace {

constexpr hybrid::Spelling granite_spelling = {
    "model.embed_tokens.weight",
    "model.norm.weight",
    "model.layers.",
    "input_layernorm.weight",
    "post_attention_layernorm.weight",
    "mamba.",
    {"self_attn.", "o_proj.weight", "shared_mlp.input_linear.weight", "shared_mlp.input_linear.weight",
     "shared_mlp.output_linear.weight"}};
// Of GGUF files, where gate and up are two.
constexpr hybrid::Spelling granite_gguf_spelling = {
    granite_spelling.embedding,
    granite_spelling.final_norm,
    granite_spelling.layers,
    granite_spelling.norm,
    granite_spelling.second_norm,
    granite_spelling.mixer,
    {"self_attn.", "o_proj.weight", "shared_mlp.gate_linear.weight", "shared_mlp.up_linear.weight",
     "shared_mlp.output_linear.weight"}};

// ---- config.json ----------------------------------------------------------------------------------------------------

// A list with the type of each layer, in the words of transformers 5 or of those before it.
std::vector<bool> read_layer_types(const ConfigReader &config, uint32_t n_layer) {
    const char *const key = config.find("layer_types") != nullptr ? "layer_types" : "layers_block_type";
    const Json *const types = config.find(key);
    if (types == nullptr) bad_input("%s is missing", config.what("layer_types").c_str());
    std::vector<bool> pattern;
    for (const Json &type : types->array(config.what(key))) {
        const std::string &word = type.string(config.what(key));
        const bool is_attention = word == "attention" || word == "full_attention";
        if (!is_attention && word != "mamba" && word != "linear_attention")
            bad_input("%s has %s; \"mamba\" and \"attention\" are needed", config.what(key).c_str(),
                      json_quote(word).c_str());
        pattern.push_back(is_attention);
    }
    if (pattern.size() != n_layer)
        bad_input("%s has %zu layers; num_hidden_layers is %u", config.what(key).c_str(), pattern.size(),
                  n_layer);
    return pattern;
}

// The layers that attend, by their numbers.
std::vector<bool> read_attention_layers(const ConfigReader &config, uint32_t n_layer) {
    std::vector<bool> pattern(n_layer);
    if (const Json *const layers = config.find("attn_layer_indices"))
        for (const Json &layer : layers->array(config.what("attn_layer_indices")))
            pattern[static_cast<size_t>(
                layer.integer(config.what("attn_layer_indices"), 0, int64_t{n_layer} - 1))] = true;
    return pattern;
}

// Mamba-2's shape by the keys that both have.
BlobShape read_mixer(const ConfigReader &config, ModelShape *model) {
    const double expand = config.number("mamba_expand", 1.0 / 65536, 65536).value_or(2);
    const double d_inner = std::floor(expand * model->d_model);
    if (d_inner < 1 || d_inner > static_cast<double>(max_d_inner))
        bad_input("%s is %g, which makes d_inner %.0f; 1 to %u is needed",
                  config.what("mamba_expand").c_str(), expand, d_inner, max_d_inner);
    BlobShape shape = mamba2_mixer::read_hybrid_shape(config, static_cast<uint32_t>(d_inner), model);
    mamba2_mixer::read_norm_groups(config, "mamba_n_groups", model, &shape);
    return shape;
}

bool recognises_granite(const ConfigReader &config) {
    return config.string("model_type") == "granitemoehybrid";
}

ModelShape read_granite(const ConfigReader &config) {
    ModelShape model = hybrid::read_common(config, true);
    gqa_layers::Heads heads = gqa_layers::read_heads(config, model);
    model.split_gate = config.boolean("shared_mlp_split").value_or(false);
    if (config.integer("num_local_experts", 0, INT32_MAX).value_or(0) != 0)
        bad_input("%s is not 0; mixtures of experts are not supported",
                  config.what("num_local_experts").c_str());
    const uint32_t mlp_width = config.integer("shared_intermediate_size", 1, max_d_inner).value_or(1024);
    model.embedding_scale = static_cast<float>(config.number("embedding_multiplier", 1e-6, 1e6).value_or(1));
    model.logit_scale = 1 / config.number("logits_scaling", 1e-6, 1e6).value_or(1);
    model.residual_scale = config.number("residual_multiplier", 1e-6, 1e6).value_or(1);
    heads.scale = config.number("attention_multiplier", 1e-9, 0.5).value_or(0.5);
    const auto positions = config.string("position_embedding_type");
    if (positions && *positions != "rope" && *positions != "nope")
        bad_input("%s is %s; \"rope\" and \"nope\" are supported",
                  config.what("position_embedding_type").c_str(), json_quote(*positions).c_str());
    if (positions == "rope") heads.pairs = rope::read_pairs(config, heads.head_dim, 1, &model);
    const BlobShape mixer = read_mixer(config, &model);
    gqa_layers::make_blocks(&model, mixer, heads, mlp_width, read_layer_types(config, model.n_layer));
    gqa_layers::check_shapes(config, model);
    return model;
}

bool recognises_bamba(const ConfigReader &config) { return config.string("model_type") == "bamba"; }

ModelShape read_bamba(const ConfigReader &config) {
    ModelShape model = hybrid::read_common(config, false);
    gqa_layers::Heads heads = gqa_layers::read_heads(config, model);
    const uint32_t mlp_width = config.integer("intermediate_size", 1, max_d_inner).value_or(14336);
    heads.pairs = rope::read_pairs(config, heads.head_dim, 0.5, &model);
    const BlobShape mixer = read_mixer(config, &model);
    gqa_layers::make_blocks(&model, mixer, heads, mlp_width, read_attention_layers(config, model.n_layer));
    gqa_layers::check_shapes(config, model);
    return model;
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

const hybrid::Spelling &granite_spelling_of(const ModelShape &model) {
    return model.split_gate ? granite_gguf_spelling : granite_spelling;
}

std::string granite_tensor_name(const ModelShape &model, Role role, uint32_t block) {
    return hybrid::tensor_name(granite_spelling_of(model), model, role, block);
}

std::vector<TensorSpec> granite_tensors(const ModelShape &model) {
    return hybrid::tensors(granite_spelling_of(model), model);
}

DenseTensor read_granite_tensor(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    return hybrid::read(granite_spelling_of(model), files, model, role, block);
}

// ---- GGUF -----------------------------------------------------------------------------------------------------------

// conversion/granite.py, which makes such files of Bamba, too: it has rope where this architecture's others have none.
// As many norms as groups of B and C, as llama.cpp normalizes.
std::string gguf_config(const GgufKeys &keys) {
    JsonWriter json;
    keys.begin("granitemoehybrid", &json);
    const bool turns = keys.boolean("rope.scaling.finetuned", true);
    gqa_layers::write_gguf_config(keys, turns, "shared_intermediate_size", &json);
    json.key("position_embedding_type").value(turns ? "rope" : "nope");
    hybrid::write_gguf_mixer(keys, &json);
    keys.copy({{"ssm.group_count", "norm_groups"},
               {"embedding_scale", "embedding_multiplier", GgufMember::Kind::number_if_there},
               {"residual_scale", "residual_multiplier", GgufMember::Kind::number_if_there},
               {"logit_scale", "logits_scaling", GgufMember::Kind::number_if_there},
               {"attention.scale", "attention_multiplier", GgufMember::Kind::number_if_there}},
              &json);
    if (!keys.has("attention.scale"))
        json.key("attention_multiplier")
            .value(1 / std::sqrt(static_cast<double>(gqa_layers::gguf_head_dim(keys))));
    keys.write_expand("mamba_expand", keys.integer("ssm.inner_size"), &json);
    json.key("mamba_d_head").value(keys.quotient("ssm.inner_size", "ssm.time_step_rank"));
    json.key("shared_mlp_split").value(true);
    json.key("layer_types").begin_array();
    for (const int64_t heads : keys.layers("attention.head_count_kv"))
        json.value(heads != 0 ? "attention" : "mamba");
    return json.end_array().end_object().text();
}

const GgufForm gguf = {"granitehybrid",
                       gguf_config,
                       hybrid::gguf_whole(granite_gguf_spelling),
                       granite_gguf_spelling.layers,
                       hybrid::gguf_within(granite_gguf_spelling, GgufShape::halves),
                       gqa_layers::gguf_head_dim};

// ---- make-random ----------------------------------------------------------------------------------------------------

// The layers that attend, of those that are published; in a model of fewer the last one.
std::vector<bool> attending(uint32_t n_layer, std::initializer_list<uint32_t> published) {
    std::vector<bool> attends(n_layer);
    for (const uint32_t layer : published)
        if (layer < n_layer) attends[layer] = true;
    if (n_layer <= *published.begin()) attends.back() = true;
    return attends;
}

ModelShape granite_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, true);
    model.embedding_scale = 12;
    model.logit_scale = 1.0 / 3;
    model.residual_scale = 0.246;
    const bool large = like.d_model >= 1536;
    gqa_layers::Heads heads = hybrid::heads_like(like, large ? 128 : 64, 3, "Granite");
    heads.context = large ? 131072 : 32768;
    heads.scale = 1.0 / heads.head_dim;
    const uint32_t mlp_width = like.d_model % 3 == 0 ? like.d_model / 3 * 8 : 2 * like.d_model;
    gqa_layers::make_blocks(&model, hybrid::mixer_like(&model, 2 * like.d_model, 48, 128, 1), heads, mlp_width,
                            like.n_layer >= 40 ? attending(like.n_layer, {5, 15, 25, 35})
                                               : attending(like.n_layer, {10, 13, 17, 27}));
    return model;
}

ModelShape bamba_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, false);
    gqa_layers::Heads heads = hybrid::heads_like(like, 128, 4, "Bamba");
    heads.context = 4096;
    heads.pairs = heads.head_dim / 4;
    model.rope_base = 10000;
    gqa_layers::make_blocks(&model, hybrid::mixer_like(&model, 2 * like.d_model, 128, 128, 1), heads,
                            like.d_model / 2 * 7, attending(like.n_layer, {9, 18, 27}));
    return model;
}

// What both write. A model of one layer has no mixer, whose numbers are then those of its width.
void write_common(const ModelShape &model, const char *architecture, JsonWriter *json) {
    const auto dim = [&](BlockId kind, Dim which) { return gqa_layers::dim_of_kind(model, kind, which); };
    backbone::write_config(model, architecture, json);
    json->key("num_attention_heads").value(dim(BlockId::gqa, Dim::n_head));
    json->key("num_key_value_heads").value(dim(BlockId::gqa, Dim::n_group));
    json->key("max_position_embeddings").value(dim(BlockId::gqa, Dim::context));
    const uint32_t n_head = dim(BlockId::mamba2, Dim::n_head);
    json->key("mamba_n_heads").value(n_head != 0 ? n_head : 2 * model.d_model / tile_size);
    json->key("mamba_d_state").value(128);
    json->key("mamba_n_groups").value(1);
    json->key("mamba_expand").value(2);
    json->key("rms_norm_eps").value(model.norm_epsilon);
    json->key("hidden_act").value("silu");
    json->key("tie_word_embeddings").value(model.tied);
}

void write_granite(const ModelShape &model, JsonWriter *json) {
    write_common(model, "GraniteMoeHybridForCausalLM", json);
    json->key("shared_intermediate_size").value(gqa_layers::dim_of_kind(model, BlockId::gqa_mlp, Dim::d_inner));
    json->key("num_local_experts").value(0);
    json->key("embedding_multiplier").value(model.embedding_scale);
    json->key("logits_scaling").value(1 / model.logit_scale);
    json->key("residual_multiplier").value(model.residual_scale);
    json->key("attention_multiplier").value(1.0 / gqa_layers::dim_of_kind(model, BlockId::gqa, Dim::head_dim));
    json->key("position_embedding_type").value("nope");
    json->key("layer_types").begin_array();
    for (uint32_t block = 0; block < model.block_count(); block += 2)
        json->value(hybrid::is_mixer(model.view(block)) ? "mamba" : "attention");
    json->end_array();
}

void write_bamba(const ModelShape &model, JsonWriter *json) {
    write_common(model, "BambaForCausalLM", json);
    json->key("intermediate_size").value(gqa_layers::dim_of_kind(model, BlockId::gqa_mlp, Dim::d_inner));
    json->key("rope_theta").value(model.rope_base);
    json->key("partial_rotary_factor").value(0.5);
    json->key("attn_layer_indices").begin_array();
    for (uint32_t block = 0; block < model.block_count(); block += 2)
        if (!hybrid::is_mixer(model.view(block))) json->value(block / 2);
    json->end_array();
}

const Family granite = {"granite",
                        "granitemoehybrid",
                        nullptr,
                        BlockId::gqa,
                        0,
                        recognises_granite,
                        read_granite,
                        hybrid::same_name,
                        granite_tensors,
                        granite_tensor_name,
                        read_granite_tensor,
                        gqa_layers::tune,
                        granite_like,
                        write_granite,
                        hybrid::initial,
                        {// ibm-granite/NAME
                         {"granite-4.0-h-350m", 768, 32, 100352},
                         {"granite-4.0-h-1b", 1536, 40, 100352}},
                        nullptr,
                        {},
                        nullptr,
                        {},
                        &gguf};

const Family bamba = {"bamba",
                      "bamba",
                      nullptr,
                      BlockId::gqa,
                      0,
                      recognises_bamba,
                      read_bamba,
                      hybrid::same_name,
                      hybrid::tensors_of<hybrid::feed_forward_spelling>,
                      hybrid::tensor_name_of<hybrid::feed_forward_spelling>,
                      hybrid::read_of<hybrid::feed_forward_spelling>,
                      gqa_layers::tune,
                      bamba_like,
                      write_bamba,
                      hybrid::initial,
                      {// ibm-ai-platform/NAME
                       {"bamba-9b", 4096, 32, 128256}}};

}  // namespace

const std::vector<const Family *> gqa_families = {&granite, &bamba, &falcon_h1, &nemotron_h};

}  // namespace adder
