// Mamba-2's config.json in every dialect, its tensors, fresh models of it, and its blobs: what is read, and what is refused.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "converter/families/random_checkpoint.h"
#include "tests/converter/families/config_fixture.h"
#include "tests/runtime/blob_fixture.h"
#include "tests/support/command.h"
#include "tests/support/tensor_values.h"

namespace adder::test {
namespace {

const char mamba2[] =
    R"({"model_type": "mamba2", "hidden_size": 64, "num_hidden_layers": 3, "vocab_size": 100,
    "expand": 2, "num_heads": 8, "head_dim": 16, "state_size": 32, "conv_kernel": 3, "n_groups": 1,
    "layer_norm_epsilon": 1e-6, "use_bias": true, "use_conv_bias": false, "tie_word_embeddings": true})";

TEST(Mamba2, OfTransformers) {
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

TEST(Mamba2, GroupsOfTheNormAreAskedForOrWarnedOf) {
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

TEST(Mamba2, LimitsOfTheStepsInEverySpelling) {
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

TEST(Mamba2, WhatItCannotBe) {
    EXPECT_HAS(refused(with(mamba2, "num_heads", "7")),
               "config.json: num_heads 7 times head_dim 16 is not the inner dimension, expand times "
               "hidden_size, of 128");
    // Heads of 4 channels get 4 of zeros.
    const ModelShape narrow = read_shape(with(with(mamba2, "num_heads", "32"), "head_dim", "4"));
    EXPECT_EQ(narrow.dim(Dim::d_inner), 256u);
    EXPECT_EQ(narrow.mixer_head_dim, 4u);
    EXPECT_HAS(refused(with(mamba2, "n_groups", "3")),
               "config.json: 3 cannot be the number of groups of heads");
    EXPECT_HAS(refused(with(mamba2, "rms_norm", "false")), "rms_norm is false; only RMSNorm is supported");
    EXPECT_HAS(refused(with(mamba2, "hidden_act", "\"gelu\"")), "hidden_act is \"gelu\"; \"silu\" is needed");
    EXPECT_HAS(refused(with(mamba2, "num_heads", "0")), "num_heads is 0; an integer from 1 to 131072");
    EXPECT_HAS(refused(with(mamba2, "state_size", "2000")), "state_size is 2000; an integer from 1 to 1024");
}

TEST(Mamba2, OfStateSpaces) {
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
    // The whole width, said in another way.
    EXPECT_EQ(read_shape(state_spaces(R"({"layer": "Mamba2", "d_ssm": 128})")).dim(Dim::d_inner), 128u);
}

TEST(Mamba2, WhatStateSpacesHasBesidesIsRefusedByName) {
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
    EXPECT_HAS(option("\"headdim\": 1, \"expand\": 2048"),
               "ssm_cfg: 131072 cannot be the number of heads, whose channels are a multiple of 8");
    EXPECT_HAS(option("\"dt_limit\": [0.0]"), "ssm_cfg: dt_limit has 1 numbers; two are needed");
}

// ---- The tensors' names ---------------------------------------------------------------------------------------------

// The same weights under the names of each layout are the same model.
TEST(Mamba2, EveryLayoutOpensAsTheSameModel) {
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
        for (const Role role : {Role::norm, Role::in_proj, Role::bcdt_proj, Role::bcdt_bias, Role::conv_weight,
                                Role::conv_bias, Role::A2, Role::D, Role::gate_norm, Role::out_proj})
            EXPECT_EQ(checkpoint.read(role, 1).values, expected.read(role, 1).values)
                << static_cast<int>(role);
    }
    EXPECT_EQ(Checkpoint(original.path()).files().tensor("backbone.embeddings.weight").name,
              "backbone.embedding.weight");
    EXPECT_EQ(Checkpoint(codestral_names.path()).files().tensor("backbone.norm_f.weight").name,
              "model.backbone.norm_f.weight");
}

// The checkpoint's one in_proj is [z, x, B, C, dt]: in_proj and bcdt_proj here; dt_bias is part of bcdt_proj's bias.
TEST(Mamba2, InProjIsCutInTwo) {
    CheckpointSpec spec;
    spec.config.model_type = "mamba2";
    spec.config.use_bias = true;
    const TemporaryDirectory directory;
    write_checkpoint(directory.path(), spec);
    const Checkpoint checkpoint(directory.path());
    const auto values = [&](const char *name) {
        return values_of(checkpoint, std::string("backbone.layers.1.mixer.") + name);
    };
    const auto both = [&](Role first, Role second) {
        std::vector<float> all = checkpoint.read(first, 1).values;
        const std::vector<float> rest = checkpoint.read(second, 1).values;
        all.insert(all.end(), rest.begin(), rest.end());
        return all;
    };
    EXPECT_EQ(checkpoint.read(Role::in_proj, 1).rows, 2u * 32);
    EXPECT_EQ(checkpoint.read(Role::bcdt_proj, 1).rows, 4u + 4 + 4);
    EXPECT_EQ(both(Role::in_proj, Role::bcdt_proj), values("in_proj.weight"));
    std::vector<float> biases = values("in_proj.bias");
    const std::vector<float> dt_bias = values("dt_bias");
    for (size_t i = 0; i < dt_bias.size(); ++i) biases[biases.size() - dt_bias.size() + i] += dt_bias[i];
    EXPECT_EQ(both(Role::in_proj_bias, Role::bcdt_bias), biases);
    EXPECT_EQ(checkpoint.tensor_name(Role::bcdt_proj, 1), "backbone.layers.1.mixer.in_proj.weight");
}

// ---- Fresh models ---------------------------------------------------------------------------------------------------

TEST(Mamba2, FreshModelsHaveHeadsThatFit) {
    EXPECT_EQ(shape_like("mamba2:64,2,300").dim(Dim::head_dim), 64u);
    EXPECT_EQ(shape_like("mamba2:20,2,300").dim(Dim::head_dim), 8u);
    EXPECT_HAS(error_of([] { shape_like("mamba2:21,2,300"); }, ExitCode::usage),
               "a Mamba-2 has heads of a multiple of 8 channels, and d_model 21 makes 42 of them");
}

TEST(Mamba2, TheWeightsOfAFreshModel) {
    const TemporaryDirectory directory;
    RandomCheckpoint wanted;
    wanted.directory = directory.file("m");
    wanted.shape = shape_like("mamba2:256,1,50");
    write_random_checkpoint(wanted);
    const Checkpoint checkpoint(wanted.directory);
    const std::string mixer = "backbone.layers.0.mixer.";
    for (const char *ones : {"D", "norm.weight"})
        for (const float v : values_of(checkpoint, mixer + ones)) EXPECT_EQ(v, 1);
    for (const float v : values_of(checkpoint, mixer + "A_log")) {  // log of 1 to 16
        EXPECT_GE(v, 0);
        EXPECT_LT(v, std::log(16.0));
    }
    const std::vector<float> A_log = values_of(checkpoint, mixer + "A_log");
    EXPECT_GT(*std::max_element(A_log.begin(), A_log.end()) - *std::min_element(A_log.begin(), A_log.end()),
              0.3);
    for (const double bias : values_of(checkpoint, mixer + "dt_bias")) {
        const double step = std::log1p(std::exp(bias));
        EXPECT_GT(step, 0.000999);
        EXPECT_LT(step, 0.1001);
    }
    double largest = 0;
    for (const double v : values_of(checkpoint, mixer + "in_proj.weight"))
        largest = std::max(largest, std::fabs(v));
    EXPECT_LE(largest, 1 / std::sqrt(256.0));
    EXPECT_GT(largest, 0.9 / std::sqrt(256.0));
}

// The groups of the gated norm are asked for where the file does not tell.
TEST(Mamba2, ConvertingWarnsOfGroups) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.model_type = "mamba2";
    spec.config.n_group = 2;
    spec.config_members["norm_groups"] = "";
    write_checkpoint(directory.path(), spec);
    const Outcome unsaid = adder_command({"convert", directory.path(), "--dry-run"});
    EXPECT_EQ(unsaid.code, 0);
    EXPECT_HAS(unsaid.err, "adder convert: warning: ");
    EXPECT_HAS(unsaid.err, "config.json: n_groups is 2.");
    EXPECT_HAS(unsaid.err, "add \"norm_groups\": 2 to the file");
    spec.config_members["norm_groups"] = "2";
    write_checkpoint(directory.path(), spec);
    const Outcome said = adder_command({"convert", directory.path(), "--dry-run"});
    EXPECT_EQ(said.code, 0);
    EXPECT_EQ(said.err.find("n_groups"), std::string::npos) << said.err;
}

// ---- Blobs ----------------------------------------------------------------------------------------------------------

TEST(Mamba2Blob, TellsItsDimensions) {
    adder_model model;
    const AlignedBytes &blob = small_blob("mamba2");
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    const std::map<std::string, uint32_t> dims = {{"d_inner", 32},     {"d_state", 4}, {"d_conv", 4},
                                                  {"dt_rank", 0},      {"n_head", 4},  {"n_group", 1},
                                                  {"n_norm_group", 1}, {"head_dim", 0}};
    for (const auto &[name, value] : dims) EXPECT_EQ(adder_model_dim(&model, 1, name.c_str()), value) << name;
    adder_model_info info;
    adder_model_get_info(&model, &info);
    const uint64_t layer = 16 + (64 + 12) * 16 + (64 + 12) + 40 * 4 + 40 + 4 + 4 + 4 + 32 + 16 * 32 + 16;
    EXPECT_EQ(info.parameters, 2 * 260 * 16 + 16 + 2 * layer);
    const uint64_t matrices = (64 + 24) * 16 + 16 * 32, scales = 64 + 24 + 16;
    const uint64_t vectors = 16 + 64 + 24 + 48 * 4 + 48 + 8 + 8 + 32 + 16;
    EXPECT_EQ(info.bytes_per_token,
              2 * (matrices + 4 * scales + 4 * vectors) + 4 * 16 + 264 * 16 + 4 * 264 + 16);
}

// What the ranges of Mamba-2's dimensions do not tell: 4 heads of 8 channels, one group, one group of the norm.
TEST(Mamba2Blob, DimensionsFitEachOther) {
    const auto refused = [&](std::initializer_list<std::pair<Dim, uint32_t>> dims, const char *item,
                             uint64_t found) {
        expect_refusal(
            small_blob("mamba2"),
            [&](AlignedBytes &blob) {
                for (const auto &[dim, value] : dims)
                    shapes_of(blob)[0].dim[static_cast<uint32_t>(dim)] = value;
            },
            ADDER_ERROR_CORRUPT, item, found, 0, 0);
    };
    const char *const heads = "number of heads, whose channels are a multiple of 8",
                      *const groups = "number of groups of heads",
                      *const norms = "number of groups of the norm, whose channels are a multiple of 8";
    for (const uint32_t n : {3u, 8u, 5u, 32u, 64u}) refused({{Dim::n_head, n}}, heads, n);
    refused({{Dim::d_inner, 36}}, heads, 4);
    for (const uint32_t n : {3u, 5u, 8u}) refused({{Dim::n_group, n}}, groups, n);
    refused({{Dim::d_inner, 8192}, {Dim::n_head, 1024}, {Dim::n_group, 1024}, {Dim::d_state, 129}}, groups,
            1024);
    for (const uint32_t n : {3u, 8u, 5u}) refused({{Dim::n_norm_group, n}}, norms, n);
}

// Both matrices of a Mamba-2 that take the normalized input take it in one form.
TEST(Mamba2Blob, MatricesOfOneInputAgreeAboutIt) {
    AlignedBytes sound = small_blob("mamba2");
    for (uint32_t block = 0; block < 2; ++block) {
        const uint32_t in_proj = blocks_of(sound)[block].first_tensor + 1, bcdt = in_proj + 2;
        ASSERT_EQ(tensors_of(sound)[in_proj].role, static_cast<uint16_t>(Role::in_proj));
        ASSERT_EQ(tensors_of(sound)[bcdt].role, static_cast<uint16_t>(Role::bcdt_proj));
        for (const uint32_t changed : {in_proj, bcdt}) {
            const auto refused = [&](const std::function<void(BlobTensor &)> &change, uint64_t first,
                                     uint64_t second) {
                expect_refusal(
                    sound, [&](AlignedBytes &blob) { change(tensors_of(blob)[changed]); }, ADDER_ERROR_CORRUPT,
                    "input, which others share, of tensor", changed == bcdt ? second : first,
                    changed == bcdt ? first : second, static_cast<int32_t>(bcdt));
            };
            const auto as = [](Input input) {
                return [=](BlobTensor &tensor) {
                    tensor.input = static_cast<uint8_t>(input);
                    tensor.input_bits = has_codes(input) ? 8 : 0;
                    tensor.input_scale = 0;
                };
            };
            refused(as(Input::floats), 2, 1);
            refused(as(Input::token), 2, 5);
            refused([](BlobTensor &tensor) { tensor.input_bits = 4; }, 2, 2);
            refused([](BlobTensor &tensor) { tensor.input_scale *= 2; }, 2, 2);
            refused([](BlobTensor &tensor) { tensor.input_scale /= 2; }, 2, 2);
        }
    }
}

}  // namespace
}  // namespace adder::test
