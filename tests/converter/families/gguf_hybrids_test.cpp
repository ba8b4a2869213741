// Hybrids in GGUF files, made of transformers' checkpoints as llama.cpp's converters make them: every tensor is the
// checkpoint's.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "converter/base/error.h"
#include "converter/model/checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

// A decay's logarithm is in such a file as a decay, rounded; a multiplier of Falcon-H1 has been rounded into its
// weights.
float tolerance(const std::string &model, Role role) {
    if (model.find("falcon_h1") != std::string::npos) return 4e-7f;
    return role == Role::A2 ? 2e-7f : 0;
}

void expect_near(const std::vector<float> &found, const std::vector<float> &expected, float relative,
                 const std::string &name) {
    ASSERT_EQ(found.size(), expected.size()) << name;
    for (size_t i = 0; i < found.size(); ++i)
        ASSERT_LE(std::fabs(found[i] - expected[i]), relative * std::fabs(expected[i]))
            << name << " at " << i << ": " << found[i] << " for " << expected[i];
}

class GgufHybrids : public testing::TestWithParam<const char *> {};

TEST_P(GgufHybrids, TensorsAreThoseOfTheFolder) {
    const std::string model = GetParam(), folder = model_directory("conformance/" + model);
    if (folder.empty()) GTEST_SKIP() << shared_missing;
    TemporaryDirectory directory;
    write_text(directory.file("m.gguf"), gguf_of_folder(folder).bytes());
    const Checkpoint gguf(directory.file("m.gguf")), plain(folder);
    EXPECT_TRUE(gguf.unused_tensors().empty());
    const ModelShape &shape = gguf.shape(), &other = plain.shape();
    ASSERT_EQ(shape.block_count(), other.block_count());
    EXPECT_EQ(shape.tied, other.tied);
    EXPECT_EQ(shape.norm_epsilon, other.norm_epsilon);
    EXPECT_EQ(shape.rope_base, other.rope_base);
    const bool norms_are_one = model == "granitemoehybrid_nope" || model == "bamba";  // transformers'
    const bool folded = model.find("falcon_h1") != std::string::npos;
    EXPECT_EQ(shape.embedding_scale, folded ? 1 : other.embedding_scale);
    EXPECT_EQ(shape.logit_scale, folded ? 1 : other.logit_scale);
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        BlobShape a = *shape.view(block).shape, b = *other.view(block).shape;
        // llama.cpp has no end where there is no rope, and a norm for each group.
        for (BlobShape *one : {&a, &b}) {
            if (one->kind == static_cast<uint16_t>(BlockId::gqa)) dim_of(*one, Dim::context) = 0;
            if (one->kind == static_cast<uint16_t>(BlockId::mamba2) && norms_are_one)
                dim_of(*one, Dim::n_norm_group) = 1;
        }
        EXPECT_EQ(std::memcmp(&a, &b, sizeof a), 0) << block;
        const BlockView view = shape.view(block);
        for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
            const Role role = view.kind->tensors[i].role;
            if (!is_present(view.kind->tensors[i], view.shape->flags)) continue;
            expect_near(gguf.read(role, block).values, plain.read(role, block).values, tolerance(model, role),
                        gguf.tensor_name(role, block));
        }
    }
    std::vector<float> a(shape.d_model), b(shape.d_model);
    for (const uint32_t token : {0u, 7u, 255u}) {
        gguf.embed_row(token, a.data());
        plain.embed_row(token, b.data());
        expect_near(a, b, tolerance(model, Role::embedding), "embedding");
    }
    if (!folded)
        expect_near(gguf.read(Role::final_norm, no_block).values,
                    plain.read(Role::final_norm, no_block).values, 0, "final norm");
}

INSTANTIATE_TEST_SUITE_P(All, GgufHybrids,
                         testing::Values("granitemoehybrid_nope", "granitemoehybrid_rope", "bamba", "lfm2",
                                         "falcon_h1", "falcon_h1_norm", "nemotron_h", "qwen3_5"),
                         [](const auto &one) { return std::string(one.param); });

// Opens a file of this type after a change to it.
void open(const char *model_type, const std::function<void(GgufBuilder &)> &change) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.model_type = model_type;
    spec.config.n_layer = 3;
    spec.config.d_model = 32;
    spec.config.head_dim = 8;
    GgufBuilder built = gguf_checkpoint(spec);
    change(built);
    write_text(directory.file("m.gguf"), built.bytes());
    EXPECT_TRUE(Checkpoint(directory.file("m.gguf")).unused_tensors().empty());
}

std::string opening_error(const char *model_type, const std::function<void(GgufBuilder &)> &change) {
    return error_of([&] { open(model_type, change); });
}

// A key in the place of the one that is there.
std::function<void(GgufBuilder &)> with(const std::string &key,
                                        const std::function<void(GgufBuilder &)> &change) {
    return [=](GgufBuilder &file) {
        file.drop(key);
        change(file);
    };
}

TEST(GgufHybrid, SoundFilesOpen) {
    for (const char *type : {"granitemoehybrid", "bamba", "falcon_h1", "nemotron_h", "lfm2", "qwen3_5_text"})
        open(type, [](GgufBuilder &) {});
    // Newer files of LFM2 name the final norm as others do.
    open("lfm2", [](GgufBuilder &file) { file.find("token_embd_norm.weight").name = "output_norm.weight"; });
    open("falcon_h1", [](GgufBuilder &file) { file.find("blk.1.ffn_norm").name += ".weight"; });
    open("lfm2", [](GgufBuilder &file) { file.string("lfm2.rope.scaling.type", "none"); });
}

TEST(GgufHybrid, WhatIsNotSupportedIsNamed) {
    EXPECT_HAS(opening_error("granitemoehybrid",
                             with("granitehybrid.expert_count",
                                  [](GgufBuilder &file) { file.u32("granitehybrid.expert_count", 4); })),
               "m.gguf: granitehybrid.expert_count is 4; mixtures of experts are not supported");
    EXPECT_HAS(opening_error("lfm2", [](GgufBuilder &file) { file.u32("lfm2.attention.sliding_window", 128); }),
               "lfm2.attention.sliding_window is 128; 0 is needed");
    EXPECT_HAS(opening_error("lfm2", [](GgufBuilder &file) { file.boolean("lfm2.attention.causal", false); }),
               "lfm2.attention.causal is false; true is needed");
    EXPECT_HAS(opening_error("falcon_h1",
                             [](GgufBuilder &file) { file.string("falcon-h1.rope.scaling.type", "yarn"); }),
               "falcon-h1.rope.scaling.type is \"yarn\"; angles that are scaled are not supported");
    EXPECT_HAS(opening_error("falcon_h1",
                             [](GgufBuilder &file) {
                                 file.tensor("rope_freqs.weight", 0, {4}, std::string(16, '\0'));
                             }),
               "comes with a tensor \"rope_freqs.weight\", which is not supported");
    EXPECT_HAS(opening_error(
                   "falcon_h1",
                   [](GgufBuilder &file) { file.tensor("blk.1.ssm_in.bias", 0, {1}, std::string(4, '\0')); }),
               "mamba_proj_bias is true, which is not supported");
    EXPECT_HAS(opening_error("lfm2",
                             [](GgufBuilder &file) {
                                 file.tensor("blk.0.shortconv.conv.bias", 0, {32}, std::string(128, '\0'));
                             }),
               "conv_bias is true, which is not supported");
    EXPECT_HAS(opening_error("nemotron_h",
                             [](GgufBuilder &file) {
                                 file.tensor("blk.1.attn_q.bias", 0, {32}, std::string(128, '\0'));
                             }),
               "attention_bias is true, which is not supported");
}

TEST(GgufHybrid, ListsOfLayersAreChecked) {
    const auto heads = [](const char *type, const std::vector<int32_t> &list) {
        const std::string key = gguf_architecture(type) + ".attention.head_count_kv";
        return opening_error(type, with(key, [=](GgufBuilder &file) { file.integers(key, list); }));
    };
    EXPECT_HAS(heads("lfm2", {0, 1}), "m.gguf: lfm2.attention.head_count_kv has 2 elements; block_count is 3");
    EXPECT_HAS(heads("lfm2", {0, 1, 2}),
               "lfm2.attention.head_count_kv has 1 and 2; one number for all layers that have any is needed");
    EXPECT_HAS(heads("lfm2", {0, -1, 0}),
               "lfm2.attention.head_count_kv has -1; an integer from 0 to 2147483647");
    EXPECT_HAS(heads("granitemoehybrid", {1, 0, 0}),
               "has no tensor \"model.layers.0.self_attn.q_proj.weight\"");
    EXPECT_HAS(heads("nemotron_h", {0, 1, 1}),
               "nemotron_h.feed_forward_length is 32 in layer 2, which has 1 heads of keys");
    EXPECT_HAS(opening_error("granitemoehybrid",
                             with("granitehybrid.ssm.time_step_rank",
                                  [](GgufBuilder &file) { file.u32("granitehybrid.ssm.time_step_rank", 5); })),
               "granitehybrid.ssm.time_step_rank is 5; a number is needed that divides ssm.inner_size, 32");
    EXPECT_HAS(opening_error("falcon_h1", with("falcon-h1.attention.value_length",
                                               [](GgufBuilder &file) {
                                                   file.u32("falcon-h1.attention.value_length", 16);
                                               })),
               "falcon-h1.attention.value_length is 16; 8 is needed");
}

// ---- Qwen3.5 --------------------------------------------------------------------------------------------------------

CheckpointSpec qwen35(uint32_t key_heads, bool tied, bool further) {
    CheckpointSpec spec;
    spec.config.model_type = "qwen3_5_text";
    spec.config.n_layer = 3;
    spec.config.d_model = 40;
    spec.config.d_inner = 64;  // 8 heads of values
    spec.config.head_dim = 8;
    spec.config.norm_groups = key_heads;
    spec.config.tie_word_embeddings = tied;
    spec.edit = [](const std::string &name, std::vector<float> &values) {
        round_decays(name, values);
        if (name.find("norm.weight") != std::string::npos)
            for (size_t i = 0; i < values.size(); ++i) values[i] += 0.01f * static_cast<float>(i);
    };
    if (!further) return spec;
    spec.config_members["mtp_num_hidden_layers"] = "1";
    spec.edit_tensors = [](std::vector<Tensor> &tensors) {
        const std::vector<float> values(40 * 80, 0.5f);
        tensors.push_back(make_tensor("mtp.fc.weight", DType::f32, {40, 80}, values));
        for (const char *norm :
             {"norm", "pre_fc_norm_hidden", "pre_fc_norm_embedding", "layers.0.input_layernorm"})
            tensors.push_back(make_tensor(std::string("mtp.") + norm + ".weight", DType::f32, {40},
                                          std::vector<float>(40, 0.5f)));
        tensors.push_back(make_tensor("mtp.layers.0.mlp.up_proj.weight", DType::f32, {80, 40}, values));
    };
    return spec;
}

// Of 8 heads of values, with so many heads of keys; a head of its own or the embedding; with layers that guess a further token.
struct Qwen35File {
    uint32_t key_heads;
    bool tied, further;
};

TEST(GgufQwen35, TensorsAreThoseOfTheFolderWhateverTheHeads) {
    for (const Qwen35File &one :
         {Qwen35File{1, true, false}, {2, false, true}, {4, true, true}, {4, false, false}, {8, false, true}}) {
        SCOPED_TRACE(one.key_heads);
        TemporaryDirectory directory;
        const CheckpointSpec spec = qwen35(one.key_heads, one.tied, one.further);
        write_checkpoint(directory.path(), spec);
        write_text(directory.file("m.gguf"), gguf_checkpoint(spec).bytes());
        const Checkpoint gguf(directory.file("m.gguf")), plain(directory.path());
        const ModelShape &shape = gguf.shape();
        ASSERT_EQ(shape.block_count(), plain.shape().block_count());
        EXPECT_EQ(shape.tied, one.tied);
        for (const Checkpoint *checkpoint : {&gguf, &plain}) {
            EXPECT_TRUE(checkpoint->unused_tensors().empty());
            const std::vector<std::string> &notes = checkpoint->shape().notes;
            ASSERT_EQ(notes.size(), one.further ? 1u : 0u);
            if (one.further) {
                EXPECT_HAS(notes[0], "mtp_num_hidden_layers is 1: what guesses a further token was left out");
            }
        }
        for (uint32_t block = 0; block < shape.block_count(); ++block) {
            const BlockView view = shape.view(block), other = plain.shape().view(block);
            EXPECT_EQ(std::memcmp(view.shape, other.shape, sizeof(BlobShape)), 0) << block;
            for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
                const Role role = view.kind->tensors[i].role;
                if (!is_present(view.kind->tensors[i], view.shape->flags)) continue;
                EXPECT_EQ(gguf.read(role, block).values, plain.read(role, block).values)
                    << gguf.tensor_name(role, block);
            }
        }
        for (const Role role : {Role::embedding, Role::final_norm, Role::head})
            EXPECT_EQ(gguf.read(role, no_block).values, plain.read(role, no_block).values);
    }
}

// The kinds of a file's layers after a change to it: g for Gated DeltaNet, a for attention.
std::string layers_of(const std::function<void(GgufBuilder &)> &change) {
    TemporaryDirectory directory;
    CheckpointSpec spec = qwen35(2, true, true);
    GgufBuilder built = gguf_checkpoint(spec);
    change(built);
    write_text(directory.file("m.gguf"), built.bytes());
    const Checkpoint checkpoint(directory.file("m.gguf"));
    const ModelShape &shape = checkpoint.shape();
    std::string all;
    for (uint32_t block = 0; block < shape.block_count(); block += 2)
        all += shape.view(block).kind->id == BlockId::gdn ? 'g' : 'a';
    return all;
}

TEST(GgufQwen35, LayersAreListedOrComeEverySoOften) {
    const char *const list = "qwen35.attention.recurrent_layers", *const every =
                                                                      "qwen35.full_attention_interval";
    EXPECT_EQ(layers_of([](GgufBuilder &) {}), "gag");  // whatever the interval, which is 4
    EXPECT_EQ(layers_of(with(list, [&](GgufBuilder &file) { file.integers(list, {1, 0, 1, 0}); })), "gag");
    EXPECT_EQ(layers_of(with(list,
                             [&](GgufBuilder &file) {
                                 file.drop(every);
                                 file.u32(every, 2);
                             })),
              "gag");
    const auto error = [&](const std::function<void(GgufBuilder &)> &change) {
        return error_of([&] { layers_of(change); });
    };
    // 4, as without the key: no layer attends, but the second has no tensors of a mixer.
    EXPECT_HAS(error(with(list, [&](GgufBuilder &file) { file.drop(every); })),
               "has no tensor \"model.layers.1.linear_attn.in_proj_qkv.weight\"");
    EXPECT_HAS(error(with(list,
                          [&](GgufBuilder &file) {
                              file.drop(every);
                              file.u32(every, 0);
                          })),
               "m.gguf, as a config.json: full_attention_interval is 0");
    EXPECT_HAS(error(with(list,
                          [&](GgufBuilder &file) {
                              file.booleans(list, {true, false, true});
                          })),
               "m.gguf: qwen35.attention.recurrent_layers has 3 elements; block_count is 4");
    EXPECT_HAS(error(with(list, [&](GgufBuilder &file) { file.u32(list, 1); })),
               "qwen35.attention.recurrent_layers is uint32; an array of booleans is needed");
    EXPECT_HAS(error(with(list,
                          [&](GgufBuilder &file) {
                              file.numbers(list, {1, 0, 1, 0});
                          })),
               "qwen35.attention.recurrent_layers is an array of ");
    const char *const further = "qwen35.nextn_predict_layers";
    EXPECT_HAS(error(with(further, [&](GgufBuilder &file) { file.u32(further, 4); })),
               "m.gguf: qwen35.nextn_predict_layers is 4; less than block_count, 4, is needed");
    // Without the key the fourth layer is one of the model.
    EXPECT_HAS(error([&](GgufBuilder &file) { file.drop(further); }), "has no tensor \"model.layers.3.");
}

TEST(GgufQwen35, ChannelsTurnAsTheFileSays) {
    const char *const key = "qwen35.rope.dimension_count";
    const auto turning = [&](const std::function<void(GgufBuilder &)> &change) {
        TemporaryDirectory directory;
        GgufBuilder built = gguf_checkpoint(qwen35(2, true, false));
        built.drop(key);
        change(built);
        write_text(directory.file("m.gguf"), built.bytes());
        return Checkpoint(directory.file("m.gguf")).shape().view(2).dims[Dim::n_turn];
    };
    EXPECT_EQ(turning([&](GgufBuilder &file) { file.u32(key, 2); }), 1u);
    EXPECT_EQ(turning([&](GgufBuilder &file) { file.u32(key, 8); }), 4u);
    EXPECT_EQ(turning([](GgufBuilder &) {}),
              4u);  // llama.cpp's default is all, not the quarter of transformers
    for (const uint32_t count : {0u, 3u, 10u})
        EXPECT_HAS(error_of([&] { turning([&](GgufBuilder &file) { file.u32(key, count); }); }),
                   "partial_rotary_factor");
}

TEST(GgufQwen35, WhatIsNotSupportedIsNamed) {
    const auto error = [](const std::string &key, uint32_t value) {
        return opening_error("qwen3_5_text", with(key, [&](GgufBuilder &file) { file.u32(key, value); }));
    };
    EXPECT_HAS(error("qwen35.expert_count", 8), "expert_count is 8; mixtures of experts are not supported");
    EXPECT_HAS(error("qwen35.ssm.time_step_rank", 3),
               "qwen35.ssm.time_step_rank is 3; a number is needed that divides ssm.inner_size, 32");
    EXPECT_HAS(error("qwen35.ssm.time_step_rank", 0), "qwen35.ssm.time_step_rank is 0; a number is needed");
    EXPECT_HAS(error("qwen35.ssm.group_count", 3), "3 cannot be the number of groups of heads");
    EXPECT_HAS(error("qwen35.ssm.group_count", 0), "linear_num_key_heads is 0");
    EXPECT_HAS(error("qwen35.ssm.state_size", 16), "has shape ");
    for (const char *key : {"ssm.conv_kernel", "ssm.state_size", "ssm.group_count", "ssm.time_step_rank",
                            "ssm.inner_size", "attention.layer_norm_rms_epsilon", "context_length"})
        EXPECT_HAS(opening_error("qwen3_5_text",
                                 [&](GgufBuilder &file) { file.drop(std::string("qwen35.") + key); }),
                   std::string("m.gguf: qwen35.") + key + " is missing");
    EXPECT_HAS(opening_error("qwen3_5_text",
                             [](GgufBuilder &file) { file.string("qwen35.rope.scaling.type", "yarn"); }),
               "qwen35.rope.scaling.type is \"yarn\"; angles that are scaled are not supported");
    EXPECT_HAS(opening_error("qwen3_5_text",
                             [](GgufBuilder &file) {
                                 file.tensor("blk.1.attn_q.bias", 0, {64}, std::string(256, '\0'));
                             }),
               "attention_bias is true, which is not supported");
}

}  // namespace
}  // namespace adder::test
