// Recipes through a whole small model: what GPTQ gains, that threads do not matter, and that outliers do no harm.
// SPDX-License-Identifier: MIT
#include "converter/convert/gptq_walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/calibrate/calibrate.h"
#include "tests/support/blob_builder.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/families.h"
#include "tests/support/sample.h"
#include "tests/support/stream_source.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

class Recipes : public testing::Test {
  protected:
    Recipes() {
        spec_.config.d_model = 48;
        spec_.config.d_inner = 96;
        spec_.config.n_layer = 4;
        spec_.config.tie_word_embeddings = false;
        spec_.edit = [](const std::string &name, std::vector<float> &values) {
            if (name.find("embedding") != std::string::npos || name.find("in_proj") != std::string::npos ||
                name.find("out_proj") != std::string::npos)
                for (float &value : values) value *= 4;
        };
        test::write_checkpoint(directory_.path(), spec_);
        uint64_t state = 5;
        for (int s = 0; s < 40; ++s) {
            Tokens &tokens = sequences_.emplace_back();
            for (int t = 0; t < 60 + s; ++t) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                tokens.push_back(static_cast<int32_t>((state >> 33) % spec_.config.vocab_size));
            }
        }
    }

    // The same dimensions in another family, of a width that a Hadamard transform takes.
    void become(const std::string &model_type) {
        spec_.config.model_type = model_type;
        spec_.config.d_inner = 128;
        spec_.config.n_head = 4;
        spec_.config.n_group = 2;
        spec_.config.dt_rank = 3;
        spec_.config.d_state = 16;
        if (test::is_rwkv(model_type)) become_rwkv();
        if (test::is_hybrid(model_type)) become_hybrid();
        test::write_checkpoint(directory_.path(), spec_);
    }

    // Its matrices have other names than those that are made larger above: as they are, nearly all that a recipe loses is
    // lost in the head, which is the same in all. Some channels behind the norms are larger than the others, as a trained model's
    // are: without that the inputs are so even that one scale for all of them loses no more than one per token. What the
    // int8 recipes lose is then 0.26 to 0.54 of naive's. A Hadamard transform has to fit d_model, and ranks of 1 to 3
    // leave nothing for GPTQ to choose.
    void become_rwkv() {
        spec_.config.d_model = 64;
        spec_.config.dt_rank = spec_.config.n_group = 24;  // of w and g
        spec_.config.d_conv = 8;                           // of v
        spec_.edit = [](const std::string &name, std::vector<float> &values) {
            for (const char *matrix :
                 {"r_proj", "k_proj", "v_proj", "o_proj", "ffn.key", "ffn.value", "lora.0.weight",
                  "lora.2.weight", "receptance.weight", "key.weight", "value.weight", "output.weight"})
                if (name.find(matrix) != std::string::npos) {
                    for (float &value : values) value *= 4;
                    break;
                }
            if (name.find("attn_norm.weight") != std::string::npos ||
                name.find("ffn_norm.weight") != std::string::npos ||
                name.find("ln1.weight") != std::string::npos || name.find("ln2.weight") != std::string::npos)
                for (const size_t channel : {3, 40}) values[channel] *= 2;
        };
    }

    // As above: of those with mixers nearly all that a recipe loses would be lost in the embedding. A Hadamard transform has to fit
    // the heads together, and d_model.
    void become_hybrid() {
        spec_.config.d_model = 64;
        spec_.config.head_dim = 16;
        spec_.edit = [](const std::string &name, std::vector<float> &values) {
            for (const char *matrix : {"_proj.weight", "_linear.weight"})
                if (name.find(matrix) != std::string::npos && name.find(".conv.") == std::string::npos)
                    for (float &value : values) value *= 2;
        };
    }

    // In another basis of the residual stream the model is what it was, and so are quantized ones about as good.
    void expect_rotated_is_same() {
        const auto edit = spec_.edit;
        spec_.edit = [&](const std::string &name, std::vector<float> &values) {
            edit(name, values);
            if (name.find("norm") != std::string::npos)  // weights that a rotation does not commute with
                for (size_t i = 0; i < values.size(); ++i) values[i] = 0.3f + static_cast<float>(i % 7);
        };
        for (const bool tied : {false, true})
            for (const bool bias : {false, true}) {
                spec_.config.tie_word_embeddings = tied;
                spec_.config.use_bias = bias;
                test::write_checkpoint(directory_.path(), spec_);
                const double error = distance(blob(recipe_named("float"), 2, true));
                EXPECT_GT(error, 0);  // it was rotated
                EXPECT_LT(std::sqrt(error), 1e-4 * std::sqrt(mean_square_)) << tied << bias;
            }
        for (const char *name : {"best", "small"})
            EXPECT_LT(distance(blob(recipe_named(name), 2, true)), 2 * distance(blob(recipe_named(name), 2)))
                << name;
    }

    std::string blob(const Recipe &recipe, uint32_t threads, bool rotated = false) {
        ThreadPool pool(threads);
        const Checkpoint checkpoint(directory_.path(), rotated);
        const Plan plan(recipe_for(checkpoint.shape(), recipe), checkpoint.shape());
        FloatModel model(checkpoint, pool);
        const Calibration calibration = calibrate(model, sequences_, plan);
        BlobContents contents{};
        contents.defaults.temperature = contents.defaults.top_p = contents.defaults.repetition_penalty = 1.0f;
        contents.golden = {1, 2, 3};
        contents.cache = StateType::f32;  // what narrower keys and values cost is the context's test to say
        const std::string path = directory_.file("blob.adder");
        BlobWriter writer(path, checkpoint, plan, contents);
        if (needs_hessians(plan))
            notes_ = write_with_gptq(model, sequences_, plan, calibration, &writer);
        else
            writer.write(writer.tensors(), calibration, pool);
        writer.finish();
        const MappedFile file(path);
        return std::string(file.text());
    }

    // The mean squared difference of the logits from the float model's, on the calibration's last sequence.
    double distance(const std::string &bytes) {
        ThreadPool pool(1);
        const Checkpoint checkpoint(directory_.path());
        FloatModel model(checkpoint, pool);
        const Tokens &tokens = sequences_.back();
        const uint32_t vocab = spec_.config.vocab_size;
        std::vector<float> expected;
        FloatModel::Visitor visitor;
        visitor.logits = [&](size_t, uint32_t, const float *row, uint32_t) {
            expected.insert(expected.end(), row, row + vocab);
        };
        model.run(std::vector<Tokens>{tokens}, visitor);
        const std::string path = directory_.file("other.adder");
        test::write_text(path, bytes);
        const BlobFile file(path);
        const Session session(file, adder_options{});
        double sum = 0;
        mean_square_ = 0;
        for (const float value : expected)
            mean_square_ += static_cast<double>(value) * static_cast<double>(value) /
                            static_cast<double>(expected.size());
        for (size_t t = 0; t < tokens.size(); ++t) {
            float *logits = nullptr;
            EXPECT_EQ(adder_step(session.get(), tokens[t], &logits), ADDER_OK);
            for (uint32_t i = 0; i < vocab; ++i)
                sum += std::pow(static_cast<double>(logits[i] - expected[t * vocab + i]), 2);
        }
        return sum / static_cast<double>(expected.size());
    }

    test::TemporaryDirectory directory_;
    test::CheckpointSpec spec_;
    std::vector<Tokens> sequences_;
    std::vector<std::string> notes_;
    double mean_square_ = 0;  // of the float model's logits
};

TEST_F(Recipes, GptqIsCloserThanTheNearestCodes) {
    Recipe small = recipe_named("small");
    const double with = distance(blob(small, 2));
    EXPECT_TRUE(notes_.empty());
    for (Role role : test::linear_roles) small.of(role).gptq = false;
    const double nearest = distance(blob(small, 2));
    EXPECT_LT(with, 0.6 * nearest);
    EXPECT_GT(with, 0.0);
}

TEST_F(Recipes, ThreadsDoNotMatter) {
    // All linear layers, so that all ways to take inputs are gone.
    Recipe recipe = recipe_named("small");
    for (Role role : test::linear_roles) {
        recipe.of(role).weights = Dtype::int4;
        recipe.of(role).gptq = true;
    }
    const std::string one = blob(recipe, 1);
    EXPECT_EQ(blob(recipe, 2), one);
    EXPECT_EQ(blob(recipe, 4), one);
    Recipe nearest = recipe;
    for (Role role : test::linear_roles) nearest.of(role).gptq = false;
    EXPECT_LT(distance(one), 0.8 * distance(blob(nearest, 1)));
}

// A matrix on an int4 grid is stored as it is, and its layer's others are rounded all the same.
TEST_F(Recipes, GptqLeavesGridsAlone) {
    const auto edit = spec_.edit;
    spec_.edit = [edit](const std::string &name, std::vector<float> &values) {
        edit(name, values);
        if (name.find("layers.1.mixer.in_proj") == std::string::npos) return;
        for (size_t i = 0; i < values.size(); ++i)
            values[i] = static_cast<float>(static_cast<int>(i * 7 % 15) - 8 + (i % 16 == 0)) * 0.0625f;
    };
    test::write_checkpoint(directory_.path(), spec_);
    Recipe recipe = recipe_named("small");
    recipe.of(Role::in_proj).group = 16;
    const std::string bytes = blob(recipe, 2);
    const std::string path = directory_.file("grid.adder");
    test::write_text(path, bytes);
    const BlobFile file(path);
    const Model &model = *model_of(file.model());
    const BlobTensor *in_proj = nullptr;
    for (uint32_t i = 0; i < model.header->tensor_count; ++i) {
        const BlobTensor &tensor = model.tensors[i];
        if (tensor.block == 1 && tensor.role == static_cast<uint16_t>(Role::in_proj)) in_proj = &tensor;
    }
    ASSERT_NE(in_proj, nullptr);
    const BlobTensor &entry = *in_proj;
    uint16_t stored;
    std::memcpy(&stored, bytes.data() + entry.scale_offset, sizeof stored);
    EXPECT_EQ(std::fabs(float_of_bf16(stored)), 0.0625f);
}

// The same function with a channel in front of in_proj a hundred times as large, and its weights as much smaller.
TEST_F(Recipes, AnOutlierHurtsNaiveAndNotBest) {
    Recipe best = recipe_named("best"), searched = best, naive = recipe_named("naive");
    searched.search_smoothing();
    const double best_before = distance(blob(best, 2)), naive_before = distance(blob(naive, 2));
    const double searched_before = distance(blob(searched, 2));
    const uint32_t d_model = spec_.config.d_model;
    const auto edit = spec_.edit;
    spec_.edit = [edit, d_model](const std::string &name, std::vector<float> &values) {
        edit(name, values);
        if (name.find("mixer.in_proj") != std::string::npos)
            for (size_t i = 7; i < values.size(); i += d_model) values[i] /= 100;
        if (name.find("norm.weight") != std::string::npos) values[7] *= 100;
    };
    test::write_checkpoint(directory_.path(), spec_);
    EXPECT_GT(distance(blob(naive, 2)), 10 * naive_before);
    EXPECT_LT(distance(blob(best, 2)), 1.2 * best_before);
    EXPECT_LT(distance(blob(searched, 2)), 1.2 * searched_before);
    EXPECT_LT(searched_before, 1.2 * best_before);
}

class OtherFamilies : public Recipes, public testing::WithParamInterface<std::string> {
  protected:
    OtherFamilies() { become(GetParam()); }
};

// Every recipe computes about what the model does, the more of it the more it keeps.
TEST_P(OtherFamilies, RecipesAreAsGoodAsTheyShouldBe) {
    std::map<std::string, double> lost;
    for (const std::string &name : recipe_names()) {
        lost[name] = distance(blob(recipe_named(name), 2));
        EXPECT_TRUE(notes_.empty()) << name;
        lost[name] /= mean_square_;
    }
    EXPECT_EQ(lost["float"], 0);
    // What heads of hybrids attend to, and what LFM2's gates make, nothing can smooth.
    const bool smooths = !test::is_hybrid(GetParam());
    // Behind a length, of queries, keys and what is read by them, an error is as large a part as before it.
    const double passed = test::kind_of(GetParam()).id == BlockId::gdn ? 2.5 : 1.0;
    for (const char *name : {"best", "static", "smooth"}) {
        EXPECT_LT(lost[name], 0.8 * lost["naive"]) << name;
        // Every block loses something: those of Falcon-H1 are three a layer.
        const double more =
            passed * std::max(1.0, Checkpoint(directory_.path()).shape().block_count() / 8.0);
        EXPECT_LT(lost[name], (smooths || std::string(name) != "smooth" ? 0.003 : 0.005) * more) << name;
    }
    for (const char *name : {"small", "smaller", "smallest"}) {
        EXPECT_GT(lost[name], lost["best"]) << name;
        EXPECT_LT(lost[name], 0.04 * passed) << name;
    }
}

// The norm in front of the head divides it with its biases, if it has such.
TEST_P(OtherFamilies, TheHeadMayBeSmoothed) {
    Recipe recipe = recipe_named("best");
    const double before = distance(blob(recipe, 2));
    recipe.of(Role::head).alpha = 0.5f;
    EXPECT_LT(distance(blob(recipe, 2)), 1.3 * before);
}

// All linear layers by GPTQ: in_proj and bcdt_proj each with the moments of the one input that they share.
TEST_P(OtherFamilies, GptqOfEveryLinearLayerIsCloserThanTheNearestCodes) {
    Recipe recipe = recipe_named("best");
    const ModelShape shape = Checkpoint(directory_.path()).shape();
    std::vector<Role> roles;
    for (uint32_t block = 0; block < shape.block_count(); ++block)
        for (const Role role : linear_roles_of(shape, block))
            if (!is_diagonal(shape, role, block) &&  // which always has the nearest codes
                std::find(roles.begin(), roles.end(), role) == roles.end())
                roles.push_back(role);
    test::Sample sample(3);
    for (const Role role : roles) {
        Recipe alone = recipe_named("float");
        for (Recipe *one : {&recipe, &alone}) {
            one->of(role).weights = Dtype::int4;
            one->of(role).gptq = true;
        }
        // A family may give a layer the plan of another, with which it is tested then.
        if (recipe_for(shape, alone).of(role).weights != Dtype::int4) continue;
        for (const bool codes : {false, true}) {
            if (codes) alone.set_inputs(true);
            if (!sample.takes()) continue;
            const double with = distance(blob(alone, 2));
            alone.of(role).gptq = false;
            // With codes most of what is lost is not the weights'.
            EXPECT_LT(with, (codes ? 1.3 : 0.9) * distance(blob(alone, 2))) << static_cast<int>(role) << codes;
            alone.of(role).gptq = true;
        }
    }
    const std::string one = blob(recipe, 1);
    EXPECT_TRUE(blob(recipe, 3) == one);
    const double with = distance(one);
    for (const Role role : roles) recipe.of(role).gptq = false;
    EXPECT_LT(with, 0.7 * distance(blob(recipe, 2)));
}

// In RWKVs: a channel of a norm with its bias, which all mixtures of it and the one before have as well, and its column in
// all that take those; a channel of the gate, of the values, or of the norm of heads, and its column in what takes the gated.
void insert_rwkv_outlier(const std::string &name, bool head_norm, uint32_t d_model,
                         std::vector<float> *values) {
    const auto has = [&](const char *part) { return name.find(part) != std::string::npos; };
    const auto columns = [&](uint32_t channel) {
        for (size_t i = channel; i < values->size(); i += d_model) (*values)[i] /= 100;
    };
    if (has("attn_norm.") || has("ffn_norm.") || has("ln1.") || has("ln2.")) (*values)[7] *= 100;
    for (const char *takes : {"r_proj", "k_proj", "v_proj", "lora.0.weight", "ffn.key", "receptance.weight",
                              "key.weight", "gate.weight", "attention.value.weight"})
        if (has(takes)) {
            columns(7);
            break;
        }
    if (has("ln_x.")) (*values)[9] *= 100;
    if (has("g_lora.lora.2.weight") || (has("attention.value.weight") && !head_norm)) {
        const size_t rank = values->size() / d_model;
        for (size_t i = 0; i < rank; ++i) (*values)[9 * rank + i] *= 100;
    }
    if (has("o_proj") || has("output.weight")) columns(9);
}

// In hybrids with attention: a channel of the norms of blocks, and its column in all that takes that; a channel of the gated norm
// of mixers, and its column in out_proj. The norms of some are stored less one; that of a Gated DeltaNet is one of every head.
void insert_hybrid_outlier(const std::string &name, uint32_t d_model, uint32_t d_inner, bool less_one,
                           std::vector<float> *values) {
    const auto has = [&](const char *part) { return name.find(part) != std::string::npos; };
    if (has("linear_attn.norm.")) (*values)[9] *= 100;
    if (has("linear_attn.out_proj."))
        for (size_t i = 0; i < values->size(); ++i)
            if (i % d_inner % 16 == 9) (*values)[i] /= 100;
    const auto columns = [&](uint32_t channel, uint32_t width) {
        for (size_t i = channel; i < values->size(); i += width) (*values)[i] /= 100;
    };
    for (const char *norm : {"input_layernorm.", "post_attention_layernorm.", "pre_ff_layernorm.",
                             "operator_norm.", "ffn_norm."})
        if (has(norm)) (*values)[7] = less_one ? ((*values)[7] + 1) * 100 - 1 : (*values)[7] * 100;
    const bool inner = has("mamba.norm.") || has("mixer.norm.");
    if (has("layers.") && has(".norm.weight") && !inner && !has("linear_attn.")) (*values)[7] *= 100;
    for (const char *takes : {"in_proj.weight", "in_proj_", "q_proj.", "k_proj.", "v_proj.", "input_linear.",
                              "gate_proj.", "up_proj.", ".w1.", ".w3."})
        if (has(takes)) columns(7, d_model);
    if (inner) (*values)[9] *= 100;
    if (has("mamba.out_proj.weight") || has("mixer.out_proj.weight")) columns(9, d_inner);
}

// The same function with a channel in front of in_proj, and one in front of out_proj where a norm makes that input, a
// hundred times as large: what is smoothed is divided once, and multiplied in all that takes it.
TEST_P(OtherFamilies, AnOutlierHurtsNaiveAndNotSmooth) {
    const double smooth_before = distance(blob(recipe_named("smooth"), 2));
    const double best_before = distance(blob(recipe_named("best"), 2));
    const double naive_before = distance(blob(recipe_named("naive"), 2));
    const uint32_t d_model = spec_.config.d_model, d_inner = spec_.config.d_inner;
    const bool less_one = Checkpoint(directory_.path()).shape().norms_less_one;
    if (less_one && !test::is_hybrid(GetParam()))
        GTEST_SKIP() << "other names, and norms less one: ToyFolds holds its folds to be exact";
    const bool gate_norm = input_maker(Checkpoint(directory_.path()).shape(), Role::out_proj, 0) != Role::none;
    const bool rwkv = test::is_rwkv(GetParam()),
               head_norm =
                   input_maker(Checkpoint(directory_.path()).shape(), Role::out_proj, 0) == Role::head_norm;
    const auto edit = spec_.edit;
    spec_.edit = [=](const std::string &name, std::vector<float> &values) {
        edit(name, values);
        const auto ends = [&](const char *end) {
            return name.size() > strlen(end) && name.substr(name.size() - strlen(end)) == end;
        };
        if (rwkv) return insert_rwkv_outlier(name, head_norm, d_model, &values);
        if (test::is_hybrid(GetParam()))
            return insert_hybrid_outlier(name, d_model, d_inner, less_one, &values);
        if (ends("mixer.in_proj.weight"))
            for (size_t i = 7; i < values.size(); i += d_model) values[i] /= 100;
        if (gate_norm && ends("mixer.out_proj.weight"))
            for (size_t i = 9; i < values.size(); i += d_inner) values[i] /= 100;
        if (ends("mixer.norm.weight"))
            values[9] *= 100;
        else if (ends(".norm.weight"))
            values[7] *= 100;
    };
    test::write_checkpoint(directory_.path(), spec_);
    EXPECT_GT(distance(blob(recipe_named("naive"), 2)), 8 * naive_before);
    EXPECT_LT(distance(blob(recipe_named("smooth"), 2)), 1.3 * smooth_before);
    Recipe searched = recipe_named("best");
    searched.search_smoothing();
    if (!gate_norm) {
        EXPECT_LT(distance(blob(searched, 2)), 1.3 * best_before);
    }
}

// Weights of any two types may share an input's codes.
TEST_F(Recipes, SharersOfAnInputMayDifferInTheirWeights) {
    become("mamba2");
    for (const Input input : {Input::fixed, Input::token})
        for (const Role floats : {Role::in_proj, Role::bcdt_proj}) {
            Recipe recipe = recipe_named("best");
            recipe.of(Role::in_proj).input = input;
            const double codes = distance(blob(recipe, 2));
            recipe.of(floats).weights = Dtype::f32;
            EXPECT_LT(distance(blob(recipe, 2)), 1.1 * codes)
                << static_cast<int>(input) << static_cast<int>(floats);
            const Role other = floats == Role::in_proj ? Role::bcdt_proj : Role::in_proj;
            recipe.of(other).weights = Dtype::int4;
            recipe.of(other).gptq = true;
            EXPECT_LT(distance(blob(recipe, 2)), 0.05 * mean_square_);
            // In memory and streamed, token by token and in chunks.
            const BlobFile file(directory_.file("other.adder"));
            const uint8_t *const bytes = static_cast<const uint8_t *>(model_of(file.model())->blob);
            const test::AlignedBytes whole(bytes, static_cast<size_t>(file.info().blob_bytes));
            test::StreamSource source(whole);
            test::TestSession memory(whole), single(whole), stream(source.get());
            const Tokens &tokens = sequences_.back();
            ASSERT_EQ(adder_feed(memory.get(), tokens.data(), tokens.size()), ADDER_OK);
            ASSERT_EQ(adder_feed(stream.get(), tokens.data(), tokens.size()), ADDER_OK);
            for (const int32_t token : tokens) single.step(token);
            const std::vector<float> logits = memory.step(1);
            EXPECT_EQ(stream.step(1), logits);
            EXPECT_EQ(single.step(1), logits);
        }
}

TEST_P(OtherFamilies, ARotatedModelIsTheModel) {
    if (!Checkpoint(directory_.path()).shape().layer_norm) return expect_rotated_is_same();
    try {
        blob(recipe_named("float"), 2, true);
        FAIL() << "rotated in front of LayerNorms";
    } catch (const Error &error) {
        EXPECT_NE(std::string(error.what()).find("a residual stream in front of LayerNorms cannot be rotated"),
                  std::string::npos)
            << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(Families, OtherFamilies, testing::ValuesIn(test::other_model_types()));

// The input of dt_proj is what x_proj's rows in the blob make, and they are divided by the smoothing factors already: what
// GPTQ weighs its columns with must not be divided again.
TEST_F(Recipes, GptqOfDtProjSeesItsInputsAsTheyAre) {
    const auto edit = spec_.edit;
    spec_.config.dt_rank = 24;
    spec_.edit = [edit](const std::string &name, std::vector<float> &values) {
        edit(name, values);
        const bool rows = name.find("x_proj") != std::string::npos,
                   cols = name.find("dt_proj.weight") != std::string::npos;
        if (!rows && !cols) return;
        for (float &value : values) value *= 8;
        // dt_proj's 24 inputs are much alike, four by four, and six of them are large.
        for (size_t i = 6 * 96; rows && i < 24 * 96; ++i) values[i] = 0.2f * values[i] + values[i % (6 * 96)];
        for (size_t i = 0; i < values.size(); ++i) {
            const size_t channel = rows ? i / 96 : i % 24;
            if (channel < 24 && channel % 4 == 1) values[i] *= rows ? 64.0f : 1 / 64.0f;
        }
    };
    test::write_checkpoint(directory_.path(), spec_);
    Recipe recipe = recipe_named("float");
    LinearPlan &dt_proj = recipe.of(Role::dt_proj);
    dt_proj.weights = Dtype::int4;
    dt_proj.input = Input::fixed;
    dt_proj.alpha = 0.7f;
    dt_proj.gptq = false;
    const double nearest = distance(blob(recipe, 2));
    dt_proj.gptq = true;
    const double with = distance(blob(recipe, 2));
    EXPECT_LT(with, 0.4 * nearest);
}

TEST_F(Recipes, ARotatedModelIsTheModel) { expect_rotated_is_same(); }

// A table that is the embedding as well as the head.
TEST_F(Recipes, ATiedTableIsRoundedOnce) {
    spec_.config.tie_word_embeddings = true;
    test::write_checkpoint(directory_.path(), spec_);
    Recipe recipe = recipe_named("small"), nearest = recipe;
    recipe.of(Role::head).weights = nearest.of(Role::head).weights = Dtype::int4;
    recipe.of(Role::head).gptq = true;
    const std::string one = blob(recipe, 1);
    EXPECT_TRUE(notes_.empty());
    EXPECT_EQ(blob(recipe, 3), one);
    EXPECT_NE(blob(nearest, 1), one);
    EXPECT_LT(distance(one), 2 * distance(blob(recipe_named("small"), 1)));
}

}  // namespace
}  // namespace adder
