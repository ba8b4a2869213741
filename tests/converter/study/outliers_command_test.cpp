// adder outliers: planted outliers are found, statistics equal a direct computation, zeroing equals zero columns.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>

#include "converter/study/outliers.h"
#include "converter/study/zeroing.h"
#include "converter/text/json.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/well_formed.h"

namespace adder::test {

std::string toy_tokenizer();  // eval_toy_tokenizer.cpp

namespace {

constexpr uint32_t d_model = 64, d_inner = 128, n_layer = 3;

// A random model whose norm of layer 1 makes channels 5 and 40 of in_proj's input 30 times as large, and whose
// convolution of layer 2 does so with channel 100 of x_proj's.
CheckpointSpec planted() {
    CheckpointSpec spec;
    spec.config.d_model = d_model;
    spec.config.d_inner = d_inner;
    spec.config.n_layer = n_layer;
    spec.config.dt_rank = 4;
    spec.config.vocab_size = 300;
    spec.config.use_bias = false;
    spec.scale = 0.2f;
    spec.files["tokenizer.json"] = toy_tokenizer();
    spec.edit = [](const std::string &name, std::vector<float> &values) {
        if (name == "backbone.layers.1.norm.weight") values[5] = values[40] = 30;
        if (name == "backbone.layers.2.mixer.conv1d.bias") values[100] = 40;
    };
    return spec;
}

class OutliersCommand : public testing::Test {
  protected:
    void SetUp() override { write("planted", planted()); }
    std::string write(const std::string &name, const CheckpointSpec &spec) {
        const std::string path = toy_.file(name);
        std::filesystem::create_directory(path);
        write_checkpoint(path, spec);
        return path;
    }
    std::string adder(std::vector<std::string> words, int expected = 0) {
        words.insert(words.begin(), "outliers");
        words.push_back("-q");
        const Outcome outcome = adder_command(std::move(words));
        err_ = outcome.err;
        EXPECT_EQ(outcome.code, expected) << err_;
        return outcome.out;
    }
    std::string file(const std::string &name) const { return toy_.file(name); }

    EvalToy toy_;
    std::string err_;
};

std::vector<uint32_t> channels_of(const Json &input, size_t sigma) {
    std::vector<uint32_t> channels;
    for (const Json &channel : input.find("outliers")->array("")[sigma].find("channels")->array(""))
        channels.push_back(static_cast<uint32_t>(channel.integer("", 0, 1 << 20)));
    return channels;
}

TEST_F(OutliersCommand, PlantedOnesAreFoundAndNoOthers) {
    const std::string report =
        adder({file("planted"), "--calib", file("text.txt"), "--sigma", "7,5", "--json"});
    const Json json = Json::parse(report, "json");
    const std::vector<Json> &inputs = json.find("inputs")->array("");
    ASSERT_EQ(inputs.size(), 4 * n_layer + 1);
    EXPECT_EQ(json.find("sigmas")->array("")[0].number(""), 5);
    const std::vector<uint32_t> two = {5, 40}, one = {100}, none;
    for (const Json &input : inputs) {
        const std::string kind = input.find("input")->string("");
        const int64_t layer = input.find("layer") ? input.find("layer")->integer("", 0, n_layer) : -1;
        if (kind == "in_proj") {
            EXPECT_EQ(channels_of(input, 0), layer == 1 ? two : none) << layer;
        }
        if (kind == "x_proj") {
            EXPECT_EQ(channels_of(input, 1), layer == 2 ? one : none) << layer;
        }
        if (kind == "head") {
            EXPECT_EQ(layer, -1);
        }
    }
    const Json &persistence = json.find("persistence")->array("")[0];
    EXPECT_EQ(persistence.find("input")->string(""), "in_proj");
    EXPECT_EQ(persistence.find("channels")->array("").size(), 2u);
    EXPECT_EQ(adder({file("planted"), "--calib", file("text.txt"), "--sigma", "7,5", "--json", "-t", "3"}),
              report);
}

TEST_F(OutliersCommand, StatisticsEqualADirectComputation) {
    ThreadPool pool(2);
    CheckpointScorer scorer(file("planted"), pool);
    const Tokens tokens = scorer.tokenize(read_text(file("text.txt")), "text");
    const std::vector<Tokens> windows = {{tokens.begin(), tokens.begin() + 70},
                                         {tokens.begin() + 70, tokens.begin() + 140}};
    const std::vector<InputStatistics> inputs = measure_inputs(scorer.model(), windows);
    // The inputs of layer 0's in_proj: the normalized embeddings.
    const Checkpoint checkpoint(file("planted"));
    const DenseTensor embedding = checkpoint.read(Role::embedding, no_block),
                      norm = checkpoint.read(Role::norm, 0);
    std::vector<double> absmax(d_model, 0.0), values;
    for (size_t t = 0; t < 140; ++t) {
        const float *row = &embedding.values[static_cast<size_t>(tokens[t]) * d_model];
        double squares = 0;
        for (uint32_t i = 0; i < d_model; ++i)
            squares += static_cast<double>(row[i]) * static_cast<double>(row[i]);
        for (uint32_t i = 0; i < d_model; ++i) {
            values.push_back(static_cast<double>(row[i]) / std::sqrt(squares / d_model + 1e-5) *
                             static_cast<double>(norm.values[i]));
            absmax[i] = std::max(absmax[i], std::fabs(values.back()));
        }
    }
    const auto central = [](const std::vector<double> &v, int power) {
        double mean = 0, sum = 0;
        for (double x : v) mean += x / static_cast<double>(v.size());
        for (double x : v) sum += std::pow(x - mean, power) / static_cast<double>(v.size());
        return power == 1 ? mean : sum;
    };
    const InputStatistics &in = inputs[0];
    for (uint32_t i = 0; i < d_model; ++i)
        EXPECT_NEAR(static_cast<double>(in.absmax[i]), absmax[i], 1e-5) << i;
    EXPECT_NEAR(in.mean, central(absmax, 1), 1e-5);
    EXPECT_NEAR(in.deviation, std::sqrt(central(absmax, 2)), 1e-5);
    EXPECT_NEAR(in.absmax_kurtosis, central(absmax, 4) / std::pow(central(absmax, 2), 2), 1e-3);
    EXPECT_NEAR(in.value_kurtosis, central(values, 4) / std::pow(central(values, 2), 2), 1e-3);
    std::sort(absmax.begin(), absmax.end());
    EXPECT_NEAR(in.median, (absmax[31] + absmax[32]) / 2, 1e-5);
    EXPECT_NEAR(in.highest_over_median(), absmax.back() / in.median, 1e-4);
    const std::vector<uint32_t> beyond = outlier_channels(in, 1.0);
    for (uint32_t i = 0; i < d_model; ++i)
        EXPECT_EQ(std::binary_search(beyond.begin(), beyond.end(), i),
                  static_cast<double>(in.absmax[i]) > in.mean + in.deviation);
}

TEST_F(OutliersCommand, ZeroingEqualsACheckpointWhoseColumnsAreZero) {
    CheckpointSpec spec = planted();
    const auto plant = spec.edit;
    spec.edit = [&](const std::string &name, std::vector<float> &values) {
        plant(name, values);
        const auto zero = [&](uint32_t columns, std::vector<uint32_t> which) {
            for (size_t i = 0; i < values.size(); ++i)
                if (std::find(which.begin(), which.end(), i % columns) != which.end()) values[i] = 0;
        };
        if (name == "backbone.layers.1.mixer.in_proj.weight") zero(d_model, {5, 40});
        if (name == "backbone.layers.2.mixer.x_proj.weight") zero(d_inner, {100});
    };
    write("zeroed", spec);
    ThreadPool pool(2);
    CheckpointScorer planted_scorer(file("planted"), pool), expected(file("zeroed"), pool);
    ZeroingCase zeroed{std::nullopt, 6, false, {}};
    zeroed.columns.set(Role::in_proj, 1, {5, 40});
    zeroed.columns.set(Role::x_proj, 2, {100});
    const std::unique_ptr<Scorer> actual = zeroed_scorer(planted_scorer, zeroed);
    const std::vector<Tokens> windows = {planted_scorer.tokenize("hello there, what is it", "text")};
    const auto logits_of = [&](Scorer &scorer) {
        std::vector<float> all;
        scorer.Scorer::score(windows, [&](size_t, uint32_t, const float *logits) {
            all.insert(all.end(), logits, logits + scorer.vocab_size());
        });
        return all;
    };
    const std::vector<float> before = logits_of(planted_scorer);
    EXPECT_EQ(logits_of(*actual), logits_of(expected));
    EXPECT_NE(logits_of(*actual), before);
    EXPECT_EQ(logits_of(planted_scorer), before) << "the base is left as it was";
}

TEST_F(OutliersCommand, ZeroReportsOutliersBesideRandomChannels) {
    const Json json = Json::parse(
        adder({file("planted"), "--calib", file("text.txt"), "--sigma", "5", "--zero", "--valid",
               file("text.txt"), "--window", "64", "--task", "toy=" + file("task.jsonl"), "--json"}),
        "json");
    const Json &zeroing = *json.find("zeroing");
    const std::vector<Json> &rows = zeroing.find("rows")->array("");
    ASSERT_EQ(rows.size(), 2 * 6u);  // five kinds and all, outliers and random
    uint64_t sum = 0;
    for (size_t i = 0; i < rows.size(); i += 2) {
        const int64_t channels = rows[i].find("channels")->integer("", 0, 1000);
        EXPECT_EQ(rows[i + 1].find("channels")->integer("", 0, 1000), channels);
        const double kl = rows[i].find("texts")->array("")[0].find("kl_mean")->number("");
        EXPECT_EQ(kl > 0, channels > 0) << i;
        EXPECT_TRUE(rows[i].find("tasks")->array("")[0].find("acc")->is_number());
        if (i + 2 < rows.size())
            sum += static_cast<uint64_t>(channels);
        else
            EXPECT_EQ(static_cast<uint64_t>(channels), sum);
    }
    EXPECT_EQ(rows[0].find("channels")->integer("", 0, 1000), 2);
}

TEST_F(OutliersCommand, RandomChannelsAreNoOutliersAndNested) {
    InputStatistics input{Role::in_proj, 0, std::vector<float>(100, 1.0f), {}};
    for (uint32_t i = 0; i < 100; ++i) input.absmax[i] += 0.001f * static_cast<float>(i);
    input.absmax[7] = 3;
    input.absmax[50] = 9;
    summarize_channels(&input);
    ASSERT_EQ(outlier_channels(input, 1), (std::vector<uint32_t>{7, 50}));
    ASSERT_EQ(outlier_channels(input, 5), (std::vector<uint32_t>{50}));
    const auto drawn = [&](const ZeroingCase &c) {
        DenseTensor ones{1, 100, std::vector<float>(100, 1.0f)};
        c.columns.apply(Role::in_proj, 0, &ones);
        std::vector<uint32_t> zeros;
        for (uint32_t i = 0; i < 100; ++i)
            if (ones.values[i] == 0) zeros.push_back(i);
        return zeros;
    };
    const std::vector<ZeroingCase> cases = zeroing_cases({input}, {1, 5}, 1);
    EXPECT_EQ(drawn(cases[0]), (std::vector<uint32_t>{7, 50}));
    const std::vector<uint32_t> two = drawn(cases[1]), one = drawn(cases[3]);
    ASSERT_EQ(two.size(), 2u);
    ASSERT_EQ(one.size(), 1u);
    EXPECT_TRUE(std::find(two.begin(), two.end(), one[0]) != two.end());
    for (uint32_t channel : two) EXPECT_TRUE(channel != 7 && channel != 50);
    EXPECT_NE(drawn(zeroing_cases({input}, {1, 5}, 2)[1]), two);
}

TEST_F(OutliersCommand, ThePageIsWellFormedAndLoadsNothing) {
    const std::string table = adder({file("planted"), "--calib", file("text.txt"), "--sigma", "5,7", "--html",
                                     file("page.html"), "--zero", "--valid", file("text.txt")});
    for (const char *part : {"1 in_proj", "> 5 sigma", "max/median", "zeroing on text.txt", "random: ppl %"})
        EXPECT_HAS(table, part);
    const std::string page = read_text(file("page.html"));
    EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0u);
    EXPECT_EQ(xml_error(page), "");
    EXPECT_HAS(page, "channel 40: ");
    EXPECT_HAS(page, "prefers-color-scheme: dark");
    const std::string rest = std::regex_replace(page, std::regex("http://www.w3.org/2000/svg"), "");
    for (const char *part : {"http", "src=", "href", "<script", "url(", "nan", "inf"})
        EXPECT_EQ(rest.find(part), std::string::npos) << part;
    adder({file("planted"), "--calib", file("text.txt"), "-o", file("report.txt")});
    EXPECT_HAS(read_text(file("report.txt")), "2 in_proj");
}

TEST_F(OutliersCommand, WhatIsWrongIsSaid) {
    write_text(file("short.txt"), "too short");
    const struct {
        std::vector<std::string> words;
        int code;
        const char *part;
    } cases[] = {
        {{file("planted"), "--sigma", "0"}, 2, "--sigma is 0"},
        {{file("planted"), "--sigma", "4,"}, 2, "--sigma is 4,"},
        {{file("planted"), "--sigma", "4,x"}, 2, "--sigma is 4,x"},
        {{file("planted"), "--sigma", "nan"}, 2, "--sigma is nan"},
        {{file("planted"), "--calib", file("none.txt")}, 3, "none.txt"},
        {{file("planted"), "--calib", file("short.txt")}, 3, "at least 128 are needed"},
        {{file("planted"), "--valid", file("text.txt")}, 2, "--valid goes with --zero"},
        {{file("planted"), "--zero"}, 2, "give --valid FILE"},
        {{file("text.txt")}, 3, "is no checkpoint directory"},
        {{file("planted"), "--html", file("no/page.html")}, 1, "cannot create"},
        {{file("planted"), "--calib", file("text.txt"), "-o", file("text.txt")}, 2, "is an input"},
    };
    for (const auto &[words, code, part] : cases) {
        EXPECT_EQ(adder(words, code), "");
        EXPECT_HAS(err_, part);
    }
}

}  // namespace
}  // namespace adder::test
