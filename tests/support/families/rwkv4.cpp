// RWKV-4, for tests.
// SPDX-License-Identifier: MIT
#include "tests/support/families.h"

namespace adder::test {
namespace {

// d_inner stands for the feed-forward's channels, which only some families have.
void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    (*members)["intermediate_size"] = std::to_string(config.d_inner);
    (*members)["tie_word_embeddings"] = "false";
}

ModelConfig rwkv4(ModelConfig config) {
    config.model_type = "rwkv";
    return config;
}

}  // namespace

std::vector<TestFamily> rwkv4_tests() {
    //                                       d_model, d_ffn, -, -, vocab_size
    return {{"rwkv",
             members,
             {{"rwkv4_smallest", rwkv4(sized(8, 1, 1, 1, 3, false, false, true))},
              {"rwkv4_odd", rwkv4(sized(40, 37, 1, 1, 251, false, false, true))},
              {"rwkv4_wide", rwkv4(sized(128, 256, 1, 1, 67, false, false, true))}}}};
}

}  // namespace adder::test
