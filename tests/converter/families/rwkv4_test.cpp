// RWKV-4: config.json, files that come without one, and the equations, against a plain program of them.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "converter/base/file.h"
#include "converter/model/checkpoint.h"
#include "tests/converter/families/config_fixture.h"
#include "tests/converter/families/plain_rwkv.h"
#include "tests/support/blob_builder.h"
#include "tests/support/error_of.h"
#include "tests/support/families.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

constexpr char config[] =
    R"({"model_type": "rwkv", "hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 50})";

TEST(Rwkv4, LayersAreTwoBlocks) {
    const ModelShape shape = read_model_shape(Json::parse(config, "config.json"), "config.json");
    ASSERT_EQ(shape.block_count(), 4u);
    for (uint32_t block = 0; block < 4; ++block) {
        EXPECT_EQ(shape.view(block).kind->id, block % 2 == 0 ? BlockId::rwkv4 : BlockId::rwkv_ffn);
        EXPECT_EQ(shape.blocks[block].layer, block / 2);
    }
    EXPECT_TRUE(shape.layer_norm);
    EXPECT_FALSE(shape.tied);
    EXPECT_EQ(shape.view(1).dims[Dim::d_ffn], 256u);
}

TEST(Rwkv4, WhatIsNotComputedIsRefusedByName) {
    const struct {
        const char *key, *value, *words;
    } wrong[] = {{"tie_word_embeddings", "true", "tie_word_embeddings is true"},
                 {"attention_hidden_size", "128", "attention_hidden_size is 128; hidden_size, 64, is needed"},
                 {"hidden_size", "60", "hidden_size is 60; a multiple of 8 is needed"}};
    for (const auto &one : wrong) EXPECT_HAS(refused(with(config, one.key, one.value)), one.words);
}

// The tensors of a checkpoint by the names that BlinkDL gives them.
std::string theirs(std::string name) {
    const auto replace = [&](const std::string &from, const std::string &to) {
        if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
    };
    replace("rwkv.embeddings.", "emb.");
    replace("rwkv.ln_out", "ln_out");
    replace("rwkv.blocks.", "blocks.");
    replace("pre_ln", "ln0");
    replace("attention.", "att.");
    replace("feed_forward.", "ffn.");
    replace("mix_key", "mix_k");
    replace("mix_value", "mix_v");
    replace("mix_receptance", "mix_r");
    return name;
}

CheckpointSpec toy() {
    CheckpointSpec spec;
    spec.config.model_type = "rwkv";
    spec.config.d_model = 24;
    spec.config.d_inner = 37;
    spec.config.n_layer = 3;
    spec.config.vocab_size = 31;
    spec.scale = 0.8f;
    return spec;
}

TEST(Rwkv4, TheAuthorsFilesNeedNoConfig) {
    const TemporaryDirectory theirs_here, ours_here;
    CheckpointSpec spec = toy();
    write_checkpoint(ours_here.path(), spec);
    spec.edit_tensors = [](std::vector<Tensor> &tensors) {
        for (Tensor &tensor : tensors) tensor.name = theirs(tensor.name);
    };
    const std::vector<Tensor> tensors = checkpoint_tensors(spec);
    write_text(theirs_here.file("model.safetensors"), safetensors_file(tensors));
    const Checkpoint found(theirs_here.path()), expected(ours_here.path());
    EXPECT_EQ(found.shape().family, expected.shape().family);
    EXPECT_EQ(found.shape().n_layer, 3u);
    EXPECT_EQ(found.shape().view(1).dims[Dim::d_ffn], 37u);
    for (const Role role : {Role::norm, Role::mix_r, Role::time_vectors, Role::out_proj})
        EXPECT_EQ(found.read(role, 2).values, expected.read(role, 2).values);
    for (const Role role : {Role::norm, Role::mix_ffn_r, Role::ffn_receptance, Role::ffn_value})
        EXPECT_EQ(found.read(role, 3).values, expected.read(role, 3).values);

    // A tensor that no RWKV-4 has.
    std::vector<Tensor> more = tensors;
    more.push_back(make_tensor("blocks.1.att.time_other", DType::f32, {1}, {0}));
    write_text(theirs_here.file("model.safetensors"), safetensors_file(more));
    EXPECT_HAS(error_of([&] { const Checkpoint checkpoint(theirs_here.path()); }),
               "tensor \"blocks.1.att.time_other\" is of a variant of RWKV-4, which is not supported");
}

// Decays of any size are finite numbers, and mixtures are exact halves of 1.
TEST(Rwkv4, VectorsAreMadeInDoublePrecision) {
    const TemporaryDirectory directory;
    CheckpointSpec spec = toy();
    spec.edit = [](const std::string &name, std::vector<float> &values) {
        if (name.find("time_decay") != std::string::npos) {
            values[0] = 1000;
            values[1] = -1000;
            values[2] = 0;
        }
        if (name.find("time_mix_key") != std::string::npos) values[0] = 0.25f;
    };
    write_checkpoint(directory.path(), spec);
    const Checkpoint checkpoint(directory.path());
    const DenseTensor vectors = checkpoint.read(Role::time_vectors, 0);
    EXPECT_EQ(vectors.values[0], -1e5f);
    EXPECT_EQ(vectors.values[2], 0.0f);
    EXPECT_FLOAT_EQ(vectors.values[4], -1.4426950f);
    const DenseTensor mix = checkpoint.read(Role::mix_k, 0);
    EXPECT_EQ(mix.values[0], 1.0f);
    EXPECT_EQ(mix.values[1], 0.75f);
}

// The equations of the paper (arXiv 2305.13048), with sums of exponentials as they stand there: nothing is scaled.
class Plain final : public PlainRwkv {
  public:
    explicit Plain(const CheckpointSpec &spec)
        : PlainRwkv(spec), above_(spec.config.n_layer, Vector(width_)), below_(above_) {}

  private:
    Vector time_mix(size_t layer, const Vector &n, const std::string &name) override {
        const Vector k = projected(layer, n, name, "key"), v = projected(layer, n, name, "value"),
                     r = projected(layer, n, name, "receptance");
        Vector y(n.size());
        for (size_t i = 0; i < n.size(); ++i) {
            double &above = above_[layer][i], &below = below_[layer][i];
            const double now = std::exp(model_.get(name + "time_first")[i] + k[i]);
            y[i] = logistic(r[i]) * (above + now * v[i]) / (below + now);
            const double decay = std::exp(-std::exp(model_.get(name + "time_decay")[i]));
            above = decay * above + std::exp(k[i]) * v[i];
            below = decay * below + std::exp(k[i]);
        }
        return model_.product(name + "output.weight", y);
    }
    std::vector<Vector> above_, below_;  // of each layer
};

TEST(Rwkv4, FloatBlobsComputeTheEquations) {
    Plain plain(toy());
    expect_equations(toy(), &plain, 1e-5);
}

// Keys so large that their exponentials are not, and so small that only their differences count: means of values they are anyway.
TEST(Rwkv4, KeysOfAnySizeMakeMeans) {
    BlobSpec spec;
    spec.checkpoint = toy();
    spec.recipe = recipe_named("float");
    for (const float factor : {1e3f, -1e3f}) {
        spec.checkpoint.edit = [&](const std::string &name, std::vector<float> &values) {
            if (name.find("attention.key") != std::string::npos)
                for (float &value : values) value *= factor;
        };
        const AlignedBytes blob = build_blob(spec);
        TestSession session(blob);
        for (const int32_t token : random_tokens(20, spec.checkpoint.config.vocab_size, 3))
            for (const float logit : session.step(token)) ASSERT_LT(std::fabs(logit), 1e3f);
    }
}

}  // namespace
}  // namespace adder::test
