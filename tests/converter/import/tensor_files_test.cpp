// Tests of what counts as a checkpoint's weights: in a folder, or as a file alone, in every format.
// SPDX-License-Identifier: MIT
#include "converter/import/tensor_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "converter/model/checkpoint.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"
#include "tests/support/pytorch_builder.h"
#include "tests/support/tensor_values.h"

namespace adder::test {
namespace {

// A folder of config.json and whatever files of weights.
class WeightsTest : public testing::Test {
  protected:
    void SetUp() override { write("config.json", config_text(spec_)); }
    void write(const std::string &name, const std::string &text) { write_text(file(name), text); }
    std::string file(const std::string &name) const { return directory_.file(name); }
    std::string opening_error(const std::string &path) const {
        return error_of([&] { const Checkpoint checkpoint(path); });
    }
    // The weights of another seed.
    static std::vector<Tensor> other_tensors() {
        CheckpointSpec spec;
        spec.seed = 2;
        return checkpoint_tensors(spec);
    }
    static uint32_t crc(const std::string &path) { return Checkpoint(path).weights_crc(); }

    TemporaryDirectory directory_;
    CheckpointSpec spec_;
    const std::vector<Tensor> tensors_ = checkpoint_tensors(spec_);
};

}  // namespace

TEST_F(WeightsTest, EveryFormatIsTheSameCheckpoint) {
    write("only.safetensors", safetensors_file(tensors_));
    write("only.bin", pytorch_file(tensors_));
    write("only.pt", pytorch_file(tensors_, true));
    const uint32_t expected = crc(file("only.safetensors"));
    EXPECT_EQ(crc(file("only.bin")), expected);
    EXPECT_EQ(crc(file("only.pt")), expected);
    EXPECT_HAS(opening_error(directory_.path()), "has none of model.safetensors");

    // From the last that is looked for to the first: each wins over those before.
    write("x.pth", pytorch_file(tensors_, true));
    EXPECT_EQ(crc(directory_.path()), expected);
    const auto replaces_others = [&](const std::string &index, const std::string &first,
                                     const std::string &second,
                                     std::string (*pack)(const std::vector<Tensor> &)) {
        const std::vector<Tensor> tensors = other_tensors();
        JsonWriter json;
        json.begin_object().key("weight_map").begin_object();
        std::vector<Tensor> halves[2];
        for (size_t i = 0; i < tensors.size(); ++i) {
            halves[i % 2].push_back(tensors[i]);
            json.key(tensors[i].name).value(i % 2 == 0 ? first : second);
        }
        json.end_object().end_object();
        write(index, json.text());
        write(first, pack(halves[0]));
        write(second, pack(halves[1]));
        EXPECT_NE(crc(directory_.path()), expected) << index;
    };
    const auto pytorch = [](const std::vector<Tensor> &tensors) { return pytorch_file(tensors); };
    replaces_others("pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin",
                    "pytorch_model-00002-of-00002.bin", pytorch);
    write("pytorch_model.bin", pytorch_file(tensors_));
    EXPECT_EQ(crc(directory_.path()), expected);
    replaces_others("model.safetensors.index.json", "model-00001-of-00002.safetensors",
                    "model-00002-of-00002.safetensors", safetensors_file);
    write("model.safetensors", safetensors_file(tensors_));
    EXPECT_EQ(crc(directory_.path()), expected);
}

TEST_F(WeightsTest, OneOfSeveralPthFilesIsChosenByItsPath) {
    write("b.pth", pytorch_file(tensors_));
    write("a.pth", pytorch_file(other_tensors()));
    EXPECT_HAS(opening_error(directory_.path()),
               "has 2 files of weights: \"a.pth\", \"b.pth\"; give the path of one of them");
    EXPECT_NE(crc(file("a.pth")), crc(file("b.pth")));
}

TEST_F(WeightsTest, WhatLiesBesideAFileBelongsToIt) {
    write("w.pth", pytorch_file(tensors_));
    write("generation_config.json", R"({"temperature": 0.25})");
    write("tokenizer.json", "{}");
    const Checkpoint checkpoint(file("w.pth"));
    EXPECT_EQ(checkpoint.path(), file("w.pth"));
    EXPECT_EQ(checkpoint.generation().temperature, 0.25);
    EXPECT_EQ(checkpoint.tokenizer_path(), file("tokenizer.json"));
    EXPECT_EQ(checkpoint_name(file("w.pth")), "w");
    EXPECT_EQ(checkpoint_name("some/model-1.5"), "model-1.5");
    // In the folder that the program runs in the path is a name alone.
    const std::string before = std::filesystem::current_path();
    std::filesystem::current_path(directory_.path());
    EXPECT_EQ(Checkpoint("w.pth").tokenizer_path(), "tokenizer.json");
    std::filesystem::current_path(before);
    // Another tokenizer, by its folder and by itself.
    std::filesystem::create_directory(file("t"));
    const auto with = [&](const std::string &tokenizer) {
        return Checkpoint(file("w.pth"), false, tokenizer);
    };
    EXPECT_HAS(error_of([&] { with(file("none")); }), "none: No such file");
    EXPECT_HAS(error_of([&] { with(file("t")); }),
               "t has none of tokenizer.json, tokenizer.model and rwkv_vocab_v20230424.txt");
    write("t/tokenizer.json", "{}");
    write("t/tokenizer_config.json", "{}");
    for (const char *path : {"t", "t/tokenizer.json"}) {
        EXPECT_EQ(with(file(path)).tokenizer_path(), file("t/tokenizer.json"));
        EXPECT_EQ(with(file(path)).tokenizer_config_path(), file("t/tokenizer_config.json"));
    }
}

TEST_F(WeightsTest, WithoutAConfigurationTheTensorsAreAsked) {
    write("w.pth", pytorch_file({make_tensor("some.weight", DType::f32, {2}, {1, 2})}));
    std::filesystem::remove(file("config.json"));
    for (const std::string &path : {directory_.path(), file("w.pth")}) {
        EXPECT_HAS(opening_error(path),
                   path + ": there is no config.json, and the tensors are of no family that "
                          "Adder knows by its tensors");
        EXPECT_EQ(adder_command({"inspect", path}).code, 3);
    }
    EXPECT_HAS(opening_error(file("none.pth")), "none.pth: No such file");
    write("w.txt", "");
    EXPECT_HAS(opening_error(file("w.txt")), "w.txt is not a directory");
}

TEST_F(WeightsTest, EveryCommandTakesAFileOfWeights) {
    write("w.pth", pytorch_file(tensors_, true));
    write("model.safetensors", safetensors_file(tensors_));
    const std::string blob = file("a.adder"), same = file("b.adder");
    for (const std::string &path : {file("w.pth"), directory_.path()}) {
        const std::string output = path == directory_.path() ? same : blob;
        EXPECT_EQ(adder_command({"convert", path, "-o", output, "--name", "n", "-q"}).code, 0);
    }
    EXPECT_EQ(read_text(blob), read_text(same));
    const Json inspected = json_of(adder_command({"inspect", file("w.pth"), "--json", "--tensors"}));
    EXPECT_EQ(text(inspected, "kind"), "checkpoint");
    EXPECT_EQ(inspected.find("tensors")->array("").size(), tensors_.size());
    EXPECT_EQ(adder_command({"verify", blob, "--against", file("w.pth"), "--ids", "1,2,3"}).code, 0);
    EXPECT_EQ(adder_command({"calibrate", file("w.pth"), "-o", file("c.json")}).code, 0);
    EXPECT_EQ(text(*Json::parse(read_text(file("c.json")), "c").find("checkpoint"), "name"), "w");
    EXPECT_EQ(adder_command({"outliers", file("w.pth"), "-q"}).code, 0);
    EXPECT_EQ(adder_command({"convert", file("w.pth"), "-o", blob, "-q"}).code, 0);
    EXPECT_EQ(text(json_of(adder_command({"inspect", blob, "--json"})), "name"), "w");
    // What is a file of weights is not written over.
    EXPECT_EQ(adder_command({"convert", directory_.path(), "-o", file("w.pth")}).code, 2);
    EXPECT_EQ(adder_command({"convert", file("w.pth"), "-o", file("w.pth")}).code, 2);
}

// As state-spaces/mamba-130m is downloaded, but smaller: config.json and pytorch_model.bin, and no tokenizer.
TEST_F(WeightsTest, TheFoldersOfStateSpacesConvertAsTheyAre) {
    spec_.config.d_model = 64;
    spec_.config.d_inner = 128;
    spec_.config.dt_rank = 4;
    spec_.config.d_state = 16;
    spec_.config.vocab_size = 2048;
    spec_.dtype = DType::f16;
    spec_.old_embedding_name = true;
    std::vector<Tensor> tensors = checkpoint_tensors(spec_);
    for (const Tensor &tensor : tensors)
        if (tensor.name == "backbone.embedding.weight") {
            tensors.push_back(tensor);
            tensors.back().name = "lm_head.weight";
            break;
        }
    write("pytorch_model.bin", pytorch_file(tensors));
    write("config.json", R"({"d_model": 64, "n_layer": 2, "vocab_size": 2041, "ssm_cfg": {}, "rms_norm": true,
        "residual_in_fp32": true, "fused_add_norm": true, "pad_vocab_size_multiple": 8})");
    const std::string blob = file("m.adder");
    Outcome outcome =
        adder_command({"convert", directory_.path(), "-o", blob, "--calib-tokens", "1024", "-q"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_HAS(outcome.err,
               "has no tokenizer.json: the blob takes token ids, no text, and was calibrated on random "
               "tokens; this model's is that of EleutherAI/gpt-neox-20b, which --tokenizer takes");
    const std::string tokenizer = model_directory("adder-1m-int4");
    write("held-out", read_text(tokenizer + "/MODEL_CARD.md"));
    outcome =
        adder_command({"convert", directory_.path(), "-o", blob, "--calib-tokens", "1024", "-q",
                       "--tokenizer", tokenizer, "--gate-text", file("held-out"), "--gate-tokens", "1024"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err.find("has no tokenizer.json"), std::string::npos);
    EXPECT_EQ(adder_command({"run", blob, "-p", "Once upon", "-n", "2"}).code, 0);
    const Outcome overwrites = adder_command(
        {"convert", directory_.path(), "-o", file("t.json"), "--tokenizer", file("t.json"), "-q"});
    EXPECT_EQ(overwrites.code, 3) << overwrites.err;  // no such tokenizer
    write("t.json", "{}");
    EXPECT_EQ(
        adder_command({"convert", directory_.path(), "-o", file("t.json"), "--tokenizer", file("t.json")}).code,
        2);
}

}  // namespace adder::test
