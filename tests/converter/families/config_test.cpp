// config.json of every family and dialect: what is read of it, and what is refused by name.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "converter/families/family.h"
#include "converter/model/checkpoint.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

ModelShape read_shape(const std::string &text) {
    return read_model_shape(Json::parse(text, "config.json", Json::Numbers::infinite), "config.json");
}
std::string refused(const std::string &text) {
    return error_of([&] { read_shape(text); });
}
float param(const ModelShape &shape, Param which) {
    return shape.shapes[0].param[static_cast<uint32_t>(which)];
}

// The text of an object with one member replaced, or added; an empty value takes it out.
std::string with(const std::string &object, const std::string &key, const std::string &value) {
    std::string text = "{";
    bool found = false;
    const auto add = [&](const std::string &name, const std::string &member) {
        if (!member.empty()) text += (text.size() > 1 ? ", " : "") + json_quote(name) + ": " + member;
    };
    const Json json = Json::parse(object, "object");
    for (const auto &[name, member] : json.object("object")) {
        found = found || name == key;
        JsonWriter writer(false);
        switch (member.type()) {
        case Json::Type::string: writer.value(member.string("")); break;
        case Json::Type::boolean: writer.value(member.boolean("")); break;
        case Json::Type::number: writer.value(member.number("")); break;
        default: writer.null(); break;
        }
        add(name, name == key ? value : writer.text());
    }
    if (!found) add(key, value);
    return text + "}";
}

const char mamba2[] =
    R"({"model_type": "mamba2", "hidden_size": 64, "num_hidden_layers": 3, "vocab_size": 100,
    "expand": 2, "num_heads": 8, "head_dim": 16, "state_size": 32, "conv_kernel": 3, "n_groups": 1,
    "layer_norm_epsilon": 1e-6, "use_bias": true, "use_conv_bias": false, "tie_word_embeddings": true})";

TEST(Configs, Mamba2OfTransformers) {
    const ModelShape shape = read_shape(mamba2);
    EXPECT_STREQ(shape.family->name, "mamba2");
    EXPECT_EQ(shape.d_model, 64u);
    EXPECT_EQ(shape.n_layer, 3u);
    EXPECT_EQ(shape.block_count(), 3u);
    EXPECT_EQ(shape.vocab_size, 100u);
    EXPECT_EQ(shape.dim(Dim::d_inner), 128u);
    EXPECT_EQ(shape.dim(Dim::n_head), 8u);
    EXPECT_EQ(shape.dim(Dim::head_dim), 16u);
    EXPECT_EQ(shape.dim(Dim::d_state), 32u);
    EXPECT_EQ(shape.dim(Dim::d_conv), 3u);
    EXPECT_EQ(shape.dim(Dim::n_group), 1u);
    EXPECT_EQ(shape.dim(Dim::n_norm_group), 1u);
    EXPECT_EQ(shape.norm_epsilon, 1e-6f);
    EXPECT_EQ(param(shape, Param::norm_epsilon), 1e-6f);
    EXPECT_EQ(param(shape, Param::mixer_norm_epsilon), 1e-6f);
    EXPECT_EQ(param(shape, Param::dt_low), 0.0f);
    EXPECT_EQ(param(shape, Param::dt_high), INFINITY);
    EXPECT_EQ(shape.shapes[0].flags, shape_projection_bias);
    EXPECT_FALSE(shape.conv_bias);
    EXPECT_TRUE(shape.tied);
    EXPECT_TRUE(shape.notes.empty());

    // What is left out: transformers' Mamba2Config.
    const ModelShape defaults = read_shape(
        R"({"model_type": "mamba2", "hidden_size": 4096, "num_hidden_layers": 64, "vocab_size": 32768})");
    EXPECT_EQ(defaults.dim(Dim::n_head), 128u);
    EXPECT_EQ(defaults.dim(Dim::head_dim), 64u);
    EXPECT_EQ(defaults.dim(Dim::d_state), 128u);
    EXPECT_EQ(defaults.dim(Dim::d_conv), 4u);
    EXPECT_EQ(defaults.dim(Dim::n_group), 8u);
    EXPECT_EQ(defaults.norm_epsilon, 1e-5f);
    EXPECT_EQ(defaults.shapes[0].flags, 0u);
    EXPECT_TRUE(defaults.conv_bias);
    EXPECT_FALSE(defaults.tied);
}

// config.json of mistralai/Mamba-Codestral-7B-v0.1, with the Infinity that Python writes.
const char codestral[] = R"({"architectures": ["Mamba2ForCausalLM"], "bos_token_id": 0, "chunk_size": 256,
    "conv_kernel": 4, "eos_token_id": 0, "expand": 2, "head_dim": 64, "hidden_act": "silu", "hidden_size": 4096,
    "initializer_range": 0.1, "intermediate_size": 8192, "layer_norm_epsilon": 1e-05, "model_type": "mamba2",
    "n_groups": 8, "norm_before_gate": true, "num_heads": 128, "num_hidden_layers": 64, "pad_token_id": 0,
    "rescale_prenorm_residual": false, "residual_in_fp32": true, "rms_norm": true, "state_size": 128,
    "tie_word_embeddings": false, "time_step_floor": 0.0001, "time_step_init_scheme": "random",
    "time_step_limit": [0.0, Infinity], "time_step_max": 0.1, "time_step_min": 0.001, "time_step_rank": 256,
    "time_step_scale": 1.0, "torch_dtype": "bfloat16", "transformers_version": "4.39.1", "use_bias": false,
    "use_cache": true, "use_conv_bias": true, "vocab_size": 32768})";

TEST(Configs, GroupsOfTheNormAreAskedForOrWarnedOf) {
    const ModelShape shape = read_shape(codestral);
    EXPECT_EQ(shape.dim(Dim::n_group), 8u);
    EXPECT_EQ(shape.dim(Dim::n_norm_group), 1u);
    EXPECT_EQ(param(shape, Param::dt_high), INFINITY);
    ASSERT_EQ(shape.notes.size(), 1u);
    EXPECT_HAS(shape.notes[0], "config.json: n_groups is 8. The gated norm is taken over its whole width");
    EXPECT_HAS(shape.notes[0], "add \"norm_groups\": 8 to the file");

    const std::string grouped = with(mamba2, "n_groups", "4");
    EXPECT_EQ(read_shape(grouped).notes.size(), 1u);
    const ModelShape answered = read_shape(with(grouped, "norm_groups", "4"));
    EXPECT_EQ(answered.dim(Dim::n_norm_group), 4u);
    EXPECT_TRUE(answered.notes.empty());
    EXPECT_TRUE(read_shape(with(grouped, "norm_groups", "1")).notes.empty());
    EXPECT_HAS(refused(with(grouped, "norm_groups", "0")), "norm_groups is 0; an integer from 1 to 1024");
    EXPECT_HAS(refused(with(grouped, "norm_groups", "32")),
               "config.json: 32 cannot be the number of groups of the norm, whose channels are a multiple of "
               "8, with an "
               "inner dimension of 128");
}

TEST(Configs, LimitsOfTheStepsInEverySpelling) {
    const auto limits = [](const char *value) {
        const ModelShape shape = read_model_shape(
            Json::parse(with(mamba2, "time_step_limit", value), "config.json", Json::Numbers::infinite),
            "config.json");
        return std::pair(param(shape, Param::dt_low), param(shape, Param::dt_high));
    };
    const std::pair<float, float> open{0.0f, INFINITY};
    EXPECT_EQ(limits("null"), open);
    EXPECT_EQ(limits("[0.0, Infinity]"), open);
    EXPECT_EQ(limits("[0.0, \"Infinity\"]"), open);
    EXPECT_EQ(limits("[0, \"inf\"]"), open);
    EXPECT_EQ(limits(R"([0.0, {"__float__": "Infinity"}])"), open);
    EXPECT_EQ(limits("[0.125, 0.5]"), (std::pair<float, float>{0.125f, 0.5f}));
    const auto wrong = [](const char *value) { return refused(with(mamba2, "time_step_limit", value)); };
    EXPECT_HAS(wrong("[0.0]"), "config.json: time_step_limit has 1 numbers; two are needed");
    EXPECT_HAS(wrong("0.5"), "config.json: time_step_limit is 0.5; an array is needed");
    EXPECT_HAS(wrong("[0.5, 0.25]"),
               "time_step_limit is from 0.5 to 0.25; the first may not be above the second");
    EXPECT_HAS(wrong("[-1, 1]"), "time_step_limit is -1; a number from 0 on is needed");
    EXPECT_HAS(wrong("[-Infinity, 1]"), "time_step_limit is -inf; a number from 0 on is needed");
    EXPECT_HAS(wrong("[0, \"much\"]"), "time_step_limit is \"much\"; a number is needed");
    EXPECT_HAS(wrong(R"([0, {"__float__": "NaN"}])"), "time_step_limit is an object; a number is needed");
    EXPECT_HAS(
        error_of([] { Json::parse(with(mamba2, "x", "[0, NaN]"), "config.json", Json::Numbers::infinite); }),
        "config.json:1:");
    // Where a number is needed that is used, Infinity is out of its range.
    EXPECT_HAS(refused(with(mamba2, "layer_norm_epsilon", "Infinity")),
               "layer_norm_epsilon is inf; a number from");
    EXPECT_HAS(refused(with(mamba2, "hidden_size", "Infinity")), "hidden_size is inf; an integer from 1");
}

TEST(Configs, WhatMamba2CannotBe) {
    EXPECT_HAS(refused(with(mamba2, "num_heads", "7")),
               "config.json: num_heads 7 times head_dim 16 is not the inner dimension, expand times "
               "hidden_size, of 128");
    EXPECT_HAS(
        refused(with(with(mamba2, "num_heads", "32"), "head_dim", "4")),
        "config.json: 32 cannot be the number of heads, whose channels are a multiple of 8, with an inner "
        "dimension of 128");
    EXPECT_HAS(refused(with(mamba2, "n_groups", "3")),
               "config.json: 3 cannot be the number of groups of heads");
    EXPECT_HAS(refused(with(mamba2, "rms_norm", "false")), "rms_norm is false; only RMSNorm is supported");
    EXPECT_HAS(refused(with(mamba2, "hidden_act", "\"gelu\"")), "hidden_act is \"gelu\"; \"silu\" is needed");
    EXPECT_HAS(refused(with(mamba2, "num_heads", "0")), "num_heads is 0; an integer from 1 to 131072");
    EXPECT_HAS(refused(with(mamba2, "state_size", "2000")), "state_size is 2000; an integer from 1 to 1024");
}

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

// As mamba_ssm's MambaConfig has it: d_model and ssm_cfg, whose "layer" says of which kind it is.
std::string state_spaces(const std::string &ssm_cfg, const std::string &more = "") {
    return R"({"d_model": 64, "n_layer": 2, "vocab_size": 50277, "ssm_cfg": )" + ssm_cfg + more + "}";
}

TEST(Configs, Mamba2OfStateSpaces) {
    const ModelShape shape =
        read_shape(state_spaces(R"({"layer": "Mamba2"})",
                                R"(, "d_intermediate": 0, "attn_layer_idx": [], "attn_cfg": {},
        "rms_norm": true, "residual_in_fp32": true, "fused_add_norm": true, "pad_vocab_size_multiple": 16,
        "tie_embeddings": true)"));
    EXPECT_STREQ(shape.family->name, "mamba2");
    EXPECT_EQ(shape.vocab_size, 50288u);
    EXPECT_EQ(shape.dim(Dim::d_inner), 128u);
    EXPECT_EQ(shape.dim(Dim::n_head), 2u);
    EXPECT_EQ(shape.dim(Dim::d_state), 128u);
    EXPECT_EQ(shape.dim(Dim::d_conv), 4u);
    EXPECT_TRUE(shape.tied);
    const ModelShape set = read_shape(state_spaces(
        R"({"layer": "Mamba2", "d_state": 16, "d_conv": 2, "headdim": 16, "ngroups": 3, "bias": true, "conv_bias": false,
            "expand": 1.5, "dt_limit": [0.01, Infinity], "d_ssm": null, "D_has_hdim": false, "norm_before_gate": false,
            "rmsnorm": true})",
        R"(, "tie_embeddings": false)"));
    EXPECT_EQ(set.dim(Dim::d_inner), 96u);
    EXPECT_EQ(set.dim(Dim::n_head), 6u);
    EXPECT_EQ(set.dim(Dim::d_state), 16u);
    EXPECT_EQ(set.shapes[0].flags, shape_projection_bias);
    EXPECT_FALSE(set.conv_bias);
    EXPECT_FALSE(set.tied);
    EXPECT_EQ(param(set, Param::dt_low), 0.01f);
    EXPECT_EQ(param(set, Param::dt_high), INFINITY);
    EXPECT_EQ(set.vocab_size, 50280u);
    // mamba_ssm normalizes each group by itself.
    const ModelShape groups = read_shape(state_spaces(R"({"layer": "Mamba2", "headdim": 16, "ngroups": 4})"));
    EXPECT_EQ(groups.dim(Dim::n_group), 4u);
    EXPECT_EQ(groups.dim(Dim::n_norm_group), 4u);
    EXPECT_TRUE(groups.notes.empty());
    EXPECT_STREQ(read_shape(state_spaces("{}")).family->name, "mamba");
    EXPECT_STREQ(read_shape(state_spaces(R"({"layer": "Mamba1"})")).family->name, "mamba");
    // The whole width, said in another way.
    EXPECT_EQ(read_shape(state_spaces(R"({"layer": "Mamba2", "d_ssm": 128})")).dim(Dim::d_inner), 128u);
}

TEST(Configs, WhatStateSpacesHasBesidesIsRefusedByName) {
    const auto option = [](const char *text) {
        return refused(state_spaces(std::string(R"({"layer": "Mamba2", )") + text + "}"));
    };
    EXPECT_HAS(option("\"D_has_hdim\": true"),
               "config.json: ssm_cfg: D_has_hdim is set, which is not supported");
    EXPECT_HAS(option("\"norm_before_gate\": true"),
               "ssm_cfg: norm_before_gate is set, which is not supported");
    EXPECT_HAS(option("\"d_ssm\": 64"), "ssm_cfg: d_ssm is set, which is not supported");
    EXPECT_HAS(option("\"rmsnorm\": false"), "ssm_cfg: rmsnorm is false; the gated norm is needed");
    EXPECT_HAS(option("\"headdim\": 48"),
               "ssm_cfg: headdim is 48, which does not divide the inner dimension of 128");
    EXPECT_HAS(option("\"headdim\": 4"),
               "ssm_cfg: 32 cannot be the number of heads, whose channels are a multiple of 8");
    EXPECT_HAS(option("\"dt_limit\": [0.0]"), "ssm_cfg: dt_limit has 1 numbers; two are needed");
    EXPECT_HAS(refused(state_spaces(R"({"layer": "Mamba3"})")),
               "config.json: ssm_cfg: layer is \"Mamba3\"; \"Mamba1\" and \"Mamba2\" are supported");
    EXPECT_HAS(refused(state_spaces(R"({"layer": 2})")),
               "config.json: ssm_cfg: layer is 2; a string is needed");
    for (const char *layer : {"{}", R"({"layer": "Mamba2"})"}) {
        EXPECT_HAS(refused(state_spaces(layer, ", \"attn_layer_idx\": [9, 18]")),
                   "attn_layer_idx is not empty; attention layers are not supported");
        EXPECT_HAS(refused(state_spaces(layer, ", \"d_intermediate\": 256")),
                   "d_intermediate is not 0; MLP layers are not supported");
        EXPECT_HAS(refused(state_spaces(layer, ", \"rms_norm\": false")), "rms_norm is false; only RMSNorm");
    }
}

TEST(Configs, OtherFamiliesAreToldWhatThereIs) {
    for (const char *type : {"llama", "bamba", "rwkv7", "Mamba2"})
        EXPECT_HAS(refused(with(mamba2, "model_type", json_quote(type))),
                   "config.json: model_type is \"" + std::string(type) +
                       "\"; supported: \"mamba\", \"falcon_mamba\", \"mamba2\"");
    EXPECT_HAS(refused(with(mamba2, "model_type", "")), "model_type is missing; supported: \"mamba\"");
    EXPECT_HAS(refused("[]"), "config.json is an array; an object is needed");
}

// ---- The tensors' names ---------------------------------------------------------------------------------------------

// The same weights under the names of each layout are the same model.
TEST(Configs, EveryLayoutOfMamba2OpensAsTheSameModel) {
    CheckpointSpec spec;
    spec.config.model_type = "mamba2";
    spec.config.d_model = 32;
    spec.config.d_inner = 64;
    spec.config.n_head = 4;
    const TemporaryDirectory plain, original, codestral_names;
    write_checkpoint(plain.path(), spec);
    CheckpointSpec other = spec;
    other.old_embedding_name = true;
    other.files["config.json"] =
        R"({"d_model": 32, "n_layer": 2, "vocab_size": 27, "pad_vocab_size_multiple": 16,
        "ssm_cfg": {"layer": "Mamba2", "d_state": 4, "headdim": 16, "dt_limit": [0.0, Infinity]}})";
    write_checkpoint(original.path(), other);
    other = spec;
    other.edit_tensors = [](std::vector<Tensor> &tensors) {
        for (Tensor &tensor : tensors) tensor.name = "model." + tensor.name;
    };
    write_checkpoint(codestral_names.path(), other);
    const Checkpoint expected(plain.path());
    for (const TemporaryDirectory *directory : {&original, &codestral_names}) {
        const Checkpoint checkpoint(directory->path());
        EXPECT_TRUE(checkpoint.unused_tensors().empty());
        EXPECT_EQ(checkpoint.parameters(), expected.parameters());
        EXPECT_EQ(checkpoint.weights_crc(), expected.weights_crc());
        EXPECT_EQ(checkpoint.read(Role::embedding, no_block).values,
                  expected.read(Role::embedding, no_block).values);
        for (const Role role :
             {Role::norm, Role::in_proj, Role::bcdt_proj, Role::bcdt_bias, Role::conv_weight, Role::conv_bias,
              Role::A2, Role::D, Role::gate_norm, Role::out_proj})
            EXPECT_EQ(checkpoint.read(role, 1).values, expected.read(role, 1).values)
                << static_cast<int>(role);
    }
    EXPECT_EQ(Checkpoint(original.path()).files().tensor("backbone.embeddings.weight").name,
              "backbone.embedding.weight");
    EXPECT_EQ(Checkpoint(codestral_names.path()).files().tensor("backbone.norm_f.weight").name,
              "model.backbone.norm_f.weight");
}

// The checkpoint's one in_proj is [z, x, B, C, dt]: in_proj and bcdt_proj here; dt_bias is part of bcdt_proj's bias.
TEST(Configs, InProjOfMamba2IsCutInTwo) {
    CheckpointSpec spec;
    spec.config.model_type = "mamba2";
    spec.config.use_bias = true;
    const TemporaryDirectory directory;
    write_checkpoint(directory.path(), spec);
    const Checkpoint checkpoint(directory.path());
    const auto values_of = [&](const char *name) {
        const TensorView &view = checkpoint.files().tensor(std::string("backbone.layers.1.mixer.") + name);
        std::vector<float> values(view.elements);
        checkpoint.files().read(view, values.data());
        return values;
    };
    const auto both = [&](Role first, Role second) {
        std::vector<float> values = checkpoint.read(first, 1).values;
        const std::vector<float> rest = checkpoint.read(second, 1).values;
        values.insert(values.end(), rest.begin(), rest.end());
        return values;
    };
    EXPECT_EQ(checkpoint.read(Role::in_proj, 1).rows, 2u * 32);
    EXPECT_EQ(checkpoint.read(Role::bcdt_proj, 1).rows, 4u + 4 + 4);
    EXPECT_EQ(both(Role::in_proj, Role::bcdt_proj), values_of("in_proj.weight"));
    std::vector<float> biases = values_of("in_proj.bias");
    const std::vector<float> dt_bias = values_of("dt_bias");
    for (size_t i = 0; i < dt_bias.size(); ++i) biases[biases.size() - dt_bias.size() + i] += dt_bias[i];
    EXPECT_EQ(both(Role::in_proj_bias, Role::bcdt_bias), biases);
    EXPECT_EQ(checkpoint.tensor_name(Role::bcdt_proj, 1), "backbone.layers.1.mixer.in_proj.weight");
}

}  // namespace
}  // namespace adder::test
