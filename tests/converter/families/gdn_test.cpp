// What of a Qwen3.5's config.json and tensors is read and refused.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "converter/base/error.h"
#include "converter/families/random_checkpoint.h"
#include "converter/model/checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/families.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

constexpr char type[] = "qwen3_5_text";

ModelShape read(const std::map<std::string, std::string> &members) { return read_config(type, members); }

std::string refusal(const std::string &key, const std::string &value) {
    return config_refusal(type, key, value);
}

std::string kinds_of(const ModelShape &model) {
    std::string kinds;
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockId kind = model.view(block).kind->id;
        kinds += kind == BlockId::gqa ? 'a' : kind == BlockId::gqa_mlp ? 'm' : 'g';
    }
    return kinds;
}

TEST(Qwen35Config, LayersByTheirTypesOrAnInterval) {
    EXPECT_EQ(kinds_of(read({{"layer_types", "[\"full_attention\", \"linear_attention\", \"linear_attention\", "
                                             "\"full_attention\"]"}})),
              "amgmgmam");
    EXPECT_EQ(kinds_of(read({{"layer_types", ""}})), "gmgmgmam");
    EXPECT_EQ(kinds_of(read({{"layer_types", ""}, {"full_attention_interval", "2"}})), "gmamgmam");
    EXPECT_NE(refusal("layer_types", "[\"linear_attention\"]").find("1 layers"), std::string::npos);
    EXPECT_NE(refusal("layer_types", "[\"mamba\", \"mamba\", \"mamba\", \"mamba\"]").find("\"mamba\""),
              std::string::npos);
}

TEST(Qwen35Config, HeadsHaveGatesAndTurnInPart) {
    const ModelShape model = read({{"head_dim", "32"}});
    const BlockView heads = model.view(2);
    EXPECT_EQ(heads.shape->flags, shape_turns | shape_head_norms | shape_gate);
    EXPECT_EQ(heads.dims[Dim::n_turn], 4u);
    // The object's factor stands before the one beside it, which older files have alone.
    const char *const rope =
        "{\"rope_theta\": 10000000.0, \"rope_type\": \"default\", \"mrope_section\": [2, 1, 1], "
        "\"mrope_interleaved\": true, \"partial_rotary_factor\": 0.5}";
    const ModelShape sections =
        read({{"head_dim", "32"}, {"partial_rotary_factor", "0.25"}, {"rope_parameters", rope}});
    EXPECT_EQ(sections.view(2).dims[Dim::n_turn], 8u);
    EXPECT_EQ(sections.rope_base, 10000000);
    const ModelShape older = read({{"head_dim", "32"}, {"rope_parameters", ""}, {"rope_theta", "5000"}});
    EXPECT_EQ(older.view(2).dims[Dim::n_turn], 4u);
    EXPECT_EQ(older.rope_base, 5000);
}

// As transformers writes a model that sees: the numbers of the text in an object of their own.
TEST(Qwen35Config, TheTextPartMayStandWithinAModelThatSees) {
    CheckpointSpec spec;
    spec.config.model_type = type;
    spec.config.n_layer = 4;
    const std::string text = config_text(spec);
    const auto whole = [&](const std::string &more) {
        return read_model_shape(
            Json::parse("{\"model_type\": \"qwen3_5\", \"text_config\": " + text + more + "}", "config.json"),
            "config.json");
    };
    const ModelShape model = whole(", \"vision_config\": {\"depth\": 12}");
    const ModelShape alone = read_model_shape(Json::parse(text, "config.json"), "config.json");
    ASSERT_EQ(model.shapes.size(), alone.shapes.size());
    for (size_t i = 0; i < model.shapes.size(); ++i)
        EXPECT_EQ(std::memcmp(&model.shapes[i], &alone.shapes[i], sizeof(BlobShape)), 0) << i;
    EXPECT_EQ(model.eos_token_ids, alone.eos_token_ids);
    EXPECT_EQ(model.bos_token_id, alone.bos_token_id);
    ASSERT_EQ(model.notes.size(), 1u);
    EXPECT_NE(model.notes[0].find("text part alone"), std::string::npos) << model.notes[0];
    EXPECT_TRUE(alone.notes.empty());
    EXPECT_TRUE(alone.tied);
    EXPECT_FALSE(whole(", \"tie_word_embeddings\": false").tied);  // the outer one counts
    EXPECT_EQ(whole(", \"eos_token_id\": 7").eos_token_ids, std::vector<uint32_t>{7});
    EXPECT_NE(error_of([&] {
                  const std::string quantized = "{\"quantization_config\": {}, " + text.substr(1);
                  read_model_shape(
                      Json::parse("{\"model_type\": \"qwen3_5\", \"text_config\": " + quantized + "}", "c"),
                      "c");
              }).find("text_config: quantization_config"),
              std::string::npos);
}

TEST(Qwen35Config, WhatIsNotComputedIsNamed) {
    for (const auto &[key, value] : {std::pair<const char *, const char *>{"attention_bias", "true"},
                                     {"attn_output_gate", "false"},
                                     {"rope_scaling", "{}"},
                                     {"hidden_act", "\"gelu\""},
                                     {"num_experts", "8"},
                                     {"linear_num_key_heads", "0"},
                                     {"linear_value_head_dim", "200000"},
                                     {"rms_norm_eps", "0"}})
        EXPECT_NE(refusal(key, value).find(key), std::string::npos) << key << ": " << refusal(key, value);
    EXPECT_NE(refusal("model_type", "\"qwen3_5_moe_text\"").find("experts"), std::string::npos);
    EXPECT_NE(refusal("linear_num_key_heads", "3").find("3 cannot be the number of groups of heads"),
              std::string::npos);
    EXPECT_NE(refusal("linear_key_head_dim", "12").find("12 cannot be the width of keys"), std::string::npos);
    EXPECT_NE(refusal("linear_value_head_dim", "12").find("a multiple of 8"), std::string::npos);
}

TEST(Qwen35Config, LayersWithoutExpertsMayBeAllThatThereAre) {
    const std::string next = "\"qwen3_next\"";
    EXPECT_EQ(kinds_of(read({{"model_type", next}, {"num_experts", "4"}, {"mlp_only_layers", "[0, 1, 2, 3]"}})),
              "gmamgmam");
    EXPECT_EQ(kinds_of(read({{"model_type", next}, {"num_experts", "4"}, {"decoder_sparse_step", "5"}})),
              "gmamgmam");
    EXPECT_EQ(kinds_of(read({{"model_type", next}, {"num_experts", "0"}})), "gmamgmam");
    EXPECT_NE(refusal("model_type", next).find("num_experts is 512: layer 0"), std::string::npos);
    EXPECT_NE(error_of([&] {
                  read({{"model_type", next}, {"num_experts", "4"}, {"mlp_only_layers", "[0, 1, 3]"}});
              }).find("num_experts is 4: layer 2"),
              std::string::npos);
}

TEST(Qwen35Config, TheWholeNumberIsReadBack) {
    for (const char *name : {"qwen3.5-0.8b", "qwen3.5-2b", "qwen3.5:64,5,77", "qwen3.5:40,1,77"}) {
        const ModelShape model = shape_like(name);
        JsonWriter json;
        json.begin_object();
        model.family->write_config(model, &json);
        json.key("bos_token_id").value(0).end_object();
        const ModelShape found = read_model_shape(Json::parse(json.text(), name), name);
        ASSERT_EQ(found.shapes.size(), model.shapes.size()) << name;
        for (size_t i = 0; i < found.shapes.size(); ++i)
            EXPECT_EQ(std::memcmp(&found.shapes[i], &model.shapes[i], sizeof(BlobShape)), 0) << name << i;
        EXPECT_EQ(found.rope_base, model.rope_base);
        EXPECT_EQ(found.tied, model.tied);
    }
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

CheckpointSpec checkpoint_of() {
    CheckpointSpec spec;
    spec.config.model_type = type;
    spec.config.d_model = 24;
    spec.config.d_inner = 32;  // four heads of 8 values
    spec.config.d_state = 16;
    spec.config.norm_groups = 2;
    spec.config.n_head = 2;
    spec.config.head_dim = 8;
    return spec;
}

const Tensor &named(const std::vector<Tensor> &tensors, const std::string &name) {
    for (const Tensor &tensor : tensors)
        if (tensor.name == name) return tensor;
    throw std::runtime_error(name + " is not there");
}

// The same weights in Qwen3-Next's layout: for each head of keys its q, k, v and z, and its b and a.
void join_heads(std::vector<Tensor> &tensors) {
    constexpr uint32_t keys = 16, values = 16, heads = 2;  // of a head of keys: two heads of 8 values
    const std::string mixer = "model.layers.0.linear_attn.";
    const size_t row = size_t{4} * 24;
    const auto rows = [&](const char *name, size_t first, size_t count) {
        return named(tensors, mixer + name).data.substr(first * row, count * row);
    };
    std::string qkvz, ba;
    for (uint32_t i = 0; i < 2; ++i) {
        qkvz += rows("in_proj_qkv.weight", keys * i, keys);
        qkvz += rows("in_proj_qkv.weight", 2 * keys + keys * i, keys);
        qkvz += rows("in_proj_qkv.weight", 4 * keys + values * i, values);
        qkvz += rows("in_proj_z.weight", values * i, values);
        ba += rows("in_proj_b.weight", heads * i, heads);
        ba += rows("in_proj_a.weight", heads * i, heads);
    }
    std::vector<Tensor> joined;
    for (const Tensor &tensor : tensors)
        if (tensor.name.find("linear_attn.in_proj_") == std::string::npos) joined.push_back(tensor);
    joined.push_back({mixer + "in_proj_qkvz.weight", DType::f32, {128, 24}, qkvz});
    joined.push_back({mixer + "in_proj_ba.weight", DType::f32, {8, 24}, ba});
    tensors = std::move(joined);
}

// Calls body with every tensor of both, as the library takes it.
void expect_equal_weights(const Checkpoint &a, const Checkpoint &b) {
    const ModelShape &shape = a.shape();
    ASSERT_EQ(shape.block_count(), b.shape().block_count());
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        const BlockView view = shape.view(block);
        for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
            if (!is_present(view.kind->tensors[i], view.shape->flags)) continue;
            const Role role = view.kind->tensors[i].role;
            EXPECT_EQ(a.read(role, block).values, b.read(role, block).values)
                << block << ", role " << static_cast<int>(role);
        }
    }
}

TEST(Qwen35Tensors, JoinedProjectionsAreTheSame) {
    const TemporaryDirectory apart, joined;
    CheckpointSpec spec = checkpoint_of();
    write_checkpoint(apart.path(), spec);
    const std::vector<Tensor> tensors = checkpoint_tensors(spec);
    spec.edit_tensors = [&](std::vector<Tensor> &all) {
        all = tensors;
        join_heads(all);
    };
    spec.config_members = {{"model_type", "\"qwen3_next\""}, {"num_experts", "0"}};
    write_checkpoint(joined.path(), spec);
    expect_equal_weights(Checkpoint(apart.path()), Checkpoint(joined.path()));
}

TEST(Qwen35Tensors, OfAModelThatSeesThoseOfTheTextAreRead) {
    const TemporaryDirectory plain, sees;
    CheckpointSpec spec = checkpoint_of();
    write_checkpoint(plain.path(), spec);
    spec.edit_tensors = [](std::vector<Tensor> &tensors) {
        for (Tensor &tensor : tensors)
            if (tensor.name.compare(0, 6, "model.") == 0) tensor.name.insert(6, "language_model.");
        for (const char *other :
             {"model.visual.blocks.0.attn.qkv.weight", "mtp.layers.0.mlp.up_proj.weight", "mtp"})
            tensors.push_back(make_tensor(other, DType::f32, {2}, {1, 2}));
    };
    write_checkpoint(sees.path(), spec);
    const Checkpoint checkpoint(sees.path());
    EXPECT_EQ(checkpoint.unused_tensors(), std::vector<std::string>{"mtp"});  // which is no part of either
    expect_equal_weights(Checkpoint(plain.path()), checkpoint);
}

// Rows of q and of its gate in turns, by heads; norms that are 1 + w, but for one; lengths of queries and keys.
TEST(Qwen35Tensors, StandAsTheLibraryTakesThem) {
    const TemporaryDirectory directory;
    const CheckpointSpec spec = checkpoint_of();
    write_checkpoint(directory.path(), spec);
    const std::vector<Tensor> tensors = checkpoint_tensors(spec);
    const Checkpoint checkpoint(directory.path());
    const auto floats = [&](const std::string &name) {
        const std::string &data = named(tensors, "model.layers." + name).data;
        std::vector<float> values(data.size() / 4);
        std::memcpy(values.data(), data.data(), data.size());
        return values;
    };
    const std::vector<float> q = floats("1.self_attn.q_proj.weight");
    const size_t head = size_t{8} * 24;
    EXPECT_EQ(checkpoint.read(Role::q_proj, 2).values[head], q[2 * head]);
    EXPECT_EQ(checkpoint.read(Role::g_proj, 2).values[0], q[head]);
    EXPECT_EQ(checkpoint.read(Role::g_proj, 2).values[head + 5], q[3 * head + 5]);
    EXPECT_EQ(checkpoint.read(Role::norm, 0).values[3], floats("0.input_layernorm.weight")[3] + 1);
    EXPECT_EQ(checkpoint.read(Role::norm, 1).values[3], floats("0.post_attention_layernorm.weight")[3] + 1);
    EXPECT_EQ(checkpoint.read(Role::k_norm, 2).values[3], floats("1.self_attn.k_norm.weight")[3] + 1);
    const std::vector<float> gate_norm = checkpoint.read(Role::gate_norm, 0).values,
                             one = floats("0.linear_attn.norm.weight");
    ASSERT_EQ(gate_norm.size(), 32u);
    for (size_t i = 0; i < gate_norm.size(); ++i) EXPECT_EQ(gate_norm[i], one[i % 8]);
    EXPECT_EQ(checkpoint.read(Role::q_norm, 0).values, std::vector<float>(16, 1.0f / 16));
    EXPECT_EQ(checkpoint.read(Role::k_norm, 0).values, std::vector<float>(16, 1.0f / 4));
    // a, then b, of which dt_bias is a's alone.
    const std::vector<float> ab = checkpoint.read(Role::ab_proj, 0).values;
    EXPECT_EQ(ab[0], floats("0.linear_attn.in_proj_a.weight")[0]);
    EXPECT_EQ(ab[size_t{4} * 24], floats("0.linear_attn.in_proj_b.weight")[0]);
    const std::vector<float> bias = checkpoint.read(Role::ab_bias, 0).values;
    EXPECT_EQ(bias[1], floats("0.linear_attn.dt_bias")[1]);
    EXPECT_EQ(std::vector<float>(bias.begin() + 4, bias.end()), std::vector<float>(4, 0.0f));
    // v first, then q and k.
    EXPECT_EQ(checkpoint.read(Role::in_proj, 0).values[0],
              floats("0.linear_attn.in_proj_qkv.weight")[64 * 24]);
    EXPECT_EQ(checkpoint.read(Role::conv_weight, 0).values[0], floats("0.linear_attn.conv1d.weight")[64 * 4]);
}

}  // namespace
}  // namespace adder::test
