// LFM2 and LFM2.5 (Liquid AI, arXiv 2511.23404), in transformers' layout: config.json, tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/gqa_layers.h"
#include "converter/families/rope.h"

namespace adder {
namespace {

constexpr char embedding[] = "model.embed_tokens.weight";
constexpr char final_norm[] = "model.embedding_norm.weight";  // despite its name
constexpr char head[] = "lm_head.weight";
constexpr gqa_layers::Names names = {"self_attn.",
                                     "out_proj.weight",
                                     "feed_forward.w1.weight",
                                     "feed_forward.w3.weight",
                                     "feed_forward.w2.weight",
                                     "q_layernorm.weight",
                                     "k_layernorm.weight"};

// ---- config.json ----------------------------------------------------------------------------------------------------

BlobShape conv_shape(const ModelShape &model, uint32_t d_conv) {
    BlobShape conv{};
    conv.kind = static_cast<uint16_t>(BlockId::lfm2);
    dim_of(conv, Dim::d_inner) = model.d_model;
    dim_of(conv, Dim::d_conv) = d_conv;
    param_of(conv, Param::norm_epsilon) = model.norm_epsilon;
    return conv;
}

// layer_types, or the numbers of the layers that attend.
std::vector<bool> read_layers(const ConfigReader &config, uint32_t n_layer) {
    if (auto types = gqa_layers::read_layer_types(config, n_layer, "conv")) return *std::move(types);
    std::vector<bool> attends(n_layer);
    const Json *const layers = config.find("full_attn_idxs");
    if (layers == nullptr) bad_input("%s is missing", config.what("layer_types").c_str());
    for (const Json &layer : layers->array(config.what("full_attn_idxs")))
        attends[static_cast<size_t>(layer.integer(config.what("full_attn_idxs"), 0, int64_t{n_layer} - 1))] =
            true;
    return attends;
}

// Of what the file states two thirds, times a factor, up to a multiple, where it asks for that (transformers, Lfm2MLP).
uint32_t read_mlp_width(const ConfigReader &config) {
    const auto stated = config.integer("block_ff_dim", 1, 4 * max_d_inner);
    uint64_t width =
        stated ? *stated : config.integer("intermediate_size", 1, 4 * max_d_inner).value_or(12288);
    if (config.boolean("block_auto_adjust_ff_dim").value_or(true)) {
        width = 2 * width / 3;
        const double factor = config.number("block_ffn_dim_multiplier", 1e-3, 1e3).value_or(1);
        width = static_cast<uint64_t>(factor * static_cast<double>(width));
        const uint32_t multiple = config.integer("block_multiple_of", 1, max_d_inner).value_or(256);
        width = (width + multiple - 1) / multiple * multiple;
    }
    if (width < 1 || width > max_d_inner)
        bad_input("%s: the MLP is %llu wide; 1 to %u is needed", config.name().c_str(),
                  static_cast<unsigned long long>(width), max_d_inner);
    return static_cast<uint32_t>(width);
}

bool recognises(const ConfigReader &config) { return config.string("model_type") == "lfm2"; }

ModelShape read_shape(const ConfigReader &config) {
    ModelShape model;
    model.d_model = config.needed_integer("hidden_size", 1, max_d_model);
    model.n_layer = config.needed_integer("num_hidden_layers", 1, max_n_layer);
    model.vocab_size = config.needed_integer("vocab_size", 1, max_vocab_size);
    const auto tied = config.boolean("tie_embedding");
    model.tied = tied ? *tied : config.boolean("tie_word_embeddings").value_or(true);
    model.norm_epsilon = static_cast<float>(config.number("norm_eps", 1e-12, 1).value_or(1e-5));
    model.conv_bias = config.boolean("conv_bias").value_or(false);
    if (model.conv_bias) bad_input("%s is true, which is not supported", config.what("conv_bias").c_str());
    gqa_layers::Heads heads = gqa_layers::read_heads(config, model);
    heads.norms = true;
    heads.pairs = rope::read_pairs(config, heads.head_dim, 1, &model);
    const BlobShape conv = conv_shape(model, config.integer("conv_L_cache", 1, max_d_conv).value_or(3));
    gqa_layers::make_blocks(&model, conv, heads, read_mlp_width(config), read_layers(config, model.n_layer));
    gqa_layers::check_shapes(config, model);
    return model;
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

std::string same_name(const std::string &name) { return name; }

bool is_conv(const BlockView &view) { return view.kind->id == BlockId::lfm2; }

std::string tensor_name(const ModelShape &model, Role role, uint32_t block) {
    if (role == Role::embedding) return embedding;
    if (role == Role::head) return head;
    if (role == Role::final_norm) return final_norm;
    const BlockView view = model.view(block);
    const std::string layer = gqa_layers::layer_of(model, block);
    if (role == Role::norm)
        return layer + (view.kind->id == BlockId::gqa_mlp ? "ffn_norm.weight" : "operator_norm.weight");
    if (!is_conv(view)) return gqa_layers::tensor_name(names, role, layer);
    switch (role) {
    case Role::in_proj: return layer + "conv.in_proj.weight";
    case Role::conv_weight: return layer + "conv.conv.weight";
    case Role::out_proj: return layer + "conv.out_proj.weight";
    default: return {};
    }
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    std::vector<TensorSpec> all{{embedding, {model.vocab_size, model.d_model}}};
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        const uint64_t d = model.d_model;
        const auto add = [&](Role role, std::vector<uint64_t> shape) {
            all.push_back({tensor_name(model, role, block), std::move(shape)});
        };
        add(Role::norm, {d});
        if (!is_conv(view)) {
            gqa_layers::add_tensors(names, model, block, gqa_layers::layer_of(model, block), &all);
            continue;
        }
        add(Role::in_proj, {3 * d, d});
        add(Role::conv_weight, {d, 1, view.dims[Dim::d_conv]});
        add(Role::out_proj, {d, d});
    }
    all.push_back({final_norm, {model.d_model}});
    if (!model.tied) all.push_back({head, {model.vocab_size, model.d_model}});
    return all;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const Extent extent = extent_of(model, role, block);
    if (role == Role::conv_bias) return backbone::filled(extent.rows, 1, 0.0f);
    if (block != no_block && role != Role::norm && !is_conv(model.view(block)))
        return gqa_layers::read(names, files, model, role, block, gqa_layers::layer_of(model, block));
    return backbone::read(files, tensor_name(model, role, block), extent.cols);
}

// ---- GGUF -----------------------------------------------------------------------------------------------------------

// conversion/lfm2.py: layers without heads of keys are convolutions. Older files name the final norm token_embd_norm,
// newer ones as all others do.
std::string gguf_config(const GgufKeys &keys) {
    JsonWriter json;
    keys.begin("lfm2", &json);
    gqa_layers::write_gguf_config(keys, true, "intermediate_size", &json);
    keys.copy({{"shortconv.l_cache", "conv_L_cache"},
               {"attention.layer_norm_rms_epsilon", "norm_eps", GgufMember::Kind::number}},
              &json);
    json.key("block_auto_adjust_ff_dim").value(false);
    json.key("conv_bias").value(keys.has_in_layers("shortconv.conv.bias"));
    json.key("layer_types").begin_array();
    for (const int64_t heads : keys.layers("attention.head_count_kv"))
        json.value(heads != 0 ? "full_attention" : "conv");
    return json.end_array().end_object().text();
}

std::vector<GgufName> gguf_within() {
    std::vector<GgufName> all = gqa_layers::gguf_names(names);
    for (const GgufName &one : {GgufName{"attn_norm.weight", "operator_norm.weight"},
                                GgufName{"ffn_norm.weight", "ffn_norm.weight"},
                                GgufName{"shortconv.in_proj.weight", "conv.in_proj.weight"},
                                GgufName{"shortconv.conv.weight", "conv.conv.weight", GgufShape::taps},
                                GgufName{"shortconv.out_proj.weight", "conv.out_proj.weight"}})
        all.push_back(one);
    return all;
}

const GgufForm gguf = {"lfm2",
                       gguf_config,
                       {{"token_embd.weight", embedding},
                        {"token_embd_norm.weight", final_norm},
                        {"output_norm.weight", final_norm},
                        {"output.weight", head}},
                       "model.layers.",
                       gguf_within()};

// ---- make-random ----------------------------------------------------------------------------------------------------

// The published shapes have heads of 64 channels, half or a quarter as many for keys, and widths of the MLP of their own.
ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, true);
    model.rope_base = 1000000;
    model.conv_bias = false;
    gqa_layers::Heads heads{};
    heads.head_dim = like.d_model % 64 == 0 ? 64 : tile_size;
    if (like.d_model % heads.head_dim != 0)
        fail(ExitCode::usage, "--like: an LFM2 has heads of a multiple of 8 channels, and d_model is %u",
             like.d_model);
    heads.n_head = like.d_model / heads.head_dim;
    heads.n_kv_head = heads.n_head % 8 == 0 ? 8 : 1;
    heads.pairs = heads.head_dim / 2;
    heads.context = 128000;
    heads.scale = 1 / std::sqrt(static_cast<double>(heads.head_dim));
    heads.norms = true;
    const uint32_t mlp_width = like.d_model == 1024   ? 4608
                               : like.d_model == 1536 ? 6912
                               : like.d_model == 2048 ? 8192
                                                      : 4 * like.d_model;
    std::vector<bool> attends(like.n_layer);
    for (const uint32_t layer : {2, 5, 8, 10, 12, 14})
        if (layer < like.n_layer) attends[layer] = true;
    if (like.n_layer <= 2) attends.back() = true;
    gqa_layers::make_blocks(&model, conv_shape(model, 3), heads, mlp_width, attends);
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    const auto dim = [&](BlockId kind, Dim which) { return gqa_layers::dim_of_kind(model, kind, which); };
    backbone::write_config(model, "Lfm2ForCausalLM", json);
    json->key("num_attention_heads").value(dim(BlockId::gqa, Dim::n_head));
    json->key("num_key_value_heads").value(dim(BlockId::gqa, Dim::n_group));
    json->key("max_position_embeddings").value(dim(BlockId::gqa, Dim::context));
    json->key("intermediate_size").value(dim(BlockId::gqa_mlp, Dim::d_inner));
    json->key("block_auto_adjust_ff_dim").value(false);
    json->key("conv_L_cache").value(3);
    json->key("conv_bias").value(false);
    json->key("norm_eps").value(model.norm_epsilon);
    json->key("rope_theta").value(model.rope_base);
    json->key("layer_types").begin_array();
    for (uint32_t block = 0; block < model.block_count(); block += 2)
        json->value(is_conv(model.view(block)) ? "conv" : "full_attention");
    json->end_array();
    json->key("tie_embedding").value(model.tied);
}

Initial initial(const TensorSpec &tensor, const ModelShape &) {
    if (backbone::ends_with(tensor.name, "norm.weight")) return {Initial::Kind::one};
    if (tensor.name == embedding || tensor.name == head) return {Initial::Kind::bell, 0.02};
    return {Initial::Kind::uniform, 1 / std::sqrt(static_cast<double>(tensor.shape.back()))};
}

const Family lfm2 = {"lfm2",
                     "lfm2",
                     nullptr,
                     BlockId::lfm2,
                     0,
                     recognises,
                     read_shape,
                     same_name,
                     tensors,
                     tensor_name,
                     read,
                     gqa_layers::tune,
                     shape_like,
                     write_config,
                     initial,
                     {// LiquidAI/NAME
                      {"lfm2.5-350m", 1024, 16, 65536},
                      {"lfm2-700m", 1536, 16, 65536},
                      {"lfm2.5-1.2b", 2048, 16, 65536}},
                     nullptr,
                     {},
                     nullptr,
                     {},
                     &gguf,
                     "llama-bpe"};

}  // namespace

const std::vector<const Family *> lfm2_families = {&lfm2};

}  // namespace adder
