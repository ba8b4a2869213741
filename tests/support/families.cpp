// The list of families, for tests.
// SPDX-License-Identifier: MIT
#include "tests/support/families.h"

#include <algorithm>
#include <stdexcept>

#include "converter/base/error.h"

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

std::string supported_model_types() {
    std::string text;
    for (const std::string &type : model_types())
        text += (text.empty() ? "supported: " : ", ") + json_quote(type);
    return text;
}

bool is_hybrid(const std::string &model_type) {
    ModelConfig config;
    config.model_type = model_type;
    return trained_context(shape_of(config).architecture()) > 0;
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

// Of hybrids, whose kind has a cache and no state, that of their mixers.
StateType narrowest_state(const std::string &model_type) {
    return std::min(kind_of(model_type).state_types, StateType::f16);
}

ModelShape read_config(const std::string &model_type, const std::map<std::string, std::string> &members,
                       uint32_t n_layer) {
    CheckpointSpec spec;
    spec.config.model_type = model_type;
    spec.config.n_layer = n_layer;
    spec.config_members = members;
    return read_model_shape(Json::parse(config_text(spec), "config.json"), "config.json");
}

std::string config_refusal(const std::string &model_type, const std::string &key, const std::string &value) {
    try {
        read_config(model_type, {{key, value}});
    } catch (const Error &error) {
        return error.what();
    }
    return {};
}

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
