// RWKV-7: config.json, and files that come without one.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "converter/base/file.h"
#include "converter/model/checkpoint.h"
#include "tests/converter/families/config_fixture.h"
#include "tests/support/families.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

constexpr char config[] =
    R"({"model_type": "rwkv7", "hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 50, "head_dim": 16,)"
    R"( "decay_low_rank_dim": 8, "a_low_rank_dim": 9, "v_low_rank_dim": 5, "gate_low_rank_dim": 12})";

TEST(Rwkv7, LayersAreTwoBlocksAndTheFirstHasNoValuesOfBefore) {
    const ModelShape shape = read_model_shape(Json::parse(config, "config.json"), "config.json");
    ASSERT_EQ(shape.block_count(), 4u);
    const uint16_t kinds[] = {8, 9, 8, 9}, flags[] = {0, 0, shape_value_residual, 0};
    for (uint32_t block = 0; block < 4; ++block) {
        EXPECT_EQ(shape.shapes[shape.blocks[block].shape].kind, kinds[block]);
        EXPECT_EQ(shape.shapes[shape.blocks[block].shape].flags, flags[block]);
        EXPECT_EQ(shape.blocks[block].layer, block / 2);
    }
    EXPECT_TRUE(shape.layer_norm);
    EXPECT_FALSE(shape.tied);
    EXPECT_EQ(shape.view(2).dims[Dim::v_rank], 5u);
    EXPECT_EQ(shape.view(0).dims[Dim::n_head], 4u);
    EXPECT_EQ(shape.view(1).dims[Dim::d_ffn], 256u);
    EXPECT_FLOAT_EQ(shape.view(0).param(Param::mixer_norm_epsilon), 16e-5f);
}

TEST(Rwkv7, WhatIsNotComputedIsRefusedByName) {
    const struct {
        const char *key, *value, *words;
    } wrong[] = {{"tie_word_embeddings", "true", "tie_word_embeddings is true"},
                 {"norm_bias", "false", "norm_bias is false"},
                 {"hidden_act", "\"gelu\"", "\"sqrelu\" is needed"},
                 {"value_dim", "[64, 128]", "value_dim is 128; hidden_size, 64, is needed"},
                 {"attn", "{\"layers\": [1]}", "attention layers are not supported"},
                 {"head_dim", "20", "head_dim is 20"},
                 {"gate_low_rank_dim", "", "gate_low_rank_dim is missing"}};
    for (const auto &one : wrong) EXPECT_HAS(refused(with(config, one.key, one.value)), one.words);
}

// BlinkDL's files have them, and the first layer takes no values of before.
TEST(Rwkv7, TheFirstLayersValueMatricesAreLeftOutInSilenceAndOthersAreNot) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.model_type = "rwkv7";
    spec.config.d_model = spec.config.d_inner = 64;
    spec.edit_tensors = [](std::vector<Tensor> &tensors) {
        for (const char *name : {"0.attn.v_lora.lora.0.weight", "0.attn.v_lora.lora.2.weight",
                                 "0.attn.v_lora.lora.2.bias", "1.attn.stray"})
            tensors.push_back(make_tensor(std::string("model.layers.") + name, DType::f32, {1}, {0}));
    };
    write_checkpoint(directory.path(), spec);
    EXPECT_EQ(Checkpoint(directory.path()).unused_tensors(),
              std::vector<std::string>{"model.layers.1.attn.stray"});
}

// The error of opening a folder that has these tensors, and no config.json.
std::string error_of_files(const std::vector<Tensor> &tensors) {
    TemporaryDirectory directory;
    write_text(directory.file("model.safetensors"), safetensors_file(tensors));
    try {
        const Checkpoint checkpoint(directory.path());
    } catch (const Error &error) {
        return error.what();
    }
    return {};
}

TEST(Rwkv7, OtherVersionsAreToldByTheirTensors) {
    const auto file = [](std::vector<std::string> names) {
        std::vector<Tensor> tensors = {make_tensor("emb.weight", DType::f32, {2, 8}, std::vector<float>(16))};
        for (const std::string &name : names)
            tensors.push_back(make_tensor(name, DType::f32, {1}, std::vector<float>(1)));
        return error_of_files(tensors);
    };
    EXPECT_HAS(file({"blocks.0.att.time_maa_x"}), "holds RWKV-6;");
    EXPECT_HAS(file({"blocks.0.att.time_maa_x", "blocks.0.att.time_maa_rkvw_w1"}), "a variant of RWKV-6;");
    EXPECT_HAS(file({"blocks.0.att.k_k", "blocks.1.ffn.s_emb.weight"}), "is of RWKV-7a");
    EXPECT_HAS(file({"blocks.0.att.k_k", "blocks.3.qkv.q.weight"}), "is of RWKV-7b");
    EXPECT_HAS(file({"blocks.0.att.k_k", "blocks.0.att.rosa"}), "a variant of RWKV-7, or RWKV-8");
}

}  // namespace
}  // namespace adder::test
