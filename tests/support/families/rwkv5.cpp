// RWKV-5, for tests.
// SPDX-License-Identifier: MIT
#include "tests/support/families.h"

namespace adder::test {
namespace {

// d_inner stands for the feed-forward's channels, which only some families have; use_bias for the decays of heads and without a
// gate that 5.0 has.
void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    (*members)["head_size"] =
        std::to_string(config.d_model % (8 * config.n_head) == 0 ? config.d_model / config.n_head : 8);
    (*members)["intermediate_size"] = std::to_string(config.d_inner);
    (*members)["tie_word_embeddings"] = "false";
    for (const char *key : {"head_decays", "head_bonuses_log"})
        (*members)[key] = config.use_bias ? "true" : "false";
    (*members)["gate"] = config.use_bias ? "false" : "true";
}

ModelConfig rwkv5(uint32_t n_head, ModelConfig config) {
    config.model_type = "rwkv5";
    config.n_head = n_head;
    return config;
}

}  // namespace

std::vector<TestFamily> rwkv5_tests() {
    //                                          d_model, d_ffn, -, -, vocab_size, -, of heads
    return {{"rwkv5",
             members,
             {{"rwkv5_smallest", rwkv5(1, sized(8, 1, 1, 1, 3, false, false, true))},
              {"rwkv5_odd", rwkv5(5, sized(40, 37, 1, 1, 251, false, true, true))},
              {"rwkv5_wide_heads", rwkv5(2, sized(128, 256, 1, 1, 67, false, false, true))},
              {"rwkv5_heads", rwkv5(3, sized(48, 72, 1, 1, 251, false, false, true))}}}};
}

}  // namespace adder::test
