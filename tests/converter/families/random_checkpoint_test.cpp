// make-random: shapes, values, the same bytes for the same request, and nothing left behind by a failure.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>

#include "converter/app/cli.h"
#include "converter/families/random_checkpoint.h"
#include "converter/families/random_weights.h"
#include "converter/import/safetensors_writer.h"
#include "converter/model/checkpoint.h"
#include "converter/quantize/halves.h"
#include "runtime/crc32.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensor_values.h"

namespace adder {
namespace {

using test::adder_command;
using test::Outcome;

size_t entries(const std::string &directory) {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

std::vector<TensorSpec> tensors_of(const ModelShape &shape) { return shape.family->tensors(shape); }

uint32_t crc_of(const std::string &path) {
    const std::string bytes = test::read_text(path);
    return crc32(0, bytes.data(), bytes.size());
}

TEST(RandomCheckpoint, ShapesOfThePublishedModels) {
    const struct {
        const char *name;
        uint32_t d_model, n_layer, dt_rank, n_head;
        uint64_t parameters;  // those of state-spaces/NAME-hf, tiiuae/NAME, state-spaces/NAME; RWKVs: of BlinkDL's dimensions, by hand
    } models[] = {
        {"mamba-130m", 768, 24, 48, 0, 129135360},
        {"mamba-370m", 1024, 48, 64, 0, 371516416},
        {"mamba-790m", 1536, 48, 96, 0, 793204224},
        {"mamba-1.4b", 2048, 48, 128, 0, 1372178432},
        {"mamba-2.8b", 2560, 64, 160, 0, 2768345600},
        {"falcon-mamba-7b", 4096, 64, 256, 0, 7272665088},
        {"mamba2-130m", 768, 24, 0, 24, 128989632},
        {"mamba2-370m", 1024, 48, 0, 32, 368346624},
        {"mamba2-780m", 1536, 48, 0, 48, 780161280},
        {"mamba2-1.3b", 2048, 48, 0, 64, 1343757312},
        {"mamba2-2.7b", 2560, 64, 0, 80, 2702599680},
        {"rwkv4-169m", 768, 12, 0, 0, 169342464},
        {"rwkv4-430m", 1024, 24, 0, 0, 430397440},
        {"rwkv4-1b5", 2048, 24, 0, 0, 1515106304},
        {"rwkv4-3b", 2560, 32, 0, 0, 2984627200},
        {"rwkv5-0.4b", 1024, 24, 0, 16, 461721600},
        {"rwkv5-1.5b", 2048, 24, 0, 32, 1577754624},
        {"rwkv5-3b", 2560, 32, 0, 40, 3062999040},
        {"rwkv7-0.1b", 768, 12, 0, 12, 191034624},
        {"rwkv7-0.4b", 1024, 24, 0, 16, 450767872},
        {"rwkv7-1.5b", 2048, 24, 0, 32, 1527404544},
        {"rwkv7-2.9b", 2560, 32, 0, 40, 2947735040},
        {"recurrentgemma-2b", 2560, 26, 0, 10, 2682862080},
        {"recurrentgemma-9b", 4096, 38, 0, 16, 8579977216},
        {"granite-4.0-h-350m", 768, 32, 0, 48, 340332224},
        {"granite-4.0-h-1b", 1536, 40, 0, 48, 1461538368},
        {"bamba-9b", 4096, 32, 0, 128, 9780235392},
        {"falcon-h1-tiny-90m", 512, 24, 0, 24, 91131072},
        {"falcon-h1-0.5b", 1024, 36, 0, 24, 521411104},
        {"falcon-h1-1.5b", 2048, 24, 0, 48, 1554789760},
        {"nemotron-3-nano-4b", 3136, 42, 0, 96, 3973556832},
        {"lfm2.5-350m", 1024, 16, 0, 16, 354483968},
        {"lfm2-700m", 1536, 16, 0, 24, 742489344},
        {"lfm2.5-1.2b", 2048, 16, 0, 32, 1170340608},
        {"qwen3.5-0.8b", 1024, 24, 0, 16, 752393024},
        {"qwen3.5-2b", 2048, 24, 0, 16, 1881825088},
    };
    ASSERT_EQ(published_models().size(), std::size(models));
    for (const auto &model : models) {
        const ModelShape shape = shape_like(model.name);
        EXPECT_EQ(shape.d_model, model.d_model);
        EXPECT_EQ(shape.n_layer, model.n_layer);
        EXPECT_EQ(shape.dim(Dim::dt_rank), model.dt_rank);
        EXPECT_EQ(shape.dim(Dim::n_head), model.n_head);
        uint64_t parameters = 0;
        for (const TensorSpec &tensor : tensors_of(shape)) parameters += element_count(tensor);
        EXPECT_EQ(parameters, model.parameters) << model.name;
    }
    const ModelShape shape = shape_like("40,3,77");
    EXPECT_EQ(shape.dim(Dim::d_inner), 80u);
    EXPECT_EQ(shape.dim(Dim::dt_rank), 3u);
    EXPECT_EQ(shape.vocab_size, 77u);
}

TEST(RandomCheckpoint, TheSameBytesEverywhere) {
    const test::TemporaryDirectory directory;
    const auto crc = [&](const char *name, const std::vector<std::string> &more) {
        std::vector<std::string> words = {"make-random", "--like", "24,2,40", "-o", directory.file(name)};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return crc_of(directory.file(std::string(name) + "/model.safetensors"));
    };
    // From one machine, and to be found again on every other.
    constexpr uint32_t expected = 0x962e205e;
    EXPECT_EQ(crc("a", {}), expected);
    EXPECT_EQ(crc("b", {"--seed", "0", "--dtype", "f32"}), expected);
    EXPECT_NE(crc("c", {"--seed", "1"}), expected);
    EXPECT_EQ(crc_of(directory.file("a/config.json")), crc_of(directory.file("b/config.json")));
    // The same for the other families.
    const auto family = [&](const char *name, const char *like) {
        const Outcome outcome = adder_command({"make-random", "--like", like, "-o", directory.file(name)});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return crc_of(directory.file(std::string(name) + "/model.safetensors"));
    };
    EXPECT_EQ(family("m1", "mamba:24,2,40"), expected);
    EXPECT_EQ(family("m2", "mamba2:24,2,40"), 0xec79f439);
    EXPECT_EQ(family("m3", "mamba2:24,2,40"), 0xec79f439);
    EXPECT_EQ(family("f1", "falcon-mamba:24,2,40"), 0xa4e0b5f6);
}

// What make-random writes is read as the shape that was asked for.
TEST(RandomCheckpoint, ConfigsReadAsTheShapeTheyWereWrittenFrom) {
    const test::TemporaryDirectory directory;
    int number = 0;
    for (const char *like : {"mamba:48,2,60", "falcon-mamba:48,2,60", "mamba2:48,2,60", "mamba2:64,2,300"}) {
        RandomCheckpoint wanted;
        wanted.directory = directory.file(std::to_string(number++));
        wanted.shape = shape_like(like);
        write_random_checkpoint(wanted);
        const Checkpoint checkpoint(wanted.directory);
        const ModelShape &found = checkpoint.shape();
        EXPECT_TRUE(checkpoint.unused_tensors().empty()) << like;
        EXPECT_EQ(found.family, wanted.shape.family);
        EXPECT_EQ(found.tied, wanted.shape.tied);
        EXPECT_EQ(found.norm_epsilon, wanted.shape.norm_epsilon);
        EXPECT_EQ(found.conv_bias, wanted.shape.conv_bias);
        ASSERT_EQ(found.shapes.size(), 1u);
        EXPECT_EQ(std::memcmp(&found.shapes[0], &wanted.shape.shapes[0], sizeof(BlobShape)), 0) << like;
        EXPECT_EQ(found.bos_token_id, wanted.shape.bos_token_id);
        EXPECT_EQ(found.eos_token_ids, wanted.shape.eos_token_ids);
        EXPECT_TRUE(found.notes.empty());
    }
    for (const char *bad :
         {"rwkv:64,2,300", "mamba:", "mamba:64,2", "mamba-130m:64,2,300", ":64,2,300", "mamba"})
        EXPECT_HAS(test::error_of([&] { shape_like(bad); }, ExitCode::usage),
                   "D_MODEL,N_LAYER,VOCAB is needed");
}

TEST(RandomCheckpoint, TheWeightsAreThoseOfAFreshModel) {
    const test::TemporaryDirectory directory;
    RandomCheckpoint wanted;
    wanted.directory = directory.file("m");
    wanted.shape = shape_like("64,2,500");
    const WrittenCheckpoint written = write_random_checkpoint(wanted);
    EXPECT_EQ(written.tensor_bytes, 4 * written.parameters);
    const Checkpoint checkpoint(wanted.directory);
    EXPECT_EQ(checkpoint.unused_tensors().size(), 0u);
    EXPECT_EQ(checkpoint.shape().dim(Dim::d_inner), 128u);
    EXPECT_EQ(checkpoint.shape().eos_token_ids, std::vector<uint32_t>{0});

    const std::string mixer = "backbone.layers.1.mixer.";
    const auto moments = [&](const std::string &name, double deviation, double most) {
        double sum = 0, squares = 0, largest = 0;
        const std::vector<float> values = test::values_of(checkpoint, name);
        for (const double v : values) {
            sum += v;
            squares += v * v;
            largest = std::max(largest, std::fabs(v));
        }
        const auto n = static_cast<double>(values.size());
        EXPECT_NEAR(sum / n, 0, 5 * deviation / std::sqrt(n)) << name;
        EXPECT_NEAR(std::sqrt(squares / n) / deviation, 1, 5 / std::sqrt(n)) << name;
        EXPECT_LE(largest, most) << name;
        EXPECT_GT(largest, 0.8 * most) << name;
    };
    const auto uniform = [&](const std::string &name, double bound) {
        moments(mixer + name, bound / std::sqrt(3.0), bound);
    };
    moments("backbone.embeddings.weight", 0.02, 0.02 * 2 * std::sqrt(3.0));
    uniform("in_proj.weight", 1 / std::sqrt(64.0));
    uniform("conv1d.weight", 0.5);
    uniform("conv1d.bias", 0.5);
    uniform("x_proj.weight", 1 / std::sqrt(128.0));
    uniform("dt_proj.weight", 0.5);
    uniform("out_proj.weight", 1 / std::sqrt(256.0));
    for (const float v : test::values_of(checkpoint, mixer + "D")) EXPECT_EQ(v, 1);
    for (const float v : test::values_of(checkpoint, "backbone.norm_f.weight")) EXPECT_EQ(v, 1);
    const std::vector<float> A_log = test::values_of(checkpoint, mixer + "A_log");
    for (size_t i = 0; i < A_log.size(); ++i)
        EXPECT_NEAR(A_log[i], std::log(static_cast<double>(i % 16 + 1)), 2e-7);
    double below = 0;
    for (const double bias : test::values_of(checkpoint, mixer + "dt_proj.bias")) {
        const double step = std::log1p(std::exp(bias));
        EXPECT_GT(step, 0.000999);
        EXPECT_LT(step, 0.1001);
        below += step < 0.01;
    }
    EXPECT_NEAR(below / 128, 0.5, 0.2);  // log-uniform
    EXPECT_NE(test::values_of(checkpoint, mixer + "in_proj.weight"),
              test::values_of(checkpoint, "backbone.layers.0.mixer.in_proj.weight"));
}

TEST(RandomCheckpoint, PortableFunctionsAgreeWithTheLibrary) {
    for (double x = 1e-5; x < 2000; x *= 1.0137)
        EXPECT_NEAR(portable_log(x), std::log(x), 4e-16 * std::max(1.0, std::fabs(std::log(x)))) << x;
    for (double x = 1e-3; x <= 0.1; x *= 1.0137)
        EXPECT_NEAR(portable_inverse_softplus(x), std::log(std::expm1(x)), 4e-15) << x;
}

TEST(RandomCheckpoint, APartOfATensorIsThatPart) {
    const ModelShape shape = shape_like("16,1,20");
    for (const TensorSpec &tensor : tensors_of(shape)) {
        const RandomWeights weights(3, tensor, shape.family->initial(tensor, shape));
        std::vector<float> whole(static_cast<size_t>(element_count(tensor))), part(7);
        weights.fill(0, whole.size(), whole.data());
        weights.fill(5, part.size(), part.data());
        EXPECT_EQ(part, std::vector<float>(whole.begin() + 5, whole.begin() + 12)) << tensor.name;
    }
}

TEST(RandomCheckpoint, TypesAndShardsHoldTheSameValues) {
    const test::TemporaryDirectory directory;
    RandomCheckpoint wanted;
    wanted.shape = shape_like("24,3,50");
    const auto write = [&](const char *name, DType dtype, uint64_t shard_bytes) {
        wanted.directory = directory.file(name);
        wanted.dtype = dtype;
        wanted.shard_bytes = shard_bytes;
        return write_random_checkpoint(wanted);
    };
    write("f32", DType::f32, 1 << 30);
    const size_t shards = write("shards", DType::f32, 30000).files.size();
    EXPECT_EQ(shards, 3u);
    EXPECT_EQ(entries(directory.file("shards")), shards + 2);
    EXPECT_LE(write("small", DType::f32, 1).files.size(), 16u);  // as few as can be handled together
    write("f16", DType::f16, 1 << 30);
    write("bf16", DType::bf16, 1 << 30);
    const Checkpoint f32(directory.file("f32")), sharded(directory.file("shards")),
        small(directory.file("small")), f16(directory.file("f16")), bf16(directory.file("bf16"));
    for (const TensorSpec &tensor : tensors_of(wanted.shape)) {
        const std::vector<float> exact = test::values_of(f32, tensor.name);
        EXPECT_EQ(test::values_of(sharded, tensor.name), exact);
        EXPECT_EQ(test::values_of(small, tensor.name), exact);
        const std::vector<float> half = test::values_of(f16, tensor.name),
                                 brain = test::values_of(bf16, tensor.name);
        for (size_t i = 0; i < exact.size(); ++i) {
            EXPECT_EQ(half[i], float_of_f16(test::float_to_f16(exact[i])));
            EXPECT_EQ(brain[i], float_of_bf16(test::float_to_bf16(exact[i])));
        }
    }
}

TEST(RandomCheckpoint, HalvesAreRoundedToNearest) {
    for (uint32_t bits = 0; bits < 0x80000000u; bits += 4093) {  // an odd step: all residues of the cut bits
        for (const uint32_t sign : {0u, 0x80000000u}) {
            const uint32_t pattern = sign | bits;
            float value;
            std::memcpy(&value, &pattern, sizeof value);
            ASSERT_EQ(f16_of(value), test::float_to_f16(value)) << value;
        }
    }
    for (const float tie : {0x1.002p0f, 0x1.006p0f, 0x1p-25f, 0x3p-25f, 65519.0f, 65520.0f, 0x1.ffep-15f})
        ASSERT_EQ(f16_of(tie), test::float_to_f16(tie)) << tie;
}

TEST(RandomCheckpoint, ConvertsAndRuns) {
    const test::TemporaryDirectory directory;
    const std::string blob = directory.file("m.adder");
    for (const std::string like : {"64,2,300", "mamba2:64,2,300", "falcon-mamba:64,2,300"}) {
        const std::string checkpoint = directory.file("m" + like) + "/";
        ASSERT_EQ(adder_command({"make-random", "--like", like, "-o", checkpoint, "-s", "5"}).code, 0);
        for (const char *recipe : {"best", "small", "static"}) {
            const Outcome converted =
                adder_command({"convert", checkpoint, "-o", blob, "--recipe", recipe, "-q", "-t", "2"});
            ASSERT_EQ(converted.code, 0) << converted.err;
            EXPECT_EQ(adder_command({"run", blob, "--ids", "1,2,3", "-n", "5", "--ignore-eos", "-q"}).code, 0);
        }
    }
}

TEST(RandomCheckpoint, AFailureLeavesNothing) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.file("m");
    const auto make = [&](const std::string &like) {
        return adder_command({"make-random", "--like", like, "-o", path, "-q"});
    };
    for (const char *bad : {"mamba-130M", "64", "64,2", "64,2,", "64,2,100,", "64,2,100,5", "64;2;100",
                            "-64,2,100", " 64,2,100", ""}) {
        const Outcome outcome = make(bad);
        EXPECT_EQ(outcome.code, 2) << bad;
        EXPECT_HAS(outcome.err, "D_MODEL,N_LAYER,VOCAB");
    }
    EXPECT_HAS(make("0,2,100").err, "d_model is outside of 1 to 65536");
    EXPECT_HAS(make("64,1025,100").err, "n_layer is outside of 1 to 1024");
    EXPECT_HAS(make("64,1,99999999999").err, "vocabulary is outside of 1 to 1048576");
    EXPECT_EQ(adder_command({"make-random", "--like", "64,2,100"}).code, 2);
    EXPECT_EQ(adder_command({"make-random", "-o", path}).code, 2);
    const Outcome huge = make("65536,1024,1048576");  // 105 TB
    EXPECT_EQ(huge.code, 1);
    EXPECT_HAS(huge.err, path + " takes 1");

    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit little{20000, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
    const Outcome full = make("64,2,100");
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(full.code, 1);
    EXPECT_HAS(full.err, "model.safetensors: File too large");
    EXPECT_EQ(entries(directory.path()), 0u);

    ASSERT_EQ(make("64,2,100").code, 0);
    const Outcome again = make("64,2,100");
    EXPECT_EQ(again.code, 1);
    EXPECT_HAS(again.err, "cannot create " + path + ": it exists already");
    EXPECT_EQ(entries(directory.path()), 1u);
}

}  // namespace
}  // namespace adder
