// What of a Falcon-H1's and a Nemotron-H's config.json is read and refused.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "converter/base/error.h"
#include "converter/families/random_checkpoint.h"
#include "converter/model/checkpoint.h"
#include "tests/support/families.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

std::string kinds_of(const ModelShape &model) {
    std::string kinds;
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        kinds += view.kind->id == BlockId::mamba2 ? view.shape->flags & shape_keeps_input ? 'R' : 'r'
                 : view.kind->id == BlockId::gqa  ? view.shape->flags & shape_beside ? 'A' : 'a'
                                                  : 'm';
    }
    return kinds;
}

TEST(FalconH1Config, AMixerAndAttentionWorkOnOneInput) {
    const ModelShape model = read_config("falcon_h1", {}, 2);
    EXPECT_EQ(kinds_of(model), "RAmRAm");
    for (uint32_t block = 0; block < model.block_count(); ++block)
        EXPECT_EQ(model.blocks[block].layer, block / 3);
    EXPECT_TRUE(has_carried(model.architecture()));
}

TEST(FalconH1Config, TheNormOfAMixerIsAskedFor) {
    EXPECT_EQ(read_config("falcon_h1", {{"mamba_rms_norm", "false"}}).dim(Dim::n_norm_group), 0u);
    EXPECT_EQ(read_config("falcon_h1", {{"mamba_rms_norm", ""}}).dim(Dim::n_norm_group), 0u);
    EXPECT_EQ(read_config("falcon_h1", {{"mamba_rms_norm", "true"}}).dim(Dim::n_norm_group), 1u);
    EXPECT_EQ(read_config("falcon_h1", {{"mamba_rms_norm", "false"}, {"mamba_norm_before_gate", "true"}})
                  .dim(Dim::n_norm_group),
              0u);
    EXPECT_EQ(
        config_refusal("falcon_h1", "mamba_norm_before_gate", "true"),
        "config.json: mamba_norm_before_gate is true, with mamba_rms_norm; a norm behind the gate is needed");
}

TEST(FalconH1Config, WhatIsNotComputedIsNamed) {
    const std::pair<const char *, const char *> refused[] = {
        {"attention_bias", "true"},
        {"mlp_bias", "true"},
        {"projectors_bias", "true"},
        {"mamba_proj_bias", "true"},
        {"hidden_act", "\"gelu\""},
        {"ssm_multipliers", "[1, 1, 1, 1]"},
        {"ssm_multipliers", "[1, 1, 1, 1, 0]"},
        {"mlp_multipliers", "[1, \"x\"]"},
        {"key_multiplier", "0"},
        {"lm_head_multiplier", "-1"},
        {"rope_scaling", "{}"},
    };
    for (const auto &[key, value] : refused)
        EXPECT_NE(config_refusal("falcon_h1", key, value).find(key), std::string::npos)
            << key << ": " << config_refusal("falcon_h1", key, value);
}

// Multiplying a matrix by hand is what the multipliers do.
TEST(FalconH1Config, MultipliersAreInTheWeights) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.model_type = "falcon_h1";
    spec.config.use_conv_bias = true;
    write_checkpoint(directory.path(), spec);
    const Checkpoint with(directory.path());
    for (const char *key : {"attention_in_multiplier", "attention_out_multiplier", "key_multiplier",
                            "ssm_in_multiplier", "ssm_out_multiplier", "ssm_multipliers", "mlp_multipliers"})
        spec.config_members[key] = "";
    write_checkpoint(directory.path(), spec);
    const Checkpoint without(directory.path());
    // Those of tests/support/families/gqa.cpp.
    const auto ratio = [&](Role role, uint32_t block, size_t row) {
        const DenseTensor a = with.read(role, block), b = without.read(role, block);
        return static_cast<double>(a.values[row * a.cols]) / static_cast<double>(b.values[row * b.cols]);
    };
    const BlockView mixer = with.shape().view(0), attention = with.shape().view(1);
    const uint32_t d_inner = mixer.dims[Dim::d_inner], d_bc = mixer.dims[Dim::d_bc];
    EXPECT_NEAR(ratio(Role::in_proj, 0, 0), 1.25 * 0.5, 1e-6);
    EXPECT_NEAR(ratio(Role::in_proj, 0, d_inner), 1.25 * 0.7, 1e-6);
    EXPECT_NEAR(ratio(Role::bcdt_proj, 0, 0), 1.25 * 0.9, 1e-6);
    EXPECT_NEAR(ratio(Role::bcdt_proj, 0, d_bc), 1.25 * 1.2, 1e-6);
    EXPECT_NEAR(ratio(Role::bcdt_proj, 0, 2 * size_t{d_bc}), 1.25 * 0.8, 1e-6);
    EXPECT_NEAR(ratio(Role::out_proj, 0, 0), 0.7, 1e-6);
    EXPECT_NEAR(ratio(Role::q_proj, 1, 0), 1.1, 1e-6);
    EXPECT_NEAR(ratio(Role::kv_proj, 1, 0), 1.1 * 0.8, 1e-6);
    EXPECT_NEAR(ratio(Role::kv_proj, 1, attention.dims[Dim::d_kv]), 1.1, 1e-6);
    EXPECT_NEAR(ratio(Role::o_proj, 1, 0), 0.9, 1e-6);
    EXPECT_NEAR(ratio(Role::gate_proj, 2, 0), 0.8, 1e-6);
    EXPECT_NEAR(ratio(Role::up_proj, 2, 0), 1, 1e-6);
    EXPECT_NEAR(ratio(Role::down_proj, 2, 0), 1.3, 1e-6);
}

TEST(NemotronHConfig, ABlockALayerByItsLetterOrWord) {
    EXPECT_EQ(kinds_of(read_config("nemotron_h", {{"hybrid_override_pattern", "\"M-*M\""}}, 4)), "rmar");
    EXPECT_EQ(
        kinds_of(read_config("nemotron_h",
                             {{"hybrid_override_pattern", ""},
                              {"layers_block_type", "[\"full_attention\", \"mlp\", \"linear_attention\"]"}},
                             3)),
        "amr");
    // The list is enough.
    EXPECT_EQ(read_config("nemotron_h", {{"num_hidden_layers", ""}}, 3).n_layer, 3u);
}

TEST(NemotronHConfig, NamesOfNewerFilesAreTheSame) {
    const ModelShape model = read_config("nemotron_h", {});
    EXPECT_EQ(model.family->rename("model.layers.3.norm.weight"), "backbone.layers.3.norm.weight");
    EXPECT_EQ(model.family->rename("model.backbone.norm_f.weight"), "backbone.norm_f.weight");
    EXPECT_EQ(model.family->rename("lm_head.weight"), "lm_head.weight");
}

TEST(NemotronHConfig, WhatIsNotComputedIsNamed) {
    const std::pair<const char *, const char *> refused[] = {
        {"hybrid_override_pattern", "\"MEM\""},
        {"hybrid_override_pattern", "\"M-\""},
        {"hybrid_override_pattern", "\"\""},
        {"hybrid_override_pattern", "\"Mx*\""},
        {"mlp_hidden_act", "\"silu\""},
        {"mamba_hidden_act", "\"gelu\""},
        {"attention_bias", "true"},
        {"mlp_bias", "true"},
        {"mamba_head_dim", "100000"},
    };
    for (const auto &[key, value] : refused)
        EXPECT_NE(config_refusal("nemotron_h", key, value).find(key), std::string::npos)
            << key << ": " << config_refusal("nemotron_h", key, value);
}

TEST(HybridConfigs, TheWholeNumberIsReadBack) {
    for (const char *name : {"falcon-h1-tiny-90m", "falcon-h1-0.5b", "falcon-h1-1.5b", "falcon-h1:64,2,77",
                             "nemotron-3-nano-4b", "nemotron-h:64,1,77", "nemotron-h:64,5,77"}) {
        const ModelShape model = shape_like(name);
        JsonWriter json;
        json.begin_object();
        model.family->write_config(model, &json);
        json.key("bos_token_id").value(0).end_object();
        const ModelShape found = read_model_shape(Json::parse(json.text(), name), name);
        ASSERT_EQ(found.shapes.size(), model.shapes.size()) << name;
        for (size_t i = 0; i < found.shapes.size(); ++i)
            EXPECT_EQ(std::memcmp(&found.shapes[i], &model.shapes[i], sizeof(BlobShape)), 0) << name << i;
        ASSERT_EQ(found.block_count(), model.block_count()) << name;
        for (uint32_t i = 0; i < found.block_count(); ++i)
            EXPECT_EQ(found.blocks[i].shape, model.blocks[i].shape) << name << i;
        EXPECT_EQ(found.embedding_scale, model.embedding_scale);
        EXPECT_NEAR(found.logit_scale, model.logit_scale, 1e-12);
        EXPECT_EQ(found.multipliers, model.multipliers);
        EXPECT_EQ(found.rope_base, model.rope_base);
        EXPECT_EQ(found.tied, model.tied);
    }
}

}  // namespace
}  // namespace adder::test
