// LFM2, for tests.
// SPDX-License-Identifier: MIT
#include "converter/text/json.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

// Every second layer attends. The convolution is as wide as the model.
void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    (*members)["num_attention_heads"] = std::to_string(config.n_head);
    (*members)["num_key_value_heads"] = std::to_string(config.n_group);
    (*members)["head_dim"] = std::to_string(config.head_dim != 0 ? config.head_dim : 8);
    (*members)["max_position_embeddings"] = "500";
    (*members)["intermediate_size"] =
        std::to_string(config.mlp_width != 0 ? config.mlp_width : config.d_inner);
    (*members)["block_auto_adjust_ff_dim"] = "false";
    (*members)["conv_L_cache"] = std::to_string(config.d_conv);
    (*members)["norm_eps"] = JsonWriter().value(config.norm_epsilon).text();
    std::string types;
    for (uint32_t layer = 0; layer < config.n_layer; ++layer)
        types += std::string(layer > 0 ? ", " : "") + (layer % 2 == 1 ? "\"full_attention\"" : "\"conv\"");
    (*members)["layer_types"] = "[" + types + "]";
}

ModelConfig lfm2(uint32_t n_head, uint32_t n_group, uint32_t head_dim, uint32_t mlp_width,
                 ModelConfig config) {
    config.model_type = "lfm2";
    config.n_head = n_head;
    config.n_group = n_group;
    config.head_dim = head_dim;
    config.mlp_width = mlp_width;
    return config;
}

}  // namespace

std::vector<TestFamily> lfm2_tests() {
    //                                              d_model, d_inner, d_state, d_conv, vocab_size, tied, bias, conv_bias
    return {{"lfm2",
             members,
             {{"lfm2_smallest", lfm2(1, 1, 8, 5, sized(8, 8, 1, 1, 3, true, false, false))},
              {"lfm2_odd", lfm2(3, 3, 16, 33, sized(37, 37, 1, 2, 251, false, false, false)), StateType::f32,
               StateType::f16},
              {"lfm2_groups", lfm2(6, 2, 24, 88, sized(40, 40, 1, 4, 67, true, false, false))}}}};
}

}  // namespace adder::test
