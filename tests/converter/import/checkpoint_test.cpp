// Tests of opening checkpoints: sound ones of many shapes, and all that may be wrong with one.
// SPDX-License-Identifier: MIT
#include "converter/model/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>

#include "tests/support/checkpoint_builder.h"
#include "tests/support/error_of.h"
#include "tests/support/families.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensor_values.h"

namespace adder::test {

namespace {

std::string open_error(const CheckpointSpec &spec) {
    const TemporaryDirectory directory;
    write_checkpoint(directory.path(), spec);
    return error_of([&] { const Checkpoint checkpoint(directory.path()); });
}

std::string member_error(const std::string &key, const std::string &text) {
    CheckpointSpec spec;
    spec.config_members[key] = text;
    return open_error(spec);
}

Tensor *find_tensor(std::vector<Tensor> &tensors, const std::string &name) {
    for (Tensor &tensor : tensors) {
        if (tensor.name == name) return &tensor;
    }
    return nullptr;
}

}  // namespace

TEST(Checkpoint, OpensWhatTheBuilderWrites) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.files["tokenizer.json"] = "{}";
    write_checkpoint(directory.path(), spec);
    const Checkpoint checkpoint(directory.path());
    const ModelShape &shape = checkpoint.shape();
    EXPECT_STREQ(shape.family->name, "mamba");
    EXPECT_EQ(shape.d_model, 16u);
    EXPECT_EQ(shape.dim(Dim::d_inner), 32u);
    EXPECT_EQ(shape.norm_epsilon, 1e-5f);
    EXPECT_EQ(shape.bos_token_id, 0u);
    EXPECT_EQ(shape.eos_token_ids, std::vector<uint32_t>{0});
    EXPECT_TRUE(checkpoint.unused_tensors().empty());
    EXPECT_EQ(checkpoint.tokenizer_path(), directory.file("tokenizer.json"));
    EXPECT_EQ(checkpoint.tokenizer_config_path(), "");
    EXPECT_FALSE(checkpoint.generation().temperature);
    EXPECT_EQ(checkpoint.tensor_name(Role::head, no_block), "backbone.embeddings.weight");
    EXPECT_EQ(checkpoint.files().tensor("backbone.embeddings.weight", {32, 16}).elements, 512u);
    EXPECT_EQ(values_of(checkpoint, "backbone.layers.1.mixer.D"), std::vector<float>(32, 1));
}

TEST(Checkpoint, OpensEveryShapeTypeAndLayout) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
        for (const int shards : {0, 1, 3}) {
            const TemporaryDirectory directory;
            CheckpointSpec spec;
            spec.dtype = dtype;
            spec.shards = shards;
            spec.config.d_model = 9;
            spec.config.d_inner = 23;
            spec.config.d_conv = 1;
            spec.config.dt_rank = 3;
            spec.config.vocab_size = 7;
            spec.config.use_bias = true;
            spec.config.use_conv_bias = false;
            spec.config.tie_word_embeddings = false;
            spec.config.eos_token_ids = {1, 6};
            write_checkpoint(directory.path(), spec);
            const Checkpoint checkpoint(directory.path());
            EXPECT_TRUE(checkpoint.unused_tensors().empty());
            EXPECT_EQ(checkpoint.tensor_name(Role::head, no_block), "lm_head.weight");
            EXPECT_EQ(checkpoint.shape().eos_token_ids, (std::vector<uint32_t>{1, 6}));
            EXPECT_EQ(checkpoint.files().tensor("backbone.layers.1.mixer.in_proj.bias").dtype, dtype);
            EXPECT_NEAR(values_of(checkpoint, "backbone.layers.0.mixer.A_log")[1], std::log(2.f), 0.01f);
        }
    }
}

TEST(Checkpoint, TheBuildersBytesAreReproducible) {
    const TemporaryDirectory first, second;
    write_checkpoint(first.path(), {});
    write_checkpoint(second.path(), {});
    EXPECT_EQ(read_text(first.file("model.safetensors")), read_text(second.file("model.safetensors")));
}

TEST(Checkpoint, DefaultsAreThoseOfTransformers) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.d_model = 33;
    spec.config.d_inner = 66;
    spec.config.dt_rank = 3;
    spec.config.d_state = 16;
    for (const char *key : {"state_size", "conv_kernel", "intermediate_size", "layer_norm_epsilon", "use_bias",
                            "use_conv_bias", "tie_word_embeddings", "hidden_act", "bos_token_id"}) {
        spec.config_members[key] = "";
    }
    spec.config_members["time_step_rank"] = "\"auto\"";
    spec.config_members["eos_token_id"] = "null";
    write_checkpoint(directory.path(), spec);
    const ModelShape shape = Checkpoint(directory.path()).shape();
    EXPECT_EQ(shape.dim(Dim::d_state), 16u);
    EXPECT_EQ(shape.dim(Dim::d_conv), 4u);
    EXPECT_EQ(shape.dim(Dim::d_inner), 66u);
    EXPECT_EQ(shape.dim(Dim::dt_rank), 3u);
    EXPECT_EQ(shape.norm_epsilon, 1e-5f);
    EXPECT_EQ(shape.shapes[0].flags, 0u);  // no bias of the projections
    EXPECT_TRUE(shape.conv_bias);
    EXPECT_TRUE(shape.tied);
    EXPECT_FALSE(shape.bos_token_id);
    EXPECT_TRUE(shape.eos_token_ids.empty());
}

TEST(Checkpoint, FractionalExpand) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.d_inner = 24;
    spec.config_members["intermediate_size"] = "";
    spec.config_members["expand"] = "1.5";
    write_checkpoint(directory.path(), spec);
    EXPECT_EQ(Checkpoint(directory.path()).shape().dim(Dim::d_inner), 24u);
}

TEST(Checkpoint, OpensTheLayoutOfStateSpaces) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.d_state = 8;
    spec.old_embedding_name = true;
    spec.files["config.json"] = R"({"d_model": 16, "n_layer": 2, "vocab_size": 27, "ssm_cfg": {"d_state": 8},
        "rms_norm": true, "residual_in_fp32": true, "fused_add_norm": true, "pad_vocab_size_multiple": 16})";
    write_checkpoint(directory.path(), spec);
    const Checkpoint checkpoint(directory.path());
    EXPECT_EQ(checkpoint.shape().vocab_size, 32u);
    EXPECT_EQ(checkpoint.shape().dim(Dim::d_inner), 32u);
    EXPECT_EQ(checkpoint.shape().dim(Dim::dt_rank), 1u);
    EXPECT_EQ(checkpoint.files().tensor("backbone.embeddings.weight").name, "backbone.embedding.weight");
}

TEST(Checkpoint, RangesAreNamed) {
    EXPECT_HAS(member_error("hidden_size", "0"),
               "config.json: hidden_size is 0; an integer from 1 to 65536 is needed");
    EXPECT_HAS(member_error("hidden_size", ""),
               "config.json: hidden_size is missing; an integer from 1 to 65536");
    EXPECT_HAS(member_error("hidden_size", "\"16\""), "config.json: hidden_size is \"16\"");
    EXPECT_HAS(member_error("hidden_size", "65537"), "1 to 65536");
    EXPECT_HAS(member_error("num_hidden_layers", "1025"), "1 to 1024");
    EXPECT_HAS(member_error("vocab_size", "1048577"), "1 to 1048576");
    EXPECT_HAS(member_error("state_size", "1025"), "1 to 1024");
    EXPECT_HAS(member_error("conv_kernel", "65"), "1 to 64");
    EXPECT_HAS(member_error("intermediate_size", "131073"), "1 to 131072");
    EXPECT_HAS(member_error("time_step_rank", "0"), "1 to 65536");
    EXPECT_HAS(member_error("time_step_rank", "\"automatic\""), "\"auto\" or an integer from 1 to 65536");
    EXPECT_HAS(member_error("layer_norm_epsilon", "0"), "layer_norm_epsilon is 0; a number from 1e-12 to 1");
    EXPECT_HAS(member_error("use_bias", "1"), "use_bias is 1; true or false");
    EXPECT_HAS(member_error("bos_token_id", "32"), "bos_token_id is 32; an integer from 0 to 31");
    EXPECT_HAS(member_error("eos_token_id", "[1, 32]"), "eos_token_id is 32; an integer from 0 to 31");
    EXPECT_HAS(member_error("eos_token_id", "-1"), "eos_token_id is -1");
    CheckpointSpec spec;
    spec.config_members["intermediate_size"] = "";
    spec.config_members["expand"] = "60000";
    EXPECT_HAS(open_error(spec), "expand is 60000, which makes d_inner 960000; 1 to 131072");
}

TEST(Checkpoint, WhatIsNotSupportedIsNamed) {
    EXPECT_HAS(member_error("model_type", "\"llama\""),
               "config.json: model_type is \"llama\"; " + supported_model_types());
    EXPECT_HAS(member_error("model_type", ""), "model_type is missing");
    EXPECT_HAS(member_error("model_type", "3"), "model_type is 3; a string");
    EXPECT_HAS(member_error("hidden_act", "\"gelu\""), "hidden_act is \"gelu\"; \"silu\" is needed");
    EXPECT_HAS(member_error("rms_norm", "false"), "rms_norm is false");
    EXPECT_HAS(member_error("quantization_config", "{}"), "quantized already");
}

TEST(Checkpoint, TensorsAreCheckedOnOpening) {
    CheckpointSpec spec;
    spec.edit_tensors = [](auto &tensors) { find_tensor(tensors, "backbone.layers.1.mixer.D")->name = "D"; };
    EXPECT_HAS(open_error(spec), "has no tensor \"backbone.layers.1.mixer.D\"; one of shape [32] is needed");
    spec.edit_tensors = [](auto &tensors) { find_tensor(tensors, "backbone.norm_f.weight")->shape = {4, 4}; };
    EXPECT_HAS(open_error(spec),
               "model.safetensors: tensor \"backbone.norm_f.weight\" has shape [4, 4]; [16] is needed");
    spec.edit_tensors = [](auto &tensors) {
        find_tensor(tensors, "backbone.norm_f.weight")->dtype = DType::i32;
    };
    EXPECT_HAS(open_error(spec), "tensor \"backbone.norm_f.weight\" has type I32; F32, F16 or BF16 is needed");
}

TEST(Checkpoint, UnusedTensorsAreListed) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.edit_tensors = [](std::vector<Tensor> &tensors) {
        tensors.push_back(make_tensor("z.extra", DType::f32, {1}, {1}));
        tensors.push_back({"counter", DType::i64, {1}, std::string(8, '\0')});
        tensors.push_back(make_tensor("lm_head.weight", DType::f32, {32, 16}, std::vector<float>(512)));
    };
    write_checkpoint(directory.path(), spec);
    const Checkpoint checkpoint(directory.path());
    EXPECT_EQ(checkpoint.unused_tensors(), (std::vector<std::string>{"counter", "lm_head.weight", "z.extra"}));
    EXPECT_EQ(checkpoint.tensor_name(Role::head, no_block), "backbone.embeddings.weight");
}

TEST(Checkpoint, ATiedHeadOfAnotherShapeIsAnError) {
    CheckpointSpec spec;
    spec.edit_tensors = [](std::vector<Tensor> &tensors) {
        tensors.push_back(make_tensor("lm_head.weight", DType::f32, {33, 16}, std::vector<float>(33 * 16)));
    };
    EXPECT_HAS(open_error(spec), "tensor \"lm_head.weight\" has shape [33, 16]; [32, 16] is needed");
}

TEST(Checkpoint, ShardNamesStayInTheDirectory) {
    for (const char *name :
         {"../model.safetensors", "/etc/passwd", "..", ".", "", "a/b", "a\\\\b", "a\\u0000b"}) {
        CheckpointSpec spec;
        spec.shards = 2;
        spec.files["model.safetensors.index.json"] = R"({"weight_map": {"t": ")" + std::string(name) + "\"}}";
        EXPECT_HAS(open_error(spec), "a plain file name is needed");
    }
}

TEST(Checkpoint, TheIndexIsChecked) {
    const auto error = [](const std::string &text) {
        CheckpointSpec spec;
        spec.shards = 2;
        spec.files["model.safetensors.index.json"] = text;
        return open_error(spec);
    };
    EXPECT_HAS(error("[]"), "index.json is an array; an object");
    EXPECT_HAS(error("{}"), "has no weight_map");
    EXPECT_HAS(error("{\"weight_map\": 1}"), "weight_map is 1; an object");
    EXPECT_HAS(error("{\"weight_map\": {\"t\": 1}}"), "weight_map: \"t\" is 1; a string");
    EXPECT_HAS(error(R"({"weight_map": {"t": "none.safetensors"}})"), "none.safetensors: No such file");
    EXPECT_HAS(error(R"({"weight_map": {"t": "model-00001-of-00002.safetensors"}})"),
               "has no tensor \"t\", which");
    EXPECT_HAS(error("{\"weight_map\": {}}"), "has no tensor \"backbone.embeddings.weight\"");
}

TEST(Checkpoint, MissingFilesAreNamed) {
    const TemporaryDirectory directory;
    const auto opening = [&](const std::string &path) {
        return error_of([&] { const Checkpoint checkpoint(path); });
    };
    EXPECT_HAS(opening(directory.file("none")), "none: No such file");
    EXPECT_HAS(opening(directory.path()), "config.json: No such file");
    write_text(directory.file("config.json"), config_text({}));
    EXPECT_HAS(opening(directory.path()), "has none of model.safetensors, model.safetensors.index.json, "
                                          "pytorch_model.bin, pytorch_model.bin.index.json, *.pth and *.gguf");
    write_text(directory.file("model.safetensors"), "");
    EXPECT_HAS(opening(directory.path()), "model.safetensors has 0 bytes");
}

TEST(Checkpoint, GenerationDefaults) {
    const auto generation = [](const std::string &text) {
        const TemporaryDirectory directory;
        CheckpointSpec spec;
        spec.files["generation_config.json"] = text;
        write_checkpoint(directory.path(), spec);
        return Checkpoint(directory.path()).generation();
    };
    const GenerationConfig all = generation(R"({"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05,
        "repetition_penalty": 1.1, "do_sample": true, "bos_token_id": 1, "eos_token_id": [2, 3], "other": {}})");
    EXPECT_EQ(all.temperature, 0.7);
    EXPECT_EQ(all.top_p, 0.9);
    EXPECT_EQ(all.top_k, 40u);
    EXPECT_EQ(all.min_p, 0.05);
    EXPECT_EQ(all.repetition_penalty, 1.1);
    EXPECT_EQ(all.do_sample, true);
    EXPECT_EQ(all.bos_token_id, 1u);
    EXPECT_EQ(all.eos_token_ids, (std::vector<uint32_t>{2, 3}));
    const GenerationConfig none = generation(R"({"temperature": null, "eos_token_id": 5})");
    EXPECT_FALSE(none.temperature);
    EXPECT_EQ(none.eos_token_ids, std::vector<uint32_t>{5});
    const std::pair<const char *, const char *> bad[] = {
        {"{", "generation_config.json:1:2"},
        {"[]", "generation_config.json is an array"},
        {R"({"temperature": -1})", "temperature is -1; a number from 0 to 100"},
        {R"({"top_p": 1.5})", "top_p is 1.5; a number from 0 to 1"},
        {R"({"top_k": -1})", "top_k is -1"},
        {R"({"repetition_penalty": 0})", "repetition_penalty is 0"},
        {R"({"do_sample": 1})", "do_sample is 1; true or false"},
        {R"({"eos_token_id": 32})", "eos_token_id is 32; an integer from 0 to 31"},
        {R"({"eos_token_id": [0, [1]]})", "eos_token_id is an array; an integer"},
    };
    for (const auto &[text, message] : bad) EXPECT_HAS(error_of([&, t = text] { generation(t); }), message);
}

TEST(Checkpoint, ValuesThatAreNotFiniteAreNamed) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
        for (const float value : {INFINITY, -INFINITY, NAN}) {
            const TemporaryDirectory directory;
            CheckpointSpec spec;
            spec.dtype = dtype;
            spec.edit = [&](const std::string &name, std::vector<float> &values) {
                if (name == "backbone.layers.0.norm.weight") values[5] = value;
            };
            write_checkpoint(directory.path(), spec);
            const Checkpoint checkpoint(directory.path());
            const std::string name = "backbone.layers.0.norm.weight";
            EXPECT_HAS(error_of([&] { values_of(checkpoint, name); }), "\"" + name + "\" has the value");
            float part[4];
            EXPECT_HAS(error_of([&] { checkpoint.files().read(checkpoint.files().tensor(name), 2, 4, part); }),
                       "at index 5;");
            checkpoint.files().read(checkpoint.files().tensor(name), 1, 4, part);
        }
    }
}

// Kilobytes of the mapping around an address that are resident; -1 where the system does not say.
static long resident_kilobytes(const uint8_t *address) {
    std::ifstream maps("/proc/self/smaps");
    const auto wanted = reinterpret_cast<unsigned long>(address);
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
        unsigned long first, last;
        long kilobytes;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2)
            inside = first <= wanted && wanted < last;
        if (inside && std::sscanf(line.c_str(), "Rss: %ld kB", &kilobytes) == 1) return kilobytes;
    }
    return -1;
}

TEST(Checkpoint, TheCrcOfTheWeightsCoversEveryValueAndNoLayout) {
    const auto crc_of = [](const CheckpointSpec &spec) {
        const TemporaryDirectory directory;
        write_checkpoint(directory.path(), spec);
        return Checkpoint(directory.path()).weights_crc();
    };
    CheckpointSpec spec, sharded, last, epsilon;
    sharded.shards = 3;
    last.edit = [](const std::string &name, std::vector<float> &values) {
        if (name == "backbone.layers.1.mixer.in_proj.weight") values.back() += 1;
    };
    epsilon.config.norm_epsilon = 1e-6f;
    EXPECT_EQ(crc_of(sharded), crc_of(spec));
    EXPECT_NE(crc_of(last), crc_of(spec));
    EXPECT_NE(crc_of(epsilon), crc_of(spec));
}

// What no tensor tells, and changes what a model computes.
TEST(Checkpoint, TheCrcOfTheWeightsKnowsFamiliesApart) {
    const auto crc_of = [](const CheckpointSpec &spec) {
        const TemporaryDirectory directory;
        write_checkpoint(directory.path(), spec);
        return Checkpoint(directory.path()).weights_crc();
    };
    CheckpointSpec mamba, falcon, epsilon;
    falcon.config.model_type = epsilon.config.model_type = "falcon_mamba";
    epsilon.config_members["mixer_rms_eps"] = "0.01";
    EXPECT_NE(crc_of(falcon), crc_of(mamba));
    EXPECT_NE(crc_of(epsilon), crc_of(falcon));
    CheckpointSpec mamba2;
    mamba2.config.model_type = "mamba2";
    mamba2.config.n_group = 2;
    CheckpointSpec grouped = mamba2, limited = mamba2;
    grouped.config.norm_groups = 2;
    limited.config_members["time_step_limit"] = "[0.001, 0.1]";
    EXPECT_NE(crc_of(grouped), crc_of(mamba2));
    EXPECT_NE(crc_of(limited), crc_of(mamba2));
}

TEST(Checkpoint, ReleasedTensorsLeaveMemoryAndReadTheSame) {
    const TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.vocab_size = 16384;  // 1 MiB
    write_checkpoint(directory.path(), spec);
    const Checkpoint checkpoint(directory.path());
    const TensorView &tensor = checkpoint.files().tensor("backbone.embeddings.weight");
    const std::vector<float> before = values_of(checkpoint, tensor.name);
    const long resident = resident_kilobytes(tensor.data);
    if (resident < 0) GTEST_SKIP() << "NOT TESTED: /proc/self/smaps cannot be read";
    EXPECT_GE(resident, 1000);
    checkpoint.files().release(tensor);
    checkpoint.files().release(checkpoint.files().tensor("backbone.norm_f.weight"));  // smaller than a page
    EXPECT_LE(resident_kilobytes(tensor.data), 100);
    EXPECT_EQ(values_of(checkpoint, tensor.name), before);
}

void open_all_of(const std::string &model) {
    const Checkpoint checkpoint(model_directory(model));
    EXPECT_TRUE(checkpoint.unused_tensors().empty()) << model;
    for (const TensorSpec &spec : checkpoint.shape().family->tensors(checkpoint.shape()))
        values_of(checkpoint, spec.name);
}

TEST(Checkpoint, OpensTheModelsThatComeAlong) {
    for (const char *model : {"adder-13m", "adder-1m-int4"}) open_all_of(model);
    EXPECT_EQ(Checkpoint(model_directory("adder-13m")).generation().temperature, 0.7);
}

TEST(Checkpoint, OpensOtherModels) {
    const std::string shared = shared_directory();
    if (shared.empty()) GTEST_SKIP() << shared_missing;
    for (const char *model :
         {"adder-1m", "mamba2-13m", "conformance/mamba", "conformance/mamba_untied_odd",
          "conformance/falcon_mamba", "conformance/mamba2", "conformance/mamba2_groups", "griffin-13m",
          "conformance/recurrent_gemma", "conformance/rwkv4", "conformance/granitemoehybrid_nope",
          "conformance/granitemoehybrid_rope", "conformance/bamba", "conformance/lfm2",
          "conformance/falcon_h1", "conformance/falcon_h1_norm", "conformance/nemotron_h",
          "conformance/qwen3_5", "conformance/qwen3_next_dense"})
        open_all_of(model);
}

}  // namespace adder::test
