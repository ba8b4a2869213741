// Griffin, for tests.
// SPDX-License-Identifier: MIT
#include "converter/text/json.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

// d_inner is the width of RG-LRU, d_state the window, dt_rank the heads' channels in tiles, norm_groups the width of the MLP, 20
// for 1.
void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    (*members)["lru_width"] = std::to_string(config.d_inner);
    (*members)["conv1d_width"] = std::to_string(config.d_conv);
    (*members)["attention_window_keys"] = std::to_string(config.d_state);
    (*members)["num_attention_heads"] = std::to_string(config.n_head);
    (*members)["num_key_value_heads"] = std::to_string(config.n_group);
    (*members)["head_dim"] = std::to_string(8 * config.dt_rank);
    (*members)["intermediate_size"] = std::to_string(2 * (config.norm_groups == 1 ? 20 : config.norm_groups));
    (*members)["rms_norm_eps"] = JsonWriter().value(config.norm_epsilon).text();
    (*members)["block_types"] = "[\"recurrent\", \"attention\"]";
}

ModelConfig griffin(uint32_t n_head, uint32_t n_group, uint32_t tiles, uint32_t width, ModelConfig config) {
    config.model_type = "recurrent_gemma";
    config.n_head = n_head;
    config.n_group = n_group;
    config.dt_rank = tiles;
    config.norm_groups = width;
    return config;
}

}  // namespace

std::vector<TestFamily> griffin_tests() {
    //                                                d_model, d_inner, window, d_conv, vocab_size, tied, bias, conv_bias
    return {{"recurrent_gemma",
             members,
             {{"griffin_smallest", griffin(1, 1, 1, 1, sized(1, 8, 1, 1, 3, true, false, true))},
              {"griffin_odd", griffin(3, 3, 2, 33, sized(37, 24, 5, 2, 251, false, true, true))},
              {"griffin_groups", griffin(6, 2, 3, 88, sized(40, 96, 13, 4, 67, true, false, true))},
              {"griffin_wide", griffin(5, 1, 8, 128, sized(40, 320, 41, 3, 67, false, false, true))}}}};
}

}  // namespace adder::test
