// What of an LFM2's config.json is read and refused.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "converter/base/error.h"
#include "converter/families/random_checkpoint.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

ModelShape read(const std::map<std::string, std::string> &members) { return read_config("lfm2", members); }

std::string refusal(const std::string &key, const std::string &value) {
    return config_refusal("lfm2", key, value);
}

std::string kinds_of(const ModelShape &model) {
    std::string kinds;
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockId kind = model.view(block).kind->id;
        kinds += kind == BlockId::gqa ? 'a' : kind == BlockId::gqa_mlp ? 'm' : 'c';
    }
    return kinds;
}

TEST(Lfm2Config, LayersByTheirTypesOrNumbers) {
    EXPECT_EQ(kinds_of(read({{"layer_types", "[\"conv\", \"full_attention\", \"conv\", \"conv\"]"}})),
              "cmamcmcm");
    EXPECT_EQ(kinds_of(read({{"layer_types", ""}, {"full_attn_idxs", "[0, 3]"}})), "amcmcmam");
    EXPECT_NE(refusal("layer_types", "").find("layer_types is missing"), std::string::npos);
    EXPECT_NE(refusal("layer_types", "[\"conv\"]").find("1 layers"), std::string::npos);
    EXPECT_NE(refusal("layer_types", "[\"conv\", \"conv\", \"mamba\", \"conv\"]").find("\"mamba\""),
              std::string::npos);
}

// 6656 makes 4608 and 12288 makes 8192, as published.
TEST(Lfm2Config, TheWidthOfTheMlpMayBeAdjusted) {
    const auto width = [](std::map<std::string, std::string> members) {
        return read(members).view(1).dims[Dim::d_inner];
    };
    for (const auto &[stated, expected] : {std::pair<const char *, uint32_t>{"6656", 4608}, {"12288", 8192}}) {
        EXPECT_EQ(width({{"block_ff_dim", stated}, {"block_auto_adjust_ff_dim", "true"}}), expected);
        EXPECT_EQ(width({{"intermediate_size", stated}, {"block_auto_adjust_ff_dim", ""}}), expected);
    }
    EXPECT_EQ(width({{"intermediate_size", "2560"}}), 2560u);
    EXPECT_EQ(width({{"intermediate_size", "600"},
                     {"block_auto_adjust_ff_dim", "true"},
                     {"block_ffn_dim_multiplier", "1.3"},
                     {"block_multiple_of", "8"}}),
              520u);
}

TEST(Lfm2Config, HeadsAreNormalizedAndTurn) {
    const ModelShape model =
        read({{"rope_parameters", "{\"rope_theta\": 1000000.0, \"rope_type\": \"default\"}"}});
    const BlockView heads = model.view(2);
    EXPECT_EQ(heads.shape->flags, shape_turns | shape_head_norms);
    EXPECT_EQ(heads.dims[Dim::n_turn], heads.dims[Dim::head_dim] / 2);
    EXPECT_EQ(model.rope_base, 1000000);
    EXPECT_EQ(read({{"tie_embedding", "false"}, {"tie_word_embeddings", "true"}}).tied, false);
}

TEST(Lfm2Config, WhatIsNotComputedIsNamed) {
    for (const auto &[key, value] : {std::pair<const char *, const char *>{"conv_bias", "true"},
                                     {"rope_scaling", "{}"},
                                     {"norm_eps", "0"}})
        EXPECT_NE(refusal(key, value).find(key), std::string::npos) << key << ": " << refusal(key, value);
}

TEST(Lfm2Config, TheWholeNumberIsReadBack) {
    for (const char *name : {"lfm2.5-350m", "lfm2-700m", "lfm2.5-1.2b", "lfm2:64,3,77"}) {
        const ModelShape model = shape_like(name);
        JsonWriter json;
        json.begin_object();
        model.family->write_config(model, &json);
        json.key("bos_token_id").value(0).end_object();
        const ModelShape found = read_model_shape(Json::parse(json.text(), name), name);
        ASSERT_EQ(found.shapes.size(), model.shapes.size());
        for (size_t i = 0; i < found.shapes.size(); ++i)
            EXPECT_EQ(std::memcmp(&found.shapes[i], &model.shapes[i], sizeof(BlobShape)), 0) << name << i;
        EXPECT_EQ(found.rope_base, model.rope_base);
    }
}

}  // namespace
}  // namespace adder::test
