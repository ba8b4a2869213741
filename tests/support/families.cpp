// The list of families, for tests.
// SPDX-License-Identifier: MIT
#include "tests/support/families.h"

#include <stdexcept>

namespace adder::test {

const std::vector<TestFamily> &test_families() {
    static const std::vector<TestFamily> all = [] {
        std::vector<TestFamily> list;
#define ADDER_FAMILY(name)                                                                                   \
    for (TestFamily & family : name##_tests()) list.push_back(std::move(family));
#include "runtime/blocks/kinds.inc"
        return list;
    }();
    return all;
}

const TestFamily &test_family(const std::string &model_type) {
    for (const TestFamily &family : test_families())
        if (family.model_type == model_type) return family;
    throw std::runtime_error(model_type + " is in no file of tests/support/families");
}

std::vector<std::string> model_types() {
    std::vector<std::string> types;
    for (const TestFamily &family : test_families()) types.emplace_back(family.model_type);
    return types;
}

std::vector<std::string> other_model_types() {
    std::vector<std::string> types = model_types();
    types.erase(types.begin());
    return types;
}

std::string model_type_of(BlockId kind) {
    for (const Family *family : families())
        if (family->kind == kind) return family->model_type;
    throw std::runtime_error("a kind that no family has");
}

const BlockKind &kind_of(const std::string &model_type) {
    for (const Family *family : families())
        if (family->model_type == model_type) return *find_block_kind(static_cast<uint16_t>(family->kind));
    throw std::runtime_error(model_type + " is no family's model_type");
}

StateType narrowest_state(const std::string &model_type) { return kind_of(model_type).state_types; }

ModelConfig sized(uint32_t d_model, uint32_t d_inner, uint32_t d_state, uint32_t d_conv, uint32_t vocab_size,
                  bool tied, bool bias, bool conv_bias) {
    ModelConfig config;
    config.d_model = d_model;
    config.d_inner = d_inner;
    config.d_state = d_state;
    config.d_conv = d_conv;
    config.vocab_size = vocab_size;
    config.tie_word_embeddings = tied;
    config.use_bias = bias;
    config.use_conv_bias = conv_bias;
    return config;
}

}  // namespace adder::test
