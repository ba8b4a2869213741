// RWKV-7, for tests.
// SPDX-License-Identifier: MIT
#include "tests/support/families.h"

namespace adder::test {
namespace {

// Dimensions of other families stand for those that only this one has: d_inner for the feed-forward's channels, dt_rank, d_state,
// d_conv and n_group for the ranks of w, a, v and g.
void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    // n_head heads, if those are possible.
    (*members)["head_dim"] =
        std::to_string(config.d_model % (8 * config.n_head) == 0 ? config.d_model / config.n_head : 8);
    (*members)["intermediate_size"] = std::to_string(config.d_inner);
    (*members)["decay_low_rank_dim"] = std::to_string(config.dt_rank);
    (*members)["a_low_rank_dim"] = std::to_string(config.d_state);
    (*members)["v_low_rank_dim"] = std::to_string(config.d_conv);
    (*members)["gate_low_rank_dim"] = std::to_string(config.n_group);
    (*members)["norm_eps"] = (*members)["layer_norm_epsilon"];
    (*members)["hidden_act"] = "\"sqrelu\"";
    (*members)["tie_word_embeddings"] = "false";
}

// With ranks of w and g besides those of a and v, which are d_state and d_conv.
ModelConfig rwkv7(uint32_t n_head, uint32_t w_rank, uint32_t g_rank, ModelConfig config) {
    config.model_type = "rwkv7";
    config.n_head = n_head;
    config.dt_rank = w_rank;
    config.n_group = g_rank;
    return config;
}

}  // namespace

std::vector<TestFamily> rwkv7_tests() {
    //                                    d_model, d_ffn, a, v, vocab_size
    return {{"rwkv7",
             members,
             {{"rwkv7_smallest", rwkv7(1, 1, 1, sized(8, 1, 1, 1, 3, false, false, true))},
              {"rwkv7_odd", rwkv7(5, 3, 11, sized(40, 37, 5, 2, 251, false, false, true))},
              {"rwkv7_wide_heads", rwkv7(2, 16, 24, sized(128, 256, 9, 8, 67, false, false, true))},
              {"rwkv7_heads", rwkv7(3, 8, 33, sized(48, 72, 17, 5, 251, false, false, true))}}}};
}

}  // namespace adder::test
