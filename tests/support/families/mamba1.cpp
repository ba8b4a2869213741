// Mamba and Falcon-Mamba, for tests.
// SPDX-License-Identifier: MIT
#include "tests/support/families.h"

namespace adder::test {
namespace {

void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    (*members)["intermediate_size"] = std::to_string(config.d_inner);
    (*members)["time_step_rank"] = std::to_string(config.dt_rank);
}

ModelConfig mamba(uint32_t dt_rank, ModelConfig config) {
    config.dt_rank = dt_rank;
    return config;
}

ModelConfig falcon(uint32_t dt_rank, ModelConfig config) {
    config.model_type = "falcon_mamba";
    config.dt_rank = dt_rank;
    return config;
}

}  // namespace

std::vector<TestFamily> mamba1_tests() {
    //                                 d_model, d_inner, d_state, d_conv, vocab_size, tied, bias, conv_bias
    return {{"mamba",
             members,
             {{"smallest", mamba(1, sized(1, 8, 1, 1, 3, true, false, true))},
              {"odd", mamba(5, sized(40, 20, 3, 2, 251, false, true, false))},
              {"state8", mamba(5, sized(64, 80, 8, 3, 251, true, true, true))},
              {"state16", mamba(1, sized(40, 80, 16, 4, 3, false, false, true))},
              {"state17", mamba(5, sized(64, 20, 17, 5, 251, true, false, false))},
              {"narrow", mamba(1, sized(1, 20, 17, 4, 251, false, true, true))}}},
            {"falcon_mamba",
             members,
             {{"falcon_smallest", falcon(1, sized(1, 8, 1, 1, 3, true, false, true))},
              {"falcon_odd", falcon(9, sized(33, 20, 3, 2, 251, false, true, false))},
              {"falcon_wide", falcon(5, sized(40, 64, 16, 4, 67, true, false, true))}}}};
}

}  // namespace adder::test
