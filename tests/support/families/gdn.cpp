// Qwen3.5, for tests.
// SPDX-License-Identifier: MIT
#include "converter/text/json.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

// Every second layer attends, with n_head, n_group and head_dim. Mixers have values of d_inner channels in heads of 8, or of 16
// or 32 where those of attention are wider, keys of d_state channels, rounded up to a tile, and norm_groups groups.
void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    const uint32_t head_dim = config.head_dim != 0 ? config.head_dim : 8;
    const uint32_t value_dim = config.d_inner % 32 == 0 && head_dim >= 32 ? 32
                               : config.d_inner % 16 == 0 && head_dim > 8 ? 16
                                                                          : 8;
    (*members)["num_attention_heads"] = std::to_string(config.n_head);
    (*members)["num_key_value_heads"] = std::to_string(config.n_group);
    (*members)["head_dim"] = std::to_string(head_dim);
    (*members)["max_position_embeddings"] = "500";
    (*members)["intermediate_size"] =
        std::to_string(config.mlp_width != 0 ? config.mlp_width : config.d_inner);
    (*members)["linear_num_key_heads"] = std::to_string(config.norm_groups);
    (*members)["linear_key_head_dim"] = std::to_string(round_up_to_tile(config.d_state));
    (*members)["linear_num_value_heads"] = std::to_string(config.d_inner / value_dim);
    (*members)["linear_value_head_dim"] = std::to_string(value_dim);
    (*members)["linear_conv_kernel_dim"] = std::to_string(config.d_conv);
    (*members)["rms_norm_eps"] = JsonWriter().value(config.norm_epsilon).text();
    (*members)["rope_parameters"] = "{\"rope_theta\": 10000.0, \"partial_rotary_factor\": 0.25}";
    std::string types;
    for (uint32_t layer = 0; layer < config.n_layer; ++layer)
        types += std::string(layer > 0 ? ", " : "") +
                 (layer % 2 == 1 ? "\"full_attention\"" : "\"linear_attention\"");
    (*members)["layer_types"] = "[" + types + "]";
}

ModelConfig qwen35(uint32_t n_head, uint32_t n_group, uint32_t head_dim, uint32_t mlp_width,
                   uint32_t key_heads, ModelConfig config) {
    config.model_type = "qwen3_5_text";
    config.n_head = n_head;
    config.n_group = n_group;
    config.head_dim = head_dim;
    config.mlp_width = mlp_width;
    config.norm_groups = key_heads;
    return config;
}

}  // namespace

std::vector<TestFamily> gdn_tests() {
    //                                              d_model, d_inner, d_state, d_conv, vocab_size, tied, bias, conv_bias
    return {{"qwen3_5_text",
             members,
             {{"qwen3_5_smallest", qwen35(1, 1, 8, 5, 1, sized(8, 8, 8, 1, 3, true, false, false))},
              {"qwen3_5_odd", qwen35(3, 3, 16, 33, 9, sized(37, 144, 8, 2, 251, false, false, false)),
               StateType::f32, StateType::f16},
              {"qwen3_5_groups", qwen35(6, 2, 24, 88, 3, sized(40, 96, 24, 4, 67, true, false, false)),
               StateType::f16, StateType::f32},
              {"qwen3_5_hadamard", qwen35(4, 2, 16, 64, 2, sized(40, 64, 32, 3, 67, false, false, false))}}}};
}

}  // namespace adder::test
