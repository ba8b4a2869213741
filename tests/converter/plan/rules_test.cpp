// Rules of a plan: what they match, what each tensor can take, and how errors name the place.
// SPDX-License-Identifier: MIT
#include "converter/plan/rules.h"

#include <gtest/gtest.h>

#include "converter/plan/names.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

ModelConfig config_of(bool tied, const char *model_type = "mamba") {
    ModelConfig config;
    config.model_type = model_type;
    config.d_model = 64;
    config.n_layer = 4;
    config.vocab_size = 32;
    config.d_inner = 128;
    config.d_state = 16;
    config.d_conv = 4;
    config.dt_rank = 4;
    config.tie_word_embeddings = tied;
    return config;
}

std::vector<PlanRule> rules_of(const std::vector<std::string> &texts) {
    std::vector<PlanRule> rules;
    for (const std::string &text : texts) rules.emplace_back(RuleSource{text, "--set", ExitCode::usage});
    return rules;
}

Plan planned(const ModelConfig &config, const std::vector<std::string> &texts, const char *recipe = "best") {
    const ModelShape shape = shape_of(config);
    Plan plan(recipe_named(recipe), shape);
    apply_rules(rules_of(texts), shape, &plan);
    return plan;
}

Plan planned(const std::vector<std::string> &texts, bool tied = true) {
    return planned(config_of(tied), texts);
}

std::string refused(const std::vector<std::string> &texts, bool tied = true) {
    return error_of([&] { planned(texts, tied); }, ExitCode::usage);
}

// The names of all tensors that a pattern matches, in the order of the blob.
std::string matched(const std::string &pattern, const char *model_type = "mamba") {
    const PlanRule rule(RuleSource{pattern + "=int8", "--set", ExitCode::usage});
    const ModelShape shape = shape_of(config_of(false, model_type));
    std::string names;
    const auto visit = [&](Role role, uint32_t block) {
        const uint32_t layer = block == no_block ? 0 : shape.blocks[block].layer;
        if (rule.pattern().matches(role, layer)) names += plan_name(shape, role, block) + " ";
    };
    visit(Role::embedding, no_block);
    Plan(recipe_named("best"), shape).each_linear(visit);
    return names;
}

TEST(PlanRules, PatternsMatchNames) {
    EXPECT_EQ(matched("head"), "head ");
    EXPECT_EQ(matched("{embedding,head}"), "embedding head ");
    EXPECT_EQ(matched("layers.1.x_proj"), "layers.1.x_proj ");
    EXPECT_EQ(matched("layers.1-2.{in,out}_proj"),
              "layers.1.in_proj layers.1.out_proj layers.2.in_proj layers.2.out_proj ");
    EXPECT_EQ(matched("layers.{0,2-3}.dt*"), "layers.0.dt_proj layers.2.dt_proj layers.3.dt_proj ");
    EXPECT_EQ(matched("layers.0,3.dt_proj"), "layers.0.dt_proj layers.3.dt_proj ");
    EXPECT_EQ(matched("layers.2.*"), "layers.2.in_proj layers.2.x_proj layers.2.dt_proj layers.2.out_proj ");
    EXPECT_EQ(matched("layers.2.*t_*"), "layers.2.dt_proj layers.2.out_proj ");
}

TEST(PlanRules, GlobsTakeTimeInProportionToTheirLength) {
    bool well_formed = true;
    std::string glob;
    for (int i = 0; i < 20000; ++i) glob += "{o,o,*,ou}*{,,}";
    EXPECT_FALSE(glob_matches(glob + "x", "out_proj", &well_formed));
    EXPECT_TRUE(glob_matches("{,,}*{out,in}{_,}proj*", "out_proj", &well_formed));
    EXPECT_TRUE(well_formed);
    EXPECT_FALSE(glob_matches("out{_,", "out_proj", &well_formed));
    EXPECT_FALSE(well_formed);
}

TEST(PlanRules, ValuesArriveInThePlan) {
    const Plan plan = planned({"layers.0.in_proj=int4,group=128,nearest,input=token,act-bits=4",
                               "layers.1.in_proj=int4,row,alpha=0.25,scale=percentile:99.5",
                               "layers.2.out_proj=input=hadamard", "layers.3.*=f32,input=float",
                               "layers.2.x_proj=tensor,input=static,alpha=auto,scale=absmax"});
    const LinearPlan &first = plan.of(Role::in_proj, 0);
    EXPECT_EQ(first.weights, Dtype::int4);
    EXPECT_EQ(first.group, 128u);
    EXPECT_FALSE(first.gptq);
    EXPECT_EQ(first.input, Input::token);
    EXPECT_EQ(first.input_bits, 4u);
    const LinearPlan &second = plan.of(Role::in_proj, 1);
    EXPECT_EQ(second.group, 0u);
    EXPECT_TRUE(second.gptq);  // what int4 weights are rounded with unless a rule says otherwise
    EXPECT_EQ(second.alpha, 0.25f);
    EXPECT_EQ(second.rule, ScaleRule::percentile);
    EXPECT_EQ(second.percentile, 99.5);
    EXPECT_EQ(plan.of(Role::out_proj, 2).input, Input::hadamard);
    EXPECT_EQ(plan.of(Role::dt_proj, 3).weights, Dtype::f32);
    EXPECT_EQ(plan.of(Role::dt_proj, 3).input, Input::floats);
    const LinearPlan &last = plan.of(Role::x_proj, 2);
    EXPECT_EQ(last.granularity, Granularity::tensor);
    EXPECT_EQ(last.input, Input::channels);
    EXPECT_EQ(last.rule, ScaleRule::absmax);
    EXPECT_TRUE(last.search_alpha);
    // What no rule names stays as the recipe has it.
    EXPECT_EQ(plan.of(Role::in_proj, 2).weights, Dtype::int8);
    EXPECT_EQ(plan.of(Role::in_proj, 2).alpha, recipe_named("best").of(Role::in_proj).alpha);
    EXPECT_EQ(plan.of(Role::out_proj, 1).input, Input::token);
}

TEST(PlanRules, TheFirstThatMatchesWins) {
    const Plan plan = planned({"layers.1.in_proj=f32", "layers.*.in_proj=int4,group=64"});
    EXPECT_EQ(plan.of(Role::in_proj, 1).weights, Dtype::f32);
    EXPECT_EQ(plan.of(Role::in_proj, 2).weights, Dtype::int4);
    EXPECT_EQ(plan.of(Role::in_proj, 2).group, 64u);
    EXPECT_HAS(refused({"layers.*.in_proj=f32", "layers.1.in_proj=int4"}),
               "'layers.1.in_proj=int4': all tensors that match belong to earlier rules");
}

TEST(PlanRules, ATiedHeadAndItsEmbeddingAreOneTable) {
    for (const char *name : {"embedding", "head"}) {
        const Plan plan = planned({std::string(name) + "=int4,group=64"});
        EXPECT_EQ(plan.of(Role::embedding, no_block).weights, Dtype::int4);
        EXPECT_EQ(plan.of(Role::head, no_block).group, 64u);
    }
    const Plan untied = planned({"embedding=int4"}, false);
    EXPECT_EQ(untied.of(Role::embedding, no_block).weights, Dtype::int4);
    EXPECT_FALSE(untied.of(Role::embedding, no_block).gptq);
    EXPECT_EQ(untied.of(Role::head, no_block).weights, Dtype::int8);
    EXPECT_HAS(refused({"embedding=int4", "head=int8"}), "'head=int8': all tensors");
}

TEST(PlanRules, WhatATensorCannotTakeIsAnError) {
    const struct {
        const char *rule, *reason;
        bool tied;
    } cases[] = {
        {"layers.*.in_proj=input=hadamard", "the input of layers.0.in_proj can be static, token or float",
         true},
        {"layers.*.x_proj=input=hadamard",
         "the input of layers.0.x_proj can be static, token, channels or float", true},
        {"layers.*.dt_proj=input=channels", "the input of layers.0.dt_proj can be static, token or float",
         true},
        {"layers.*.in_proj=group=64", "layers.0.in_proj has int8 weights, which take row or tensor", true},
        {"layers.*.in_proj=int4,tensor", "layers.0.in_proj has int4 weights, which take group=", true},
        {"layers.*.in_proj=f32,row", "layers.0.in_proj has f32 weights, which have no scales", true},
        {"layers.*.in_proj=nearest", "gptq and nearest are for int4", true},
        {"layers.*.out_proj=alpha=0.5", "layers.0.out_proj has an input of one scale a token", true},
        {"layers.*.in_proj=input=float,scale=mse", "layers.0.in_proj has an input of floats", true},
        {"layers.*.in_proj=input=float,act-bits=4", "has a float input, which has no bits", true},
        {"head=alpha=0.5", "it takes alpha=off", true},
        {"embedding=int4,gptq", "it takes nearest", false},
        {"embedding=input=token", "it has no input", false},
        {"layers.4.in_proj=int4", "there is no layer 4: the model has 4, from 0 to 3", true},
        {"layers.2-7.in_proj=int4", "character 8: there is no layer 7", true},
    };
    for (const auto &one : cases) {
        const std::string message = refused({one.rule}, one.tied);
        EXPECT_HAS(message, std::string("--set '") + one.rule + "'");
        EXPECT_HAS(message, one.reason);
    }
    EXPECT_EQ(planned({"head=alpha=0.5"}, false).of(Role::head, no_block).alpha, 0.5f);
    ModelConfig odd = config_of(true);
    odd.d_inner = 72;
    EXPECT_HAS(error_of([&] { planned(odd, {"layers.*.out_proj=input=hadamard"}); }, ExitCode::usage),
               "d_inner is 72");
}

// Mamba-2's in_proj and bcdt_proj are two matrices with bits of their own, and one input.
TEST(PlanRules, OfMamba2) {
    ModelConfig config = config_of(true, "mamba2");
    EXPECT_EQ(matched("layers.2.*", "mamba2"), "layers.2.in_proj layers.2.bcdt_proj layers.2.out_proj ");
    EXPECT_EQ(matched("layers.0-1.{in,bcdt}_proj", "mamba2"),
              "layers.0.in_proj layers.0.bcdt_proj layers.1.in_proj layers.1.bcdt_proj ");
    EXPECT_EQ(matched("layers.1.x_proj", "mamba2"), "");
    const Plan plan = planned(config, {"layers.*.bcdt_proj=int4,group=64", "layers.1.in_proj=f32",
                                       "layers.3.out_proj=input=hadamard"});
    for (uint32_t block = 0; block < config.n_layer; ++block) {
        EXPECT_EQ(plan.of(Role::bcdt_proj, block).weights, Dtype::int4);
        EXPECT_EQ(plan.of(Role::bcdt_proj, block).group, 64u);
        EXPECT_TRUE(plan.of(Role::bcdt_proj, block).gptq);
        EXPECT_EQ(plan.of(Role::in_proj, block).weights, block == 1 ? Dtype::f32 : Dtype::int8);
        EXPECT_TRUE(same_input(plan.of(Role::in_proj, block), plan.of(Role::bcdt_proj, block)));
        EXPECT_EQ(plan.of(Role::bcdt_proj, block).alpha, recipe_named("best").of(Role::in_proj).alpha);
    }
    EXPECT_EQ(plan.of(Role::out_proj, 3).input, Input::hadamard);
    // out_proj's input is made by a norm: its static form has one scale, not multipliers.
    EXPECT_EQ(planned(config, {"layers.0.out_proj=input=static"}).of(Role::out_proj, 0).input, Input::fixed);

    const Plan both = planned(config, {"layers.2.{in,bcdt}_proj=input=token,act-bits=4"});
    EXPECT_EQ(both.of(Role::in_proj, 2).input, Input::token);
    EXPECT_EQ(both.of(Role::bcdt_proj, 2).input_bits, 4u);
    const auto wrong = [&](const std::vector<std::string> &rules) {
        return error_of([&] { planned(config, rules); }, ExitCode::usage);
    };
    for (const char *value :
         {"input=token", "act-bits=4", "alpha=0.25", "alpha=auto", "scale=absmax", "input=float"})
        for (const char *role : {"in_proj", "bcdt_proj"}) {
            const std::string rule = std::string("layers.2.") + role + "=" + value;
            EXPECT_HAS(wrong({rule}),
                       "--set '" + rule +
                           "': layers.2.in_proj and bcdt_proj take one input, and in one form: set it for "
                           "both");
        }
    EXPECT_HAS(wrong({"layers.*.out_proj=input=channels"}),
               "the input of layers.0.out_proj can be static, token, hadamard or float");
    EXPECT_HAS(wrong({"layers.*.bcdt_proj=input=hadamard"}),
               "the input of layers.0.bcdt_proj can be static, token or float");
    EXPECT_HAS(wrong({"layers.*.x_proj=int8"}), "no tensor of the model matches");
    EXPECT_HAS(error_of([] { planned({"layers.*.bcdt_proj=int8"}); }, ExitCode::usage),
               "no tensor of the model matches");
}

TEST(PlanRules, WhatIsNoRuleIsNamedByItsCharacter) {
    const struct {
        const char *rule;
        int character;  // 0: of the rule as a whole
    } cases[] = {
        {"", 0},
        {"head", 0},
        {"head=", 6},
        {"head=int5", 6},
        {"head=int8,", 11},
        {"head=int8,int4", 11},
        {"head=int4,row,group=32", 0},
        {"head=group=48", 6},
        {"head=act-bits=6", 6},
        {"head=scale=percentile:0", 6},
        {"head=scale=percentile:nan", 6},
        {"head=scale=percentile:101", 6},
        {"head=alpha=1.5", 6},
        {"head=alpha=-1", 6},
        {"head=alpha=1e3", 6},
        {"heads=int8", 1},
        {"=int8", 1},
        {"{head=int8", 1},
        {"layers=int8", 1},
        {"layers.=int8", 8},
        {"layers.1=int8", 9},
        {"layers..in_proj=int8", 8},
        {"layers.x.in_proj=int8", 8},
        {"layers.1-.in_proj=int8", 10},
        {"layers.3-1.in_proj=int8", 8},
        {"layers.{1.in_proj=int8", 8},
        {"layers.1.norm=int8", 10},
        {"layers.1.=int8", 10},
        {"layers.99999999999999999999.in_proj=int8", 8},
        {"layers.1;2.in_proj=int8", 9},
    };
    for (const auto &one : cases) {
        const std::string message = refused({one.rule});
        const std::string place = std::string("--set '") + one.rule + "'" +
                                  (one.character ? format(", character %d: ", one.character) : ": ");
        EXPECT_EQ(message.substr(0, place.size()), place) << message;
    }
}

TEST(PlanRules, FilesHaveOneALine) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("rules.txt");
    write_text(path, "# comment\n\nlayers.0.in_proj=int4,group=64  \r\nhead=f32");
    const std::vector<PlanRule> rules = read_rules(path);
    ASSERT_EQ(rules.size(), 2u);
    EXPECT_EQ(rules[0].source().text, "layers.0.in_proj=int4,group=64");
    write_text(path, "head=f32\n\nhead=f31\n");
    EXPECT_HAS(error_of([&] { read_rules(path); }), "rules.txt, line 3 'head=f31'");
}

}  // namespace
}  // namespace adder::test
