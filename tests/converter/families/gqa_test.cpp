// What of a Granite's or a Bamba's config.json is read and refused, and what only hybrids with attention have.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "converter/base/error.h"
#include "converter/families/random_checkpoint.h"
#include "converter/model/checkpoint.h"
#include "tests/support/families.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

ModelShape granite(const std::map<std::string, std::string> &members) {
    return read_config("granitemoehybrid", members);
}

std::string kinds_of(const ModelShape &model) {
    std::string kinds;
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        EXPECT_EQ(model.blocks[block].layer, block / 2);
        const BlockId kind = model.view(block).kind->id;
        kinds += kind == BlockId::gqa ? 'a' : kind == BlockId::gqa_mlp ? 'm' : 'r';
    }
    return kinds;
}

TEST(GraniteConfig, TwoBlocksALayerByTheirTypes) {
    EXPECT_EQ(kinds_of(granite({{"layer_types", "[\"mamba\", \"attention\", \"mamba\", \"mamba\"]"}})),
              "rmamrmrm");
    EXPECT_EQ(kinds_of(granite({{"layer_types", ""},
                                {"layers_block_type", "[\"attention\", \"attention\", \"linear_attention\", "
                                                      "\"full_attention\"]"}})),
              "amamrmam");
    EXPECT_EQ(kinds_of(read_config("bamba", {{"attn_layer_indices", "[3]"}})), "rmrmrmam");
    EXPECT_EQ(kinds_of(read_config("bamba", {{"attn_layer_indices", ""}})), "rmrmrmrm");
}

TEST(GraniteConfig, MultipliersAreRead) {
    const ModelShape model = granite({{"embedding_multiplier", "12"},
                                      {"logits_scaling", "3"},
                                      {"residual_multiplier", "0.246"},
                                      {"attention_multiplier", "0.015625"}});
    EXPECT_EQ(model.embedding_scale, 12.0f);
    EXPECT_EQ(model.logit_scale, 1.0 / 3);
    EXPECT_EQ(model.residual_scale, 0.246);
    for (uint32_t block = 0; block < model.block_count(); ++block)
        if (const BlockView view = model.view(block); view.kind->id == BlockId::gqa) {
            EXPECT_EQ(view.param(Param::attention_scale), static_cast<float>(0.015625 * 1.4426950408889634));
        }
}

TEST(GraniteConfig, PositionsAreAskedFor) {
    const char *const key = "position_embedding_type";
    EXPECT_EQ(granite({{key, "\"nope\""}}).dim(Dim::n_turn), 0u);
    EXPECT_EQ(granite({{key, ""}}).dim(Dim::n_turn), 0u);
    const ModelShape turning = granite({{key, "\"rope\""}, {"rope_theta", "700"}});
    EXPECT_EQ(turning.dim(Dim::n_turn), 4u);
    EXPECT_EQ(turning.rope_base, 700);
    EXPECT_EQ(read_config("bamba", {{"head_dim", "16"}}).dim(Dim::n_turn), 4u);  // of half the channels
}

TEST(GraniteConfig, WhatIsNotComputedIsNamed) {
    const std::pair<const char *, const char *> refused[] = {
        {"hidden_act", "\"gelu\""},
        {"attention_bias", "true"},
        {"num_local_experts", "8"},
        {"layer_types", "[\"mamba\"]"},
        {"layer_types", "[\"mamba\", \"mamba\", \"sliding\", \"mamba\"]"},
        {"position_embedding_type", "\"alibi\""},
        {"mamba_d_head", "12"},
        {"residual_multiplier", "0"},
        {"max_position_embeddings", "0"},
    };
    for (const auto &[key, value] : refused)
        EXPECT_NE(config_refusal("granitemoehybrid", key, value).find(key), std::string::npos)
            << key << ": " << config_refusal("granitemoehybrid", key, value);
    for (const auto &[key, value] :
         {std::pair<const char *, const char *>{"num_key_value_heads", "3"}, {"head_dim", "12"}})
        EXPECT_NE(config_refusal("granitemoehybrid", key, value).find("cannot be the"), std::string::npos)
            << key;
    EXPECT_NE(config_refusal("bamba", "mlp_bias", "true").find("mlp_bias"), std::string::npos);
    EXPECT_NE(config_refusal("bamba", "attn_layer_indices", "[4]").find("attn_layer_indices"),
              std::string::npos);
}

TEST(GraniteConfig, TheWholeNumberIsReadBack) {
    for (const char *name :
         {"granite-4.0-h-350m", "granite-4.0-h-1b", "granite:64,3,77", "bamba-9b", "bamba:64,1,77"}) {
        const ModelShape model = shape_like(name);
        JsonWriter json;
        json.begin_object();
        model.family->write_config(model, &json);
        json.key("bos_token_id").value(0).end_object();
        const ModelShape found = read_model_shape(Json::parse(json.text(), name), name);
        ASSERT_EQ(found.shapes.size(), model.shapes.size());
        for (size_t i = 0; i < found.shapes.size(); ++i)
            EXPECT_EQ(std::memcmp(&found.shapes[i], &model.shapes[i], sizeof(BlobShape)), 0) << name << i;
        EXPECT_EQ(found.embedding_scale, model.embedding_scale);
        EXPECT_NEAR(found.logit_scale, model.logit_scale, 1e-12);
        EXPECT_EQ(found.residual_scale, model.residual_scale);
        EXPECT_EQ(found.rope_base, model.rope_base);
    }
}

// As published: layers, heads, widths.
TEST(GraniteConfig, PublishedShapes) {
    const ModelShape model = shape_like("granite-4.0-h-350m");
    std::string attends;
    for (uint32_t block = 0; block < model.block_count(); block += 2)
        if (model.view(block).kind->id == BlockId::gqa) attends += format("%u ", block / 2);
    EXPECT_EQ(attends, "10 13 17 27 ");
    const BlockView heads = model.view(20), mixer = model.view(0), mlp = model.view(1);
    EXPECT_EQ(heads.dims[Dim::n_head], 12u);
    EXPECT_EQ(heads.dims[Dim::n_group], 4u);
    EXPECT_EQ(heads.dims[Dim::head_dim], 64u);
    EXPECT_EQ(mixer.dims[Dim::n_head], 48u);
    EXPECT_EQ(mixer.dims[Dim::head_dim], 32u);
    EXPECT_EQ(mlp.dims[Dim::d_inner], 2048u);
    EXPECT_EQ(page_bytes(model.architecture()), 4u * 8 * 2 * 4 * 64 * 4);  // of four layers, in floats
    EXPECT_EQ(state_bytes(model.architecture()), 28u * 4 * 201984);
}

}  // namespace
}  // namespace adder::test
