// What of a Griffin's config.json is read and refused, and what only this family has.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/convert/convert.h"
#include "converter/families/random_checkpoint.h"
#include "converter/plan/plan.h"
#include "tests/support/families.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

ModelShape read(const std::map<std::string, std::string> &members) {
    return read_config("recurrent_gemma", members);
}

std::string refusal(const std::string &key, const std::string &value) {
    return config_refusal("recurrent_gemma", key, value);
}

TEST(GriffinConfig, TwoBlocksALayerByTheirTypes) {
    const ModelShape model = read({{"block_types", "[\"recurrent\", \"recurrent\", \"attention\"]"}});
    std::string kinds;
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        EXPECT_EQ(model.blocks[block].layer, block / 2);
        const BlockId kind = model.view(block).kind->id;
        kinds += kind == BlockId::griffin ? 'r' : kind == BlockId::griffin_attention ? 'a' : 'm';
    }
    EXPECT_EQ(kinds, "rmrmamrm");
    EXPECT_EQ(read({{"block_types", ""}, {"_block_types", "[\"attention\"]"}}).view(2).kind->id,
              BlockId::griffin_attention);
}

TEST(GriffinConfig, TheEmbeddingsScaleIsABfloat16) {
    EXPECT_EQ(read({{"hidden_size", "2560"}}).embedding_scale, 50.5f);  // sqrt(2560) is 50.596
    EXPECT_EQ(read({{"hidden_size", "4096"}}).embedding_scale, 64.0f);
    EXPECT_EQ(read({{"logits_soft_cap", "12.5"}}).logit_softcap, 12.5f);
    EXPECT_EQ(read({{"logits_soft_cap", ""}}).logit_softcap, 30.0f);
}

TEST(GriffinConfig, IntermediateSizeIsTwiceTheWidth) {
    EXPECT_EQ(read({{"intermediate_size", "96"}}).view(1).dims[Dim::d_inner], 48u);
    EXPECT_NE(refusal("intermediate_size", "97").find("twice the width"), std::string::npos);
}

// What transformers lets a token see, or what the file says besides.
TEST(GriffinConfig, TheWindowHoldsTheCurrentToken) {
    const auto window = [](const ModelShape &model) { return model.dim(Dim::window); };
    const ModelShape plain = read({{"attention_window_keys", ""}, {"attention_window_size", "24"}});
    EXPECT_EQ(window(plain), 24u);
    ASSERT_EQ(plain.notes.size(), 1u);
    EXPECT_NE(plain.notes[0].find("\"attention_window_keys\": 25"), std::string::npos);
    const ModelShape stated = read({{"attention_window_keys", "25"}, {"attention_window_size", "24"}});
    EXPECT_EQ(window(stated), 25u);
    EXPECT_TRUE(stated.notes.empty());
}

TEST(GriffinConfig, RopeIsReadWhereverItStands) {
    const ModelShape inner =
        read({{"rope_parameters",
               "{\"rope_theta\": 500, \"partial_rotary_factor\": 0.25, \"rope_type\": \"default\"}"}});
    EXPECT_EQ(inner.rope_base, 500);
    EXPECT_EQ(inner.dim(Dim::n_turn), 1u);
    const ModelShape outer = read({{"rope_theta", "700"}, {"partial_rotary_factor", "1.0"}});
    EXPECT_EQ(outer.rope_base, 700);
    EXPECT_EQ(outer.dim(Dim::n_turn), 4u);
}

TEST(GriffinConfig, WhatIsNotComputedIsNamed) {
    const std::pair<const char *, const char *> refused[] = {
        {"hidden_activation", "\"silu\""},
        {"attention_bias", "true"},
        {"block_types", "[\"mamba\"]"},
        {"block_types", "[]"},
        {"rope_scaling", "{\"type\": \"linear\"}"},
        {"rope_parameters", "{\"rope_type\": \"yarn\"}"},
        {"partial_rotary_factor", "0.3"},
        {"logits_soft_cap", "-1"},
        {"attention_window_size", "70000"},
    };
    for (const auto &[key, value] : refused) {
        const std::string text = refusal(key, value);
        EXPECT_NE(text.find(std::string(key) == "rope_parameters" ? "rope_type" : key), std::string::npos)
            << key << ": " << text;
    }
    for (const auto &[key, value] : {std::pair<const char *, const char *>{"num_attention_heads", "3"},
                                     {"num_key_value_heads", "3"},
                                     {"head_dim", "12"},
                                     {"lru_width", "36"}})
        EXPECT_NE(refusal(key, value).find("cannot be the"), std::string::npos) << key << refusal(key, value);
}

TEST(GriffinConfig, TheWholeNumberIsReadBack) {
    for (const char *name : {"recurrentgemma-2b", "griffin:64,3,77"}) {
        const ModelShape model = shape_like(name);
        JsonWriter json;
        json.begin_object();
        model.family->write_config(model, &json);
        json.key("bos_token_id").value(0).end_object();
        const ModelShape found = read_model_shape(Json::parse(json.text(), name), name);
        ASSERT_EQ(found.shapes.size(), model.shapes.size());
        for (size_t i = 0; i < found.shapes.size(); ++i)
            EXPECT_EQ(std::memcmp(&found.shapes[i], &model.shapes[i], sizeof(BlobShape)), 0) << name << i;
        EXPECT_EQ(found.embedding_scale, model.embedding_scale);
        EXPECT_EQ(found.logit_softcap, model.logit_softcap);
        EXPECT_EQ(found.rope_base, model.rope_base);
    }
}

// Gates are never rounded by GPTQ, and what nothing makes is not smoothed; rules that ask for it are refused.
TEST(GriffinPlan, GatesTakeTheNearestCodes) {
    const ModelShape model = read({});
    Recipe recipe = recipe_named("small");
    recipe.set_weights(Dtype::int4);
    recipe.set_smoothing(0.5f);
    const Plan plan(recipe, model);
    EXPECT_FALSE(plan.of(Role::lru_gates, 0).gptq);
    EXPECT_TRUE(plan.of(Role::in_proj, 0).gptq);
    EXPECT_EQ(plan.of(Role::lru_gates, 0).alpha, 0);
    for (const char *rule : {"layers.*.lru_gates=int4,gptq", "layers.*.lru_gates=input=static,alpha=0.5"}) {
        Plan changed(recipe_named("best"), model);
        EXPECT_THROW(apply_rules({PlanRule(RuleSource{rule, "--set", ExitCode::usage})}, model, &changed), Error)
            << rule;
    }
}

// The reference has the logits for one key more, too: what DeepMind's code computes.
TEST(GriffinWindow, OneKeyMoreIsWhatTheAuthorsCompute) {
    const std::string checkpoint = model_directory("conformance/recurrent_gemma");
    if (checkpoint.empty()) GTEST_SKIP() << shared_missing;
    TemporaryDirectory directory;
    for (const char *name : {"model.safetensors", "config.json"})
        write_text(directory.file(name), std::string(MappedFile(join_path(checkpoint, name)).text()));
    std::string config(MappedFile(directory.file("config.json")).text());
    config.insert(config.find('{') + 1, "\"attention_window_keys\": 25,");
    write_text(directory.file("config.json"), config);
    ConvertOptions options;
    options.checkpoint = directory.path();
    options.output = directory.file("float.adder");
    options.recipe = recipe_named("float");
    ThreadPool pool(1);
    convert(options, pool);
    const BlobFile blob(options.output);
    const Session session(blob, adder_options{});
    const MappedFile file(model_reference("conformance/recurrent_gemma"));
    const Json reference = Json::parse(file.text(), file.path());
    const Json &longest = reference.find("cases")->array("cases").back();
    std::vector<int32_t> ids;
    for (const Json &id : longest.find("ids")->array("ids"))
        ids.push_back(static_cast<int32_t>(id.integer("id", 0, 1 << 20)));
    ASSERT_GT(ids.size(), 25u);
    float *logits = nullptr;
    ASSERT_EQ(adder_feed(session.get(), ids.data(), ids.size() - 1), ADDER_OK);
    ASSERT_EQ(adder_step(session.get(), ids.back(), &logits), ADDER_OK);
    double largest = 0, off = 0, plain = 0;
    const std::vector<Json> &expected = longest.find("logits_last_window_plus_1")->array("logits"),
                            &narrower = longest.find("logits_last")->array("logits");
    for (size_t i = 0; i < expected.size(); ++i) {
        const double value = expected[i].number("logit"), found = static_cast<double>(logits[i]);
        largest = std::max(largest, std::fabs(value));
        off = std::max(off, std::fabs(value - found));
        plain = std::max(plain, std::fabs(narrower[i].number("logit") - found));
    }
    EXPECT_LT(off, 1e-5 * largest);
    EXPECT_GT(plain, 1e-3 * largest);
}

}  // namespace
}  // namespace adder::test
