// Mamba-2, for tests.
// SPDX-License-Identifier: MIT
#include "converter/base/error.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

void members(const ModelConfig &config, std::map<std::string, std::string> *members) {
    (*members)["expand"] = format("%.17g", static_cast<double>(config.d_inner) / config.d_model);
    (*members)["num_heads"] = std::to_string(config.n_head);
    (*members)["head_dim"] = std::to_string(config.d_inner / config.n_head);
    (*members)["n_groups"] = std::to_string(config.n_group);
    (*members)["norm_groups"] = std::to_string(config.norm_groups);
}

ModelConfig mamba2(uint32_t n_head, uint32_t n_group, uint32_t norm_groups, ModelConfig config) {
    config.model_type = "mamba2";
    config.n_head = n_head;
    config.n_group = n_group;
    config.norm_groups = norm_groups;
    return config;
}

}  // namespace

std::vector<TestFamily> mamba2_tests() {
    //                                              d_model, d_inner, d_state, d_conv, vocab_size, tied, bias, conv_bias
    return {{"mamba2",
             members,
             {{"mamba2_smallest", mamba2(1, 1, 1, sized(1, 8, 1, 1, 3, true, false, true))},
              {"mamba2_odd", mamba2(3, 3, 3, sized(37, 24, 5, 2, 251, false, true, false)), StateType::f16},
              {"mamba2_groups", mamba2(6, 3, 2, sized(40, 96, 8, 3, 67, true, true, true))},
              {"mamba2_wide", mamba2(4, 2, 2, sized(40, 128, 16, 4, 67, false, false, true)), StateType::f16},
              {"mamba2_heads", mamba2(8, 2, 8, sized(33, 64, 17, 5, 251, true, false, false))}}}};
}

}  // namespace adder::test
