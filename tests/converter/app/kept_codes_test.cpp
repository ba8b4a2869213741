// adder convert --keep-codes: the codes and scales that a GGUF file's Q4_0 has, in the blob as they are.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/model/checkpoint.h"
#include "converter/plan/names.h"
#include "converter/quantize/grid.h"
#include "runtime/model.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"
#include "tests/support/gguf_builder.h"

namespace adder::test {
namespace {

class KeptCodes : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        CheckpointSpec spec;
        spec.config.model_type = GetParam();
        spec.config.vocab_size = 300;
        spec.config.n_layer = 3;
        spec.config.d_model = 64;
        spec.config.d_inner = 64;
        spec.config.head_dim = 16;
        spec.config.dt_rank = 32;
        spec.edit = [](const std::string &name, std::vector<float> &values) {
            round_decays(name, values);
            // Groups whose scales are subnormal halves, and some of zeros.
            if (values.size() < 64 * 64) return;
            for (size_t i = 0; i < 64; ++i) values[i] *= 1e-4f;
            for (size_t i = 64; i < 128; ++i) values[i] = 0;
        };
        GgufBuilder quantized = gguf_checkpoint(spec), dequantized = quantized;
        make_q4_0(&quantized, &dequantized);
        write_text(path("q"), quantized.bytes());
        write_text(path("d"), dequantized.bytes());
    }
    std::string path(const char *name) const { return directory_.file(std::string(name) + ".gguf"); }
    std::string blob() const { return directory_.file("x.adder"); }
    void convert(const char *name, const std::vector<std::string> &more) {
        std::vector<std::string> words = {"convert", path(name),       "-o",  blob(), "-q", "--name",
                                          "n",       "--calib-tokens", "1024"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome outcome = adder_command(words);
        ASSERT_EQ(outcome.code, 0) << outcome.err;
        err_ = outcome.err;
    }
    std::vector<float> logits() const {
        const BlobFile file(blob());
        const Session session(file, adder_options{});
        std::vector<float> all;
        for (const int32_t token : {5, 17, 299, 0, 42}) {
            float *next = nullptr;
            EXPECT_EQ(adder_step(session.get(), token, &next), ADDER_OK);
            all.insert(all.end(), next, next + file.info().vocab_size);
        }
        return all;
    }

    TemporaryDirectory directory_;
    std::string err_;
};

TEST_P(KeptCodes, FloatInputsGiveTheBitsOfFloatWeights) {
    convert("d", {"--recipe", "float"});
    const std::vector<float> expected = logits();
    convert("q", {"--recipe", "float", "--keep-codes"});
    EXPECT_EQ(logits(), expected);
}

TEST_P(KeptCodes, WeightsAreThoseOfTheFileWhateverTheRecipe) {
    for (const char *recipe : {"best", "small", "static"}) {
        SCOPED_TRACE(recipe);
        convert("q", {"--recipe", recipe, "--keep-codes"});
        EXPECT_EQ(err_.find("quantized before"), std::string::npos) << err_;
        const Checkpoint checkpoint(path("q"));
        const BlobFile file(blob());
        const Model &model = *model_of(file.model());
        uint32_t kept = 0;
        for (uint32_t i = 0; i < model.header->tensor_count; ++i) {
            const BlobTensor &tensor = model.tensors[i];
            const Role role = static_cast<Role>(tensor.role);
            if (tensor.scale_type != static_cast<uint8_t>(ScaleType::f16)) continue;
            ++kept;
            EXPECT_EQ(tensor.group, 32u);
            const DenseTensor expected = checkpoint.read(role, tensor.block);
            const BlockView view = checkpoint.shape().view(tensor.block);
            if (find_row(*view.kind, role)->rows.count > 1) continue;  // parts begin on tiles
            const Linear linear =
                tensor.block == no_block
                    ? model_matrix(model, role)
                    : model_block(model, view, tensor.block).linear(*find_row(*view.kind, role));
            std::vector<float> row(linear.matrix.cols);
            for (uint32_t r = 0; r < tensor.rows; ++r) {
                embed_row(linear, r, row.data());
                row.resize(expected.cols);
                ASSERT_TRUE(std::equal(row.begin(), row.end(), expected.values.begin() + r * expected.cols))
                    << role_name(role) << " of block " << tensor.block << ", row " << r;
                row.resize(linear.matrix.cols);
            }
        }
        EXPECT_GT(kept, 4u);
        const Json inspected = json_of(adder_command({"inspect", blob(), "--tensors", "--json"}));
        uint32_t said = 0;
        for (const Json &tensor : inspected.find("tensors")->array("tensors"))
            said += tensor.find("scale_type") != nullptr && text(tensor, "scale_type") == "binary16";
        EXPECT_EQ(said, kept);
        EXPECT_HAS(inspected.find("quantization_record") != nullptr
                       ? adder_command({"inspect", blob(), "--json"}).out
                       : "",
                   "kept");
    }
}

TEST_P(KeptCodes, WhatGivesWayIsSaid) {
    convert("q", {"--recipe", "static", "--keep-codes"});
    EXPECT_HAS(err_, "have inputs whose smoothing would change codes that are kept: it is off");
    EXPECT_HAS(
        err_,
        "have inputs whose Hadamard transform would change codes that are kept: they have one scale a token");
    const Outcome dry = adder_command({"convert", path("q"), "--keep-codes", "--dry-run", "-q"});
    EXPECT_EQ(dry.code, 0) << dry.err;
    EXPECT_HAS(dry.out, "group 32, kept");
    EXPECT_HAS(dry.err, "smoothing would change codes");
    // A rule has the last word; a rule of inputs leaves the weights alone.
    convert("q", {"--recipe", "best", "--keep-codes", "--set", "head=int8,row"});
    const Json record = *json_of(adder_command({"inspect", blob(), "--json"})).find("quantization_record");
    EXPECT_EQ(text(*record.find("head"), "weights"), "int8");
    convert("q", {"--recipe", "best", "--keep-codes", "--set", "head=input=float"});
    const Json other = *json_of(adder_command({"inspect", blob(), "--json"})).find("quantization_record");
    EXPECT_EQ(text(*other.find("head"), "rounding"), "kept");
    EXPECT_EQ(text(*other.find("head"), "input"), "f32");
    const Outcome none = adder_command({"convert", path("d"), "-o", blob(), "--keep-codes", "-q"});
    EXPECT_EQ(none.code, 3);
    EXPECT_HAS(none.err, "d.gguf has no matrix of Q4_0 whose codes could be kept");
    EXPECT_EQ(adder_command({"convert", path("q"), "-o", blob(), "--keep-codes", "--rotate", "-q"}).code, 2);
}

INSTANTIATE_TEST_SUITE_P(All, KeptCodes,
                         testing::Values("mamba", "mamba2", "lfm2", "nemotron_h", "qwen3_5_text"),
                         [](const auto &one) { return one.param; });

TEST(KeptCodesOfGranite, MatricesThatTakeTheResidualScaleAreRoundedAnew) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.model_type = "granitemoehybrid";
    spec.config.vocab_size = 300;
    spec.config.d_model = spec.config.d_inner = 64;
    spec.config.head_dim = 16;
    GgufBuilder quantized = gguf_checkpoint(spec), other = quantized;
    make_q4_0(&quantized, &other);
    write_text(directory.file("q.gguf"), quantized.bytes());
    const Outcome outcome =
        adder_command({"convert", directory.file("q.gguf"), "-o", directory.file("x.adder"), "--keep-codes",
                       "--recipe", "float", "-q"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_HAS(outcome.err, "layers.0.out_proj and ");
    EXPECT_HAS(outcome.err, "are Q4_0, but the model is computed with multiples of them");
    const Json record =
        *json_of(adder_command({"inspect", directory.file("x.adder"), "--json"})).find("quantization_record");
    EXPECT_EQ(text(*record.find("out_proj"), "weights"), "f32");
    EXPECT_EQ(text(*record.find("in_proj"), "rounding"), "kept");
}

// Heads of values that a GGUF file has in another order are columns of out_proj: whole groups move with their scales, parts of groups
// cannot.
TEST(KeptCodesOfQwen35, ColumnsMoveWithTheirScalesWhereHeadsAreWholeGroups) {
    for (const uint32_t head_dim : {32u, 16u}) {
        SCOPED_TRACE(head_dim);
        TemporaryDirectory directory;
        CheckpointSpec spec;
        spec.config.model_type = "qwen3_5_text";
        spec.config.vocab_size = 300;
        spec.config.d_model = 64;
        spec.config.d_inner = 128;
        spec.config.head_dim = head_dim;  // of values as well
        spec.config.norm_groups = 2;
        GgufBuilder quantized = gguf_checkpoint(spec), other = quantized;
        make_q4_0(&quantized, &other);
        write_text(directory.file("q.gguf"), quantized.bytes());
        const Outcome outcome =
            adder_command({"convert", directory.file("q.gguf"), "-o", directory.file("x.adder"),
                           "--keep-codes", "--recipe", "float", "-q"});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        const Json record = *json_of(adder_command({"inspect", directory.file("x.adder"), "--json"}))
                                 .find("quantization_record");
        EXPECT_EQ(text(*record.find("in_proj"), "rounding"), "kept");
        EXPECT_EQ(text(*record.find("z_proj"), "rounding"), "kept");
        if (head_dim == 32) {
            EXPECT_EQ(outcome.err.find("quantized anew"), std::string::npos) << outcome.err;
            EXPECT_EQ(text(*record.find("out_proj"), "rounding"), "kept");
        } else {
            EXPECT_HAS(outcome.err, "layers.0.out_proj are Q4_0, but the model is computed with ");
            EXPECT_HAS(outcome.err,
                       "with their columns in an order that splits their groups: they are quantized");
            // The second layer attends.
            const std::vector<Json> &layers = record.find("out_proj")->array("out_proj");
            ASSERT_EQ(layers.size(), 2u);
            EXPECT_EQ(text(layers[0], "weights"), "f32");
            EXPECT_EQ(text(layers[1], "rounding"), "kept");
        }
    }
}

}  // namespace
}  // namespace adder::test
