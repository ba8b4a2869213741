// Hybrids with attention, for tests.
// SPDX-License-Identifier: MIT
#include "converter/base/error.h"
#include "converter/text/json.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

// What both spellings have. d_inner is that of the mixers, whose heads have 8 channels; n_head, n_group and head_dim are those of
// attention.
void common(const ModelConfig &config, std::map<std::string, std::string> *members) {
    const uint32_t head_dim = config.head_dim != 0 ? config.head_dim : 8;
    (*members)["mamba_expand"] = format("%.17g", static_cast<double>(config.d_inner) / config.d_model);
    (*members)["mamba_n_heads"] = std::to_string(config.d_inner / 8);
    (*members)["mamba_d_state"] = std::to_string(config.d_state);
    (*members)["mamba_d_conv"] = std::to_string(config.d_conv);
    (*members)["mamba_n_groups"] = std::to_string(config.norm_groups);
    (*members)["norm_groups"] = std::to_string(config.norm_groups);
    (*members)["mamba_proj_bias"] = config.use_bias ? "true" : "false";
    (*members)["mamba_conv_bias"] = config.use_conv_bias ? "true" : "false";
    (*members)["num_attention_heads"] = std::to_string(config.n_head);
    (*members)["num_key_value_heads"] = std::to_string(config.n_group);
    (*members)["head_dim"] = std::to_string(head_dim);
    (*members)["max_position_embeddings"] = "500";
    (*members)["rms_norm_eps"] = JsonWriter().value(config.norm_epsilon).text();
    (*members)["hidden_act"] = "\"silu\"";
}

uint32_t mlp_width(const ModelConfig &config) {
    return config.mlp_width != 0 ? config.mlp_width : config.d_inner;
}

// Every second layer attends. Without positions, but for groups of heads.
void granite(const ModelConfig &config, std::map<std::string, std::string> *members) {
    common(config, members);
    (*members)["shared_intermediate_size"] = std::to_string(mlp_width(config));
    (*members)["num_local_experts"] = "0";
    (*members)["embedding_multiplier"] = "3";
    (*members)["logits_scaling"] = "1.7";
    (*members)["residual_multiplier"] = "0.6";
    (*members)["attention_multiplier"] = "0.2";
    (*members)["position_embedding_type"] = config.n_group > 1 ? "\"rope\"" : "\"nope\"";
    std::string types;
    for (uint32_t layer = 0; layer < config.n_layer; ++layer)
        types += std::string(layer > 0 ? ", " : "") + (layer % 2 == 1 ? "\"attention\"" : "\"mamba\"");
    (*members)["layer_types"] = "[" + types + "]";
}

void bamba(const ModelConfig &config, std::map<std::string, std::string> *members) {
    common(config, members);
    (*members)["intermediate_size"] = std::to_string(mlp_width(config));
    (*members)["partial_rotary_factor"] = "0.5";
    std::string layers;
    for (uint32_t layer = 1; layer < config.n_layer; layer += 2)
        layers += (layers.empty() ? "" : ", ") + std::to_string(layer);
    (*members)["attn_layer_indices"] = "[" + layers + "]";
}

// A mixer and attention in every layer. The mixer has a norm where it has a bias of the convolution.
void falcon_h1(const ModelConfig &config, std::map<std::string, std::string> *members) {
    common(config, members);
    (*members)["mamba_d_ssm"] = std::to_string(config.d_inner);
    (*members)["mamba_proj_bias"] = "false";
    (*members)["mamba_rms_norm"] = config.use_conv_bias ? "true" : "false";
    (*members)["mamba_norm_before_gate"] = "false";
    (*members)["intermediate_size"] = std::to_string(mlp_width(config));
    (*members)["embedding_multiplier"] = "3";
    (*members)["lm_head_multiplier"] = "0.6";
    (*members)["attention_in_multiplier"] = "1.1";
    (*members)["attention_out_multiplier"] = "0.9";
    (*members)["key_multiplier"] = "0.8";
    (*members)["ssm_in_multiplier"] = "1.25";
    (*members)["ssm_out_multiplier"] = "0.7";
    (*members)["ssm_multipliers"] = "[0.5, 0.7, 0.9, 1.2, 0.8]";
    (*members)["mlp_multipliers"] = "[0.8, 1.3]";
}

// A mixer, attention and an MLP in turns; the mixer's heads have head_dim / 2 channels, which need not be a multiple of 8.
void nemotron_h(const ModelConfig &config, std::map<std::string, std::string> *members) {
    common(config, members);
    const uint32_t head_dim = config.head_dim != 0 ? config.head_dim / 2 : 8;
    (*members)["mamba_num_heads"] = std::to_string(config.d_inner / head_dim);
    (*members)["mamba_head_dim"] = std::to_string(head_dim);
    (*members)["ssm_state_size"] = std::to_string(config.d_state);
    (*members)["conv_kernel"] = std::to_string(config.d_conv);
    (*members)["n_groups"] = std::to_string(config.norm_groups);
    (*members)["use_conv_bias"] = config.use_conv_bias ? "true" : "false";
    (*members)["mlp_hidden_act"] = "\"relu2\"";
    (*members)["intermediate_size"] = std::to_string(mlp_width(config));
    (*members)["layer_norm_epsilon"] = JsonWriter().value(config.norm_epsilon).text();
    std::string layers;
    for (uint32_t layer = 0; layer < config.n_layer; ++layer) layers += "M*-"[layer % 3];
    (*members)["hybrid_override_pattern"] = "\"" + layers + "\"";
}

ModelConfig hybrid(const char *type, uint32_t n_head, uint32_t n_group, uint32_t head_dim, uint32_t mlp_width,
                   uint32_t norm_groups, ModelConfig config) {
    config.model_type = type;
    config.n_head = n_head;
    config.n_group = n_group;
    config.head_dim = head_dim;
    config.mlp_width = mlp_width;
    config.norm_groups = norm_groups;
    return config;
}

}  // namespace

std::vector<TestFamily> gqa_tests() {
    const char *const g = "granitemoehybrid", *const b = "bamba", *const f = "falcon_h1", *const n = "nemotron_h";
    const auto longer = [](uint32_t n_layer, ModelConfig config) {
        config.n_layer = n_layer;
        return config;
    };
    //                                              d_model, d_inner, d_state, d_conv, vocab_size, tied, bias, conv_bias
    return {
        {g,
         granite,
         {{"granite_odd", hybrid(g, 3, 3, 16, 33, 1, sized(36, 72, 5, 2, 251, false, true, false)),
           StateType::f32, StateType::f32},
          {"granite_groups", hybrid(g, 6, 2, 24, 88, 2, sized(40, 80, 13, 4, 67, true, false, true)),
           StateType::f16, StateType::f16}}},
        {b, bamba, {{"bamba_groups", hybrid(b, 4, 2, 16, 72, 2, sized(40, 80, 9, 4, 67, true, false, true))}}},
        {f,
         falcon_h1,
         {{"falcon_h1_odd", hybrid(f, 3, 1, 16, 33, 1, sized(37, 56, 5, 2, 251, true, false, false)),
           StateType::f32, StateType::int8},
          {"falcon_h1_norm", hybrid(f, 4, 2, 16, 64, 1, sized(40, 64, 9, 4, 67, false, false, true)),
           StateType::f16, StateType::f32}}},
        {n,
         nemotron_h,
         {{"nemotron_h_odd", longer(5, hybrid(n, 3, 1, 24, 33, 2, sized(37, 48, 5, 4, 67, false, true, true)))},
          {"nemotron_h_groups",
           longer(3, hybrid(n, 4, 2, 16, 72, 5, sized(40, 80, 9, 2, 67, true, false, false))), StateType::f16,
           StateType::f16}}}};
}

}  // namespace adder::test
