// GGUF files through the commands: the same blobs as from the folders that they were made of, and what is said of quantized ones.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/model/checkpoint.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/runtime/tokenizer_fixture.h"
#include "tests/support/error_of.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/sentencepiece_model.h"

namespace adder::test {
namespace {

class GgufCommands : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        spec_.config.model_type = GetParam();
        spec_.config.vocab_size = 300;
        spec_.config.n_layer = 3;
        spec_.config.d_model = 64;
        spec_.config.d_inner = 64;
        spec_.config.n_group = spec_.config.norm_groups = 2;
        spec_.config.dt_rank = 5;
        spec_.config.bos_token_id = 3;
        spec_.config.eos_token_ids = {4, 7};
        spec_.config.head_dim = 16;  // what d_model makes of heads, which is all that Granite's files can have
        spec_.edit = round_decays;
        if (GetParam() == "granitemoehybrid") {  // no rope: llama.cpp knows no end
            spec_.config.n_group = 1;
            spec_.config_members["max_position_embeddings"] = "1048576";
        }
        if (GetParam() == "falcon_h1") {
            // Powers of two, which weights take in exactly; of the embedding and of the head, which are left to the
            // blob otherwise, 1.
            for (const char *key : {"embedding_multiplier", "lm_head_multiplier"})
                spec_.config_members[key] = "1";
            for (const char *key : {"attention_in_multiplier", "attention_out_multiplier", "key_multiplier",
                                    "ssm_in_multiplier", "ssm_out_multiplier"})
                spec_.config_members[key] = "0.5";
            spec_.config_members["ssm_multipliers"] = "[0.5, 2, 0.25, 4, 1]";
            spec_.config_members["mlp_multipliers"] = "[2, 0.5]";
        }
        std::filesystem::create_directory(folder());
    }
    std::string file(const std::string &name) const { return directory_.file(name); }
    std::string folder() const { return file("folder"); }
    std::string gguf() const { return file("m.gguf"); }

    // The specification as a folder and as a GGUF file, which `add` puts a tokenizer into.
    void write(const std::function<void(GgufBuilder &)> &add = {}) {
        write_checkpoint(folder(), spec_);
        GgufBuilder built = gguf_checkpoint(spec_);
        built.u32("tokenizer.ggml.bos_token_id", 3).u32("tokenizer.ggml.eos_token_id", 4);
        built.u32("tokenizer.ggml.eot_token_id", 7);
        if (add) add(built);
        write_text(gguf(), built.bytes());
    }
    // The blob, with a name that is the same for all.
    std::string blob(const std::string &checkpoint, const std::vector<std::string> &more = {}) {
        std::vector<std::string> words = {"convert", checkpoint,       "-o",  file("x.adder"), "-q", "--name",
                                          "n",       "--calib-tokens", "1024"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        err_ = outcome.err;
        return read_text(file("x.adder"));
    }
    std::string opening_error(const GgufBuilder &built) const {
        write_text(gguf(), built.bytes());
        return error_of([&] { const Checkpoint checkpoint(gguf()); });
    }

    TemporaryDirectory directory_;
    CheckpointSpec spec_;
    std::string err_;
};

TEST_P(GgufCommands, TheBlobIsThatOfTheFolder) {
    write();
    for (const char *recipe : {"best", "small", "float"}) {
        const std::string expected = blob(folder(), {"--recipe", recipe});
        EXPECT_TRUE(blob(gguf(), {"--recipe", recipe}) == expected) << recipe;
        EXPECT_HAS(err_, "m.gguf has no tokenizer: the blob takes token ids, no text");
    }
    // What lies beside the file is of other models.
    for (const char *name :
         {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"})
        write_text(file(name), "{");
    blob(gguf());
    EXPECT_TRUE(Checkpoint(gguf()).unused_tensors().empty());
    EXPECT_EQ(Checkpoint(gguf()).weights_crc(), Checkpoint(gguf()).weights_crc());
    const Json inspected = json_of(adder_command({"inspect", gguf(), "--json"}));
    EXPECT_EQ(text(inspected, "architecture"),
              text(json_of(adder_command({"inspect", folder(), "--json"})), "architecture"));
    EXPECT_EQ(adder_command({"outliers", gguf(), "-q"}).code, 0);
}

TEST_P(GgufCommands, TheTokenizerIsThatOfTheFolder) {
    Toy toy;
    toy.merge("a", "b");
    toy.merge(" ", "a");
    const size_t end = toy.tokens.size();
    toy.add(end, "<|end|>", ",\"special\":true");
    const std::string chat = "{% for m in messages %}<|end|>{{ m.role }}:{{ m.content }}{% endfor %}";
    spec_.files["tokenizer.json"] = toy.json();
    spec_.files["tokenizer_config.json"] = "{\"chat_template\":" + quote(chat) + "}";
    write([&](GgufBuilder &built) {
        std::vector<std::string> tokens, merges;
        for (const std::string &token : toy.tokens) tokens.push_back(byte_letters(token));
        std::vector<int32_t> types(tokens.size(), 1);
        tokens.emplace_back("<|end|>");
        types.push_back(3);
        while (tokens.size() < 300) {
            tokens.push_back("[PAD" + std::to_string(tokens.size()) + "]");
            types.push_back(5);
        }
        for (const auto &[left, right] : toy.merges)
            merges.push_back(byte_letters(left) + " " + byte_letters(right));
        built.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "olmo");
        built.strings("tokenizer.ggml.tokens", tokens).integers("tokenizer.ggml.token_type", types);
        built.strings("tokenizer.ggml.merges", merges).string("tokenizer.chat_template", chat);
    });
    const std::string expected = blob(folder());
    EXPECT_EQ(err_, "");
    EXPECT_TRUE(blob(gguf()) == expected);
    EXPECT_EQ(err_, "");
    EXPECT_EQ(adder_command({"run", file("x.adder"), "-p", "ab ab", "-n", "2"}).code, 0);
    EXPECT_TRUE(blob(folder(), {"--tokenizer", gguf()}) == expected);
    // Another one that is given.
    EXPECT_TRUE(blob(gguf(), {"--tokenizer", folder()}) == expected);
    // A calibration file is of the tokenizer, not of the weights beside it.
    EXPECT_EQ(adder_command({"calibrate", gguf(), "-o", file("c.json")}).code, 0);
    const Outcome outcome = adder_command({"convert", gguf(), "-o", file("x.adder"), "-q", "--recipe",
                                           "smooth", "--calibration", file("c.json")});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST_P(GgufCommands, QuantizedWeightsAreReadAndSaid) {
    spec_.config.d_state = 32;
    GgufBuilder quantized = gguf_checkpoint(spec_), dequantized = quantized;
    uint64_t parameters = 0;
    for (size_t i = 0; i < quantized.tensors.size(); ++i) {
        GgufTensor &tensor = quantized.tensors[i];
        if (tensor.shape.size() != 2 || tensor.shape[1] % 32 != 0) continue;
        std::vector<float> values(tensor.data.size() / 4);
        std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
        tensor.type = 8;
        tensor.data = q8_0_blocks(values);
        const std::vector<float> floats = floats_of_q8_0(tensor.data);
        dequantized.tensors[i].data.assign(reinterpret_cast<const char *>(floats.data()), floats.size() * 4);
        if (tensor.name.find("blk.0.time_mix_v") == std::string::npos ||
            tensor.name.find("value") != std::string::npos)
            parameters += values.size();
    }
    write_text(gguf(), quantized.bytes());
    write_text(file("d.gguf"), dequantized.bytes());
    const Checkpoint a(gguf()), b(file("d.gguf"));
    EXPECT_NE(a.weights_crc(), b.weights_crc());
    const ModelShape &shape = a.shape();
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        const BlockView view = shape.view(block);
        for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
            const Role role = view.kind->tensors[i].role;
            if (!is_present(view.kind->tensors[i], view.shape->flags)) continue;
            EXPECT_EQ(a.read(role, block).values, b.read(role, block).values) << a.tensor_name(role, block);
        }
    }
    std::vector<float> row(64), other(64);
    a.embed_row(7, row.data());
    b.embed_row(7, other.data());
    EXPECT_EQ(row, other);
    blob(gguf());
    EXPECT_EQ(err_.find("quantized before"), std::string::npos);  // 8.5 bits
    const Json record =
        *json_of(adder_command({"inspect", file("x.adder"), "--json"})).find("quantization_record");
    ASSERT_NE(record.find("source"), nullptr);
    EXPECT_EQ(text(*record.find("source"), "format"), "GGUF");
    const Json &types = *record.find("source")->find("parameters");
    EXPECT_EQ(integer(types, "Q8_0"), static_cast<int64_t>(parameters));
    EXPECT_GT(integer(types, "F32"), 0);
    EXPECT_HAS(adder_command({"inspect", file("x.adder")}).out, "Q8_0");
    EXPECT_HAS(adder_command({"inspect", gguf()}).out, "Q8_0");
    blob(file("d.gguf"));
    EXPECT_EQ(json_of(adder_command({"inspect", file("x.adder"), "--json"}))
                  .find("quantization_record")
                  ->find("source"),
              nullptr);
    // Below eight bits it is a warning.
    for (GgufTensor &tensor : quantized.tensors)
        if (tensor.name == "token_embd.weight") {
            tensor.type = 2;
            tensor.data.assign(300 * 64 / 32 * 18, '\x11');
        }
    write_text(gguf(), quantized.bytes());
    blob(gguf());
    EXPECT_HAS(err_, "m.gguf holds weights that were quantized before (");
    EXPECT_HAS(err_, "19200 of Q4_0");
    EXPECT_HAS(err_, "the original checkpoint gives a better blob");
}

TEST_P(GgufCommands, WhatIsMissingOrWrongIsNamed) {
    const GgufBuilder sound = gguf_checkpoint(spec_);
    const std::string prefix = gguf_architecture(GetParam()) + ".",
                      norm = GetParam() == "lfm2" ? "token_embd_norm.weight" : "output_norm.weight";
    for (const char *key : {"embedding_length", "block_count"}) {
        GgufBuilder built = sound;
        built.drop(prefix + key);
        EXPECT_HAS(opening_error(built), "m.gguf: " + prefix + key + " is missing; an integer is needed");
        EXPECT_HAS(opening_error(built.u32(prefix + key, 0)), "m.gguf, as a config.json: ");
        built.drop(prefix + key);
        EXPECT_HAS(opening_error(built.string(prefix + key, "7")), prefix + key + " is a string; an integer");
    }
    GgufBuilder built = sound;
    built.tensors.erase(built.tensors.begin() + 3);
    EXPECT_HAS(opening_error(built), "m.gguf has no tensor ");
    built = sound;
    for (GgufTensor &tensor : built.tensors)
        if (tensor.name == norm) tensor.shape = {8, 8};
    EXPECT_HAS(opening_error(built), "m.gguf: tensor \"" + norm + "\" has shape [8, 8]; [64] is needed");
    built = sound;
    built.find("token_embd.weight").type = 26;
    EXPECT_HAS(opening_error(built), "tensor \"token_embd.weight\" has type I32");
    built = sound;
    built.find("token_embd.weight").shape = {300 * 64};
    EXPECT_HAS(opening_error(built), "tensor \"token_embd.weight\" has 1 dimensions; 2 are needed");
    built = sound;
    built.tensor("blk.0.rope_freqs.weight", 0, {2}, std::string(8, '\0'));
    write_text(gguf(), built.bytes());
    EXPECT_EQ(Checkpoint(gguf()).unused_tensors(), std::vector<std::string>{"blk.0.rope_freqs.weight"});
    built = sound;
    built.drop("general.architecture");
    EXPECT_HAS(opening_error(built),
               "m.gguf: general.architecture is missing; supported: \"mamba\", \"mamba2\", \"rwkv7\", "
               "\"granitehybrid\", \"falcon-h1\", \"nemotron_h\", \"lfm2\", \"qwen35\"");
    for (const char *other :
         {"llama", "granite", "granitemoe", "lfm2moe", "nemotron_h_moe", "jamba", "qwen35moe", "qwen3next"}) {
        built.drop("general.architecture");
        EXPECT_HAS(opening_error(built.string("general.architecture", other)),
                   std::string("general.architecture is \"") + other + "\"; supported: \"mamba\"");
    }
    built = sound;
    EXPECT_HAS(opening_error(built.u32("tokenizer.ggml.eos_token_id", 300)), "eos_token_id");
}

TEST_P(GgufCommands, AFolderMayHoldOneFile) {
    write();
    const std::string expected = blob(gguf());
    std::filesystem::create_directory(file("one"));
    std::filesystem::rename(gguf(), file("one/w.gguf"));
    write_text(file("one/config.json"), "{");
    EXPECT_TRUE(blob(file("one")) == expected);
    write_text(file("one/v.gguf"), "GGUF");
    EXPECT_HAS(error_of([&] { const Checkpoint checkpoint(file("one")); }),
               "has 2 files of weights: \"v.gguf\", \"w.gguf\"; give the path of one of them");
    EXPECT_EQ(adder_command({"convert", file("one/w.gguf"), "-o", file("one/w.gguf")}).code, 2);
}

INSTANTIATE_TEST_SUITE_P(All, GgufCommands, testing::ValuesIn(gguf_model_types()),
                         [](const auto &one) { return one.param; });

}  // namespace

// docs/quantization.md: without output.weight the embedding's multiplier stands in the place of the head's.
TEST(Gguf, LogitsOfATiedFalconH1AreAMultipleOfTheFolders) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.model_type = "falcon_h1";
    spec.config.d_model = 32;
    spec.config.head_dim = 8;
    spec.edit = round_decays;
    spec.config_members["embedding_multiplier"] = "4";
    spec.config_members["lm_head_multiplier"] = "0.125";
    for (const char *key : {"attention_in_multiplier", "attention_out_multiplier", "key_multiplier",
                            "ssm_in_multiplier", "ssm_out_multiplier"})
        spec.config_members[key] = "1";
    spec.config_members["ssm_multipliers"] = "[1, 1, 1, 1, 1]";
    spec.config_members["mlp_multipliers"] = "[1, 1]";
    write_checkpoint(directory.path(), spec);
    const GgufBuilder built = gguf_checkpoint(spec);
    for (const GgufTensor &tensor : built.tensors) ASSERT_NE(tensor.name, "output.weight");
    write_text(directory.file("m.gguf"), built.bytes());
    const auto logits = [&](const std::string &checkpoint) {
        const Outcome outcome =
            adder_command({"convert", checkpoint, "-o", directory.file("x.adder"), "-q", "--recipe", "float"});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        const BlobFile file(directory.file("x.adder"));
        const Session session(file, adder_options{});
        std::vector<float> all;
        for (const int32_t token : {5, 17, 31, 0}) {
            float *next = nullptr;
            EXPECT_EQ(adder_step(session.get(), token, &next), ADDER_OK);
            all.insert(all.end(), next, next + file.info().vocab_size);
        }
        return all;
    };
    std::vector<float> expected = logits(directory.path());
    for (float &one : expected) one *= 4 / 0.125f;  // powers of two: exact
    EXPECT_EQ(logits(directory.file("m.gguf")), expected);
}

TEST(Gguf, WhatIsRecommendedIsTheDefault) {
    TemporaryDirectory directory;
    GgufBuilder built = gguf_checkpoint(CheckpointSpec{});
    built.number("general.sampling.temp", 0.25f).raw("general.sampling.top_k", 5, std::string("\x0A\0\0\0", 4));
    built.number("general.sampling.top_p", 0.5f).number("general.sampling.min_p", 0.125f);
    built.number("general.sampling.penalty_repeat", 1.5f);
    write_text(directory.file("m.gguf"), built.bytes());
    const GenerationConfig found = Checkpoint(directory.file("m.gguf")).generation();
    EXPECT_EQ(found.temperature, 0.25);
    EXPECT_EQ(found.top_k, 10u);
    EXPECT_EQ(found.top_p, 0.5);
    EXPECT_EQ(found.min_p, 0.125);
    EXPECT_EQ(found.repetition_penalty, 1.5);
    built.drop("general.sampling.temp");
    write_text(directory.file("m.gguf"), built.number("general.sampling.temp", 1e9f).bytes());
    EXPECT_HAS(error_of([&] { const Checkpoint checkpoint(directory.file("m.gguf")); }),
               "m.gguf: general.sampling: temperature is 1e+09");
}

TEST(Gguf, DecaysHaveASign) {
    TemporaryDirectory directory;
    GgufBuilder built = gguf_checkpoint(CheckpointSpec{});
    GgufTensor &decays = built.find("blk.0.ssm_a");
    decays.data[7] = '\x3F';  // the second is positive
    write_text(directory.file("m.gguf"), built.bytes());
    const Checkpoint checkpoint(directory.file("m.gguf"));
    EXPECT_HAS(error_of([&] { checkpoint.read(Role::A2, 0); }), "m.gguf: blk.0.ssm_a: element 1 is ");
}

TEST(Gguf, TokenShiftsOfOneAreRefused) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.model_type = "rwkv7";
    GgufBuilder built = gguf_checkpoint(spec);
    write_text(directory.file("m.gguf"), built.u32("rwkv7.token_shift_count", 1).bytes());
    EXPECT_HAS(error_of([&] { const Checkpoint checkpoint(directory.file("m.gguf")); }),
               "m.gguf: rwkv7.token_shift_count is 1; 2 is needed");
}

}  // namespace adder::test
