// The Mamba families' common names and keys.
// SPDX-License-Identifier: MIT
#include "converter/families/backbone.h"

#include <cmath>
#include <cstring>

#include "converter/base/error.h"

namespace adder::backbone {
namespace {

void require_rms_norm(const ConfigReader &config) {
    if (!config.boolean("rms_norm").value_or(true))
        bad_input("%s is false; only RMSNorm is supported", config.what("rms_norm").c_str());
}

}  // namespace

bool is_state_spaces(const ConfigReader &config) {
    return config.find("model_type") == nullptr && config.find("d_model") != nullptr &&
           config.find("ssm_cfg") != nullptr;
}

std::string state_spaces_layer(const ConfigReader &config) {
    std::string layer;
    with_ssm_cfg(config,
                 [&](const ConfigReader &options) { layer = options.string("layer").value_or("Mamba1"); });
    return layer;
}

ModelShape transformers_shape(const ConfigReader &config, bool tied) {
    ModelShape model;
    model.d_model = config.needed_integer("hidden_size", 1, max_d_model);
    model.n_layer = config.needed_integer("num_hidden_layers", 1, max_n_layer);
    model.vocab_size = config.needed_integer("vocab_size", 1, max_vocab_size);
    const auto epsilon = config.number("layer_norm_epsilon", 1e-12, 1);
    if (epsilon) model.norm_epsilon = static_cast<float>(*epsilon);
    model.conv_bias = config.boolean("use_conv_bias").value_or(true);
    model.tied = config.boolean("tie_word_embeddings").value_or(tied);
    if (const auto activation = config.string("hidden_act"))
        if (*activation != "silu" && *activation != "swish")
            bad_input("%s is %s; \"silu\" is needed", config.what("hidden_act").c_str(),
                      json_quote(*activation).c_str());
    require_rms_norm(config);
    return model;
}

ModelShape state_spaces_shape(const ConfigReader &config, uint32_t vocab_multiple) {
    ModelShape model;
    model.d_model = config.needed_integer("d_model", 1, max_d_model);
    model.n_layer = config.needed_integer("n_layer", 1, max_n_layer);
    const uint32_t vocab_size = config.needed_integer("vocab_size", 1, max_vocab_size);
    const uint32_t multiple = config.integer("pad_vocab_size_multiple", 1, 65536).value_or(vocab_multiple);
    model.vocab_size = (vocab_size + multiple - 1) / multiple * multiple;
    if (model.vocab_size > max_vocab_size)
        bad_input("%s is %u, padded to %u; at most %u is supported", config.what("vocab_size").c_str(),
                  vocab_size, model.vocab_size, max_vocab_size);
    model.tokenizer = "EleutherAI/gpt-neox-20b";
    model.tied = config.boolean("tie_embeddings").value_or(true);
    require_rms_norm(config);
    if (const Json *const layers = config.find("attn_layer_idx"))
        if (!layers->array(config.what("attn_layer_idx")).empty())
            bad_input("%s is not empty; attention layers are not supported",
                      config.what("attn_layer_idx").c_str());
    if (config.integer("d_intermediate", 0, max_d_inner).value_or(0) != 0)
        bad_input("%s is not 0; MLP layers are not supported", config.what("d_intermediate").c_str());
    with_ssm_cfg(config, [&](const ConfigReader &options) {
        model.conv_bias = options.boolean("conv_bias").value_or(true);
    });
    return model;
}

uint32_t expanded(const ConfigReader &config, uint32_t d_model) {
    const double expand = config.number("expand", 1.0 / 65536, 65536).value_or(2.0);
    const double d_inner = std::floor(expand * d_model);
    if (d_inner < 1 || d_inner > static_cast<double>(max_d_inner))
        bad_input("%s is %g, which makes d_inner %.0f; 1 to %u is needed", config.what("expand").c_str(),
                  expand, d_inner, max_d_inner);
    return static_cast<uint32_t>(d_inner);
}

std::string rename(const std::string &name) {
    const std::string model = "model.backbone.";
    const std::string plain = name.compare(0, model.size(), model) == 0 ? name.substr(strlen("model.")) : name;
    return plain == "backbone.embedding.weight" ? embedding : plain;
}

std::string layer_prefix(uint32_t layer) { return "backbone.layers." + std::to_string(layer) + "."; }

std::string mixer_prefix(uint32_t layer) { return layer_prefix(layer) + "mixer."; }

std::string tensor_name(Role role, uint32_t layer) {
    const std::string mixer = mixer_prefix(layer);
    switch (role) {
    case Role::embedding: return embedding;
    case Role::head: return head;
    case Role::final_norm: return final_norm;
    case Role::norm: return layer_prefix(layer) + "norm.weight";
    case Role::in_proj: return mixer + "in_proj.weight";
    case Role::in_proj_bias: return mixer + "in_proj.bias";
    case Role::conv_weight: return mixer + "conv1d.weight";
    case Role::conv_bias: return mixer + "conv1d.bias";
    case Role::A2: return mixer + "A_log";
    case Role::D: return mixer + "D";
    case Role::out_proj: return mixer + "out_proj.weight";
    case Role::out_proj_bias: return mixer + "out_proj.bias";
    default: return {};
    }
}

void add_first(const ModelShape &model, std::vector<TensorSpec> *tensors) {
    tensors->push_back({embedding, {model.vocab_size, model.d_model}});
}

void add_last(const ModelShape &model, std::vector<TensorSpec> *tensors) {
    tensors->push_back({final_norm, {model.d_model}});
    if (!model.tied) tensors->push_back({head, {model.vocab_size, model.d_model}});
}

DenseTensor read_rows(const TensorFiles &files, const std::string &name, uint32_t cols, uint64_t first,
                      uint64_t count) {
    const TensorView &view = files.tensor(name);
    DenseTensor dense{static_cast<uint32_t>(count), cols, std::vector<float>(count * cols)};
    files.read(view, first * cols, count * cols, dense.values.data());
    files.release(view);
    return dense;
}

DenseTensor read(const TensorFiles &files, const std::string &name, uint32_t cols) {
    return read_rows(files, name, cols, 0, files.tensor(name).elements / cols);
}

DenseTensor filled(uint32_t rows, uint32_t cols, float value) {
    return {rows, cols, std::vector<float>(size_t{rows} * cols, value)};
}

void make_A2(const TensorFiles &files, const std::string &name, DenseTensor *A_log) {
    constexpr double log2_e = 1.4426950408889634;
    const bool is_A = files.tensor(name).negative_exp;
    for (size_t i = 0; i < A_log->values.size(); ++i) {
        const double given = static_cast<double>(A_log->values[i]);
        const float value = static_cast<float>((is_A ? given : -std::exp(given)) * log2_e);
        if (!std::isfinite(value) || value > 0) {
            const TensorView &view = files.tensor(name);
            bad_input("%s: %s: element %zu is %g, and %s", view.file->c_str(), view.name.c_str(), i, given,
                      is_A ? "the negative of an exponential is needed" : "its exponential is not finite");
        }
        A_log->values[i] = value;
    }
}

std::vector<GgufName> gguf_whole() {
    return {{"token_embd.weight", embedding}, {"output_norm.weight", final_norm}, {"output.weight", head}};
}

std::vector<GgufName> gguf_mixer(const std::string &prefix) {
    return {{"ssm_in.weight", prefix + "in_proj.weight"},
            {"ssm_in.bias", prefix + "in_proj.bias"},
            {"ssm_conv1d.weight", prefix + "conv1d.weight", GgufShape::taps},
            {"ssm_conv1d.bias", prefix + "conv1d.bias"},
            {"ssm_d", prefix + "D", GgufShape::vector},
            {"ssm_out.weight", prefix + "out_proj.weight"},
            {"ssm_out.bias", prefix + "out_proj.bias"}};
}

std::vector<GgufName> gguf_within(std::vector<GgufName> own) {
    std::vector<GgufName> all = gguf_mixer("mixer.");
    all.push_back({"attn_norm.weight", "norm.weight"});
    all.insert(all.end(), own.begin(), own.end());
    return all;
}

void end_gguf_config(const GgufKeys &keys, JsonWriter *json) {
    keys.copy("ssm.state_size", "state_size", json);
    keys.copy("ssm.conv_kernel", "conv_kernel", json);
    keys.copy_number("attention.layer_norm_rms_epsilon", "layer_norm_epsilon", json);
    json->key("use_bias").value(keys.has_tensor("blk.0.ssm_in.bias"));
    json->key("use_conv_bias").value(keys.has_tensor("blk.0.ssm_conv1d.bias"));
    json->key("tie_word_embeddings").value(!keys.has_tensor("output.weight"));
    json->end_object();
}

bool ends_with(const std::string &text, const char *end) {
    const size_t size = strlen(end);
    return text.size() >= size && text.compare(text.size() - size, size, end) == 0;
}

Initial initial(const TensorSpec &tensor, const ModelShape &model, uint32_t d_conv) {
    const auto is = [&](const char *end) { return ends_with(tensor.name, end); };
    if (is("norm.weight") || is("norm_f.weight") || is("mixer.D")) return {Initial::Kind::one};
    // The initializer_range of the authors' implementation.
    if (is("embeddings.weight") || is("lm_head.weight")) return {Initial::Kind::bell, 0.02f};
    const uint64_t fan_in = is("conv1d.bias") ? d_conv : tensor.shape.back();
    const uint64_t divisor = is("out_proj.weight") ? model.n_layer : 1;
    return {Initial::Kind::uniform, 1 / std::sqrt(static_cast<double>(fan_in * divisor))};
}

void write_config(const ModelShape &model, const char *architecture, JsonWriter *json) {
    json->key("architectures").begin_array().value(architecture).end_array();
    json->key("model_type").value(model.family->model_type);
    json->key("hidden_size").value(model.d_model);
    json->key("num_hidden_layers").value(model.n_layer);
    json->key("vocab_size").value(model.vocab_size);
}

void write_config_end(const ModelShape &model, JsonWriter *json) {
    json->key("hidden_act").value("silu");
    json->key("use_bias").value((model.shapes[0].flags & shape_projection_bias) != 0);
    json->key("use_conv_bias").value(model.conv_bias);
    json->key("tie_word_embeddings").value(model.tied);
    json->key("residual_in_fp32").value(true);
}

ModelShape shape_like(const PublishedShape &like, bool tied) {
    ModelShape model;
    model.d_model = like.d_model;
    model.n_layer = like.n_layer;
    model.vocab_size = like.vocab_size;
    model.tied = tied;
    model.bos_token_id = 0;
    model.eos_token_ids = {0};
    return model;
}

}  // namespace adder::backbone
