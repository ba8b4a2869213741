// What tests have to know of each family of models; all else they take from its tables.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/checkpoint_builder.h"

namespace adder::test {

// A small model that stands for a corner of the family's dimensions.
struct TinyModel {
    const char *name;
    ModelConfig config;
    StateType state = StateType::f32;
    StateType cache = StateType::int8;
};

struct TestFamily {
    const char *model_type;  // of config.json
    // The members of config.json that only this family has.
    void (*members)(const ModelConfig &config, std::map<std::string, std::string> *members);
    std::vector<TinyModel> tiny;  // tests/runtime/session_bits_test.cpp computes them in every way of calling
};

// Those of all families of runtime/blocks/kinds.inc: NAME_tests of families/NAME.cpp.
const std::vector<TestFamily> &test_families();
const TestFamily &test_family(const std::string &model_type);
#define ADDER_FAMILY(name) std::vector<TestFamily> name##_tests();
#include "runtime/blocks/kinds.inc"

// The values of model_type: of all families, and of all but the first.
std::vector<std::string> model_types();
std::vector<std::string> other_model_types();

// "supported: ...", as the error says that no family has a model_type.
std::string supported_model_types();

// Is it an RWKV? Its mixers are as wide as the model, and its projections take mixtures.
inline bool is_rwkv(const std::string &model_type) { return model_type.compare(0, 4, "rwkv") == 0; }

// Is it a hybrid, whose attention sees all of a sequence?
bool is_hybrid(const std::string &model_type);

std::string model_type_of(BlockId kind);  // the first that has blocks of the kind

// The kind of a family's first block, and the narrowest type that it may keep its states in.
const BlockKind &kind_of(const std::string &model_type);
StateType narrowest_state(const std::string &model_type);

// What is read of a config.json of this type with these members set, or, where empty, left out; and the error that one of
// them makes, if any.
ModelShape read_config(const std::string &model_type, const std::map<std::string, std::string> &members,
                       uint32_t n_layer = 4);
std::string config_refusal(const std::string &model_type, const std::string &key, const std::string &value);

// A configuration with these dimensions, and all else as ModelConfig has it.
ModelConfig sized(uint32_t d_model, uint32_t d_inner, uint32_t d_state, uint32_t d_conv, uint32_t vocab_size,
                  bool tied, bool bias, bool conv_bias);

}  // namespace adder::test
