// Griffin, for tests.
// SPDX-License-Identifier: MIT
#include "converter/text/json.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

// d_inner is the width of RG-LRU, d_state the window.
void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    const uint32_t head_dim = config.head_dim != 0 ? config.head_dim : config.d_inner / config.n_head;
    const uint32_t mlp_width = config.mlp_width != 0 ? config.mlp_width : config.d_inner;
    (*members)["lru_width"] = std::to_string(config.d_inner);
    (*members)["conv1d_width"] = std::to_string(config.d_conv);
    (*members)["attention_window_keys"] = std::to_string(config.d_state);
    (*members)["num_attention_heads"] = std::to_string(config.n_head);
    (*members)["num_key_value_heads"] = std::to_string(config.n_group);
    (*members)["head_dim"] = std::to_string(head_dim);
    (*members)["intermediate_size"] = std::to_string(2 * mlp_width);
    (*members)["rms_norm_eps"] = JsonWriter().value(config.norm_epsilon).text();
    (*members)["block_types"] = "[\"recurrent\", \"attention\"]";
}

ModelConfig griffin(uint32_t n_head, uint32_t n_group, uint32_t head_dim, uint32_t mlp_width,
                    ModelConfig config) {
    config.model_type = "recurrent_gemma";
    config.n_head = n_head;
    config.n_group = n_group;
    config.head_dim = head_dim;
    config.mlp_width = mlp_width;
    return config;
}

}  // namespace

std::vector<TestFamily> griffin_tests() {
    //                                              d_model, d_inner, window, d_conv, vocab_size, tied, bias, conv_bias
    return {{"recurrent_gemma",
             members,
             {{"griffin_smallest", griffin(1, 1, 8, 20, sized(1, 8, 1, 1, 3, true, false, true))},
              {"griffin_odd", griffin(3, 3, 16, 33, sized(37, 24, 5, 2, 251, false, true, true))},
              {"griffin_groups", griffin(6, 2, 24, 88, sized(40, 96, 13, 4, 67, true, false, true))},
              {"griffin_wide", griffin(5, 1, 64, 128, sized(40, 320, 41, 3, 67, false, false, true))}}}};
}

}  // namespace adder::test
