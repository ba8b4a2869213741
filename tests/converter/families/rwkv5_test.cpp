// RWKV-5: config.json, files that come without one, and the equations, against a plain program of them.
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
    R"({"model_type": "rwkv5", "hidden_size": 128, "num_hidden_layers": 2, "vocab_size": 50})";

TEST(Rwkv5, LayersAreTwoBlocks) {
    const ModelShape shape = read_model_shape(Json::parse(config, "config.json"), "config.json");
    ASSERT_EQ(shape.block_count(), 4u);
    for (uint32_t block = 0; block < 4; ++block)
        EXPECT_EQ(shape.view(block).kind->id, block % 2 == 0 ? BlockId::rwkv5 : BlockId::rwkv_ffn);
    EXPECT_EQ(shape.view(0).shape->flags, shape_gate);
    EXPECT_EQ(shape.view(0).dims[Dim::n_head], 2u);
    EXPECT_FLOAT_EQ(shape.view(0).param(Param::mixer_norm_epsilon), 64e-5f);
    EXPECT_EQ(shape.view(1).dims[Dim::d_ffn], 448u);
    const std::string undivided = with(config, "head_size_divisor", "1");
    EXPECT_FLOAT_EQ(read_model_shape(Json::parse(undivided, "config.json"), "config.json")
                        .view(0)
                        .param(Param::mixer_norm_epsilon),
                    1e-5f);
}

TEST(Rwkv5, WhatIsNotComputedIsRefusedByName) {
    const struct {
        const char *key, *value, *words;
    } wrong[] = {{"tie_word_embeddings", "true", "tie_word_embeddings is true"},
                 {"attention_hidden_size", "64", "attention_hidden_size is 64; hidden_size, 128, is needed"},
                 {"head_size_divisor", "0", "head_size_divisor is 0; an integer from 1 to 256 is needed"},
                 {"head_size", "20", "head_size is 20"}};
    for (const auto &one : wrong) EXPECT_HAS(refused(with(config, one.key, one.value)), one.words);
}

CheckpointSpec toy(bool of_heads) {
    CheckpointSpec spec;
    spec.config.model_type = "rwkv5";
    spec.config.d_model = 48;
    spec.config.n_head = 3;
    spec.config.d_inner = 37;
    spec.config.n_layer = 3;
    spec.config.vocab_size = 31;
    spec.config.use_bias = of_heads;
    spec.scale = 0.6f;
    return spec;
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
    replace("mix_gate", "mix_g");
    return name;
}

TEST(Rwkv5, TheAuthorsFilesOfEachVersionNeedNoConfig) {
    for (const bool of_heads : {false, true}) {
        const TemporaryDirectory theirs_here, ours_here;
        CheckpointSpec spec = toy(of_heads);
        write_checkpoint(ours_here.path(), spec);
        spec.edit_tensors = [](std::vector<Tensor> &tensors) {
            for (Tensor &tensor : tensors) tensor.name = theirs(tensor.name);
        };
        const std::vector<Tensor> tensors = checkpoint_tensors(spec);
        write_text(theirs_here.file("model.safetensors"), safetensors_file(tensors));
        const Checkpoint found(theirs_here.path()), expected(ours_here.path());
        EXPECT_EQ(found.shape().family, expected.shape().family);
        EXPECT_EQ(found.shape().view(0).shape->flags, of_heads ? 0 : shape_gate);
        EXPECT_EQ(found.shape().view(0).dims[Dim::n_head], 3u);
        for (const Role role : {Role::norm, Role::mix_r, Role::head_vectors, Role::head_norm, Role::out_proj})
            EXPECT_EQ(found.read(role, 2).values, expected.read(role, 2).values);

        std::vector<Tensor> more = tensors;
        more.push_back(make_tensor("blocks.1.att.time_other", DType::f32, {1}, {0}));
        write_text(theirs_here.file("model.safetensors"), safetensors_file(more));
        EXPECT_HAS(error_of([&] { const Checkpoint checkpoint(theirs_here.path()); }),
                   "tensor \"blocks.1.att.time_other\" is of a variant of RWKV-5, which is not supported");
    }
}

// The equations of RWKV-5, as its authors' model.py states them.
class Plain final : public PlainRwkv {
  public:
    explicit Plain(const CheckpointSpec &spec)
        : PlainRwkv(spec), heads_(spec.config.n_head), of_heads_(spec.config.use_bias),
          states_(spec.config.n_layer, Vector(width_ * width_ / heads_)) {}

  private:
    Vector time_mix(size_t layer, const Vector &n, const std::string &name) override {
        const Vector k = projected(layer, n, name, "key"), v = projected(layer, n, name, "value"),
                     r = projected(layer, n, name, "receptance");
        const size_t size = width_ / heads_;
        Vector y(width_);
        for (size_t key = 0; key < width_; ++key) {
            const size_t head = key / size, vector = of_heads_ ? head : key;
            const double u = of_heads_ ? std::exp(model_.get(name + "time_first")[vector])
                                       : model_.get(name + "time_faaaa")[vector];
            const double decay = std::exp(-std::exp(model_.get(name + "time_decay")[vector]));
            for (size_t j = 0; j < size; ++j) {
                double &S = states_[layer][key * size + j];
                const double kv = k[key] * v[head * size + j];
                y[head * size + j] += r[key] * (u * kv + S);
                S = kv + decay * S;
            }
        }
        for (double &one : y) one /= 8;
        model_.norm(&y, name + "ln_x", size, 1e-5);
        if (!of_heads_) {
            const Vector g = projected(layer, n, name, "gate");
            for (size_t i = 0; i < width_; ++i) y[i] *= g[i] * logistic(g[i]);
        }
        return model_.product(name + "output.weight", y);
    }
    const size_t heads_;
    const bool of_heads_;
    std::vector<Vector> states_;  // of each layer, [keys][values] of each head
};

TEST(Rwkv5, FloatBlobsComputeTheEquations) {
    for (const bool of_heads : {false, true}) {
        Plain plain(toy(of_heads));
        expect_equations(toy(of_heads), &plain, 2e-5);
    }
}

}  // namespace
}  // namespace adder::test
