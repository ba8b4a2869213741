// config.json: which family it is of, what is read of it, and what is refused by name. Families with much to say have a test of
// their own.
// SPDX-License-Identifier: MIT
#include "tests/converter/families/config_fixture.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

TEST(Configs, FalconMamba) {
    const std::string falcon = R"({"model_type": "falcon_mamba", "hidden_size": 32, "num_hidden_layers": 2,
        "vocab_size": 50, "intermediate_size": 80, "time_step_rank": 3, "state_size": 8, "mixer_rms_eps": 0.001})";
    const ModelShape shape = read_shape(falcon);
    EXPECT_STREQ(shape.family->name, "falcon-mamba");
    EXPECT_EQ(shape.shapes[0].flags, shape_mixer_norms);
    EXPECT_EQ(shape.dim(Dim::d_inner), 80u);
    EXPECT_EQ(shape.dim(Dim::dt_rank), 3u);
    EXPECT_EQ(param(shape, Param::mixer_norm_epsilon), 0.001f);
    EXPECT_EQ(param(shape, Param::norm_epsilon), 1e-5f);
    EXPECT_TRUE(shape.tied);
    EXPECT_EQ(param(read_shape(with(falcon, "mixer_rms_eps", "")), Param::mixer_norm_epsilon), 1e-6f);
    EXPECT_HAS(refused(with(falcon, "mixer_rms_eps", "2")), "mixer_rms_eps is 2; a number from 1e-12 to 1");
    // Mamba has no such norms, whatever else stands in its file.
    EXPECT_EQ(read_shape(with(falcon, "model_type", "\"mamba\"")).shapes[0].flags, 0u);
}

TEST(Configs, LayersOfStateSpaces) {
    EXPECT_STREQ(read_shape(state_spaces("{}")).family->name, "mamba");
    for (const Family *family : families()) {
        if (family->layer == nullptr) continue;
        const std::string layer = "{\"layer\": " + json_quote(family->layer) + "}";
        EXPECT_EQ(read_shape(state_spaces(layer)).family, family);
        EXPECT_HAS(refused(state_spaces(layer, ", \"attn_layer_idx\": [9, 18]")),
                   "attn_layer_idx is not empty; attention layers are not supported");
        EXPECT_HAS(refused(state_spaces(layer, ", \"d_intermediate\": 256")),
                   "d_intermediate is not 0; MLP layers are not supported");
        EXPECT_HAS(refused(state_spaces(layer, ", \"rms_norm\": false")), "rms_norm is false; only RMSNorm");
    }
    EXPECT_HAS(refused(state_spaces(R"({"layer": "Mamba3"})")),
               "config.json: ssm_cfg: layer is \"Mamba3\"; \"Mamba1\" and \"Mamba2\" are supported");
    EXPECT_HAS(refused(state_spaces(R"({"layer": 2})")),
               "config.json: ssm_cfg: layer is 2; a string is needed");
}

TEST(Configs, OtherFamiliesAreToldWhatThereIs) {
    const std::string mamba =
        R"({"model_type": "mamba", "hidden_size": 64, "num_hidden_layers": 3, "vocab_size": 100})";
    for (const char *type : {"llama", "zamba2", "Mamba2"})
        EXPECT_HAS(refused(with(mamba, "model_type", json_quote(type))),
                   "config.json: model_type is \"" + std::string(type) + "\"; " + supported_model_types());
    EXPECT_HAS(refused(with(mamba, "model_type", "")),
               "model_type is missing; supported: \"mamba\", \"falcon_mamba\", \"mamba2\", ");
    EXPECT_HAS(refused("[]"), "config.json is an array; an object is needed");
}

}  // namespace
}  // namespace adder::test
