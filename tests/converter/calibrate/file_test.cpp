// Calibration files: the blobs they give, merging, and that what no calibration can have seen is refused.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "converter/calibrate/counts.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"

namespace adder {
namespace {

using test::adder_command;
using test::read_text;
using test::write_text;

class CalibrationFiles : public testing::Test {
  protected:
    // Runs a command that succeeds.
    void adder(const std::vector<std::string> &words) const {
        const test::Outcome outcome = adder_command(words);
        ASSERT_EQ(outcome.code, 0) << outcome.err;
    }
    std::string error(const std::vector<std::string> &words, int code) const {
        const test::Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, code) << outcome.err;
        return outcome.err;
    }
    std::string calibrated(const std::string &name, const std::vector<std::string> &more) const {
        std::vector<std::string> words = {"calibrate", toy_.checkpoint(), "-o", file(name), "-q"};
        words.insert(words.end(), more.begin(), more.end());
        adder(words);
        return read_text(file(name));
    }
    std::string file(const std::string &name) const { return toy_.file(name); }
    // The error of the sound file with one piece of it replaced.
    std::string error_with(const std::string &from, const std::string &to) const {
        std::string text = calibrated("sound.json", {"--calib", file("text.txt")});
        const size_t place = text.find(from);
        if (place == std::string::npos) return "the file has no " + from;
        text.replace(place, from.size(), to);
        return test::error_of([&] { CalibrationFile(text, "f.json"); });
    }

    const test::EvalToy toy_;
};

TEST_F(CalibrationFiles, GiveTheBlobsOfTheText) {
    const std::vector<std::string> text = {"--calib", file("text.txt"), "--calib-tokens", "1024"};
    calibrated("c.json", text);
    for (const std::vector<std::string> &recipe :
         {std::vector<std::string>{"naive"}, {"smooth"}, {"best"}, {"float"}, {"best", "--smooth", "auto"}}) {
        std::vector<std::string> words = {"convert", toy_.checkpoint(), "--name", "x", "-q", "--recipe"};
        words.insert(words.end(), recipe.begin(), recipe.end());
        std::vector<std::string> with = words;
        with.insert(with.end(), {"-o", file("with.adder"), "--calibration", file("c.json")});
        words.insert(words.end(), {"-o", file("without.adder")});
        words.insert(words.end(), text.begin(), text.end());
        adder(with);
        adder(words);
        EXPECT_EQ(read_text(file("with.adder")), read_text(file("without.adder"))) << recipe[0];
    }
}

TEST_F(CalibrationFiles, DoNotDependOnThreads) {
    const std::string one = calibrated("1.json", {"-t", "1"});
    EXPECT_EQ(calibrated("2.json", {"-t", "2"}), one);
    EXPECT_EQ(calibrated("4.json", {"-t", "4"}), one);
    EXPECT_NE(calibrated("other.json", {"--calib", file("text.txt")}), one);
}

TEST_F(CalibrationFiles, MergedAreThatOfAllTexts) {
    write_text(file("more.txt"), read_text(file("text.txt")).substr(100) + " and something else\n");
    const std::string both = calibrated(
        "both.json", {"--calib", file("text.txt"), "--calib", file("more.txt"), "--calib-tokens", "2048"});
    calibrated("a.json", {"--calib", file("text.txt"), "--calib-tokens", "1024"});
    calibrated("b.json", {"--calib", file("more.txt"), "--calib-tokens", "1024"});
    adder({"calibrate", "--merge", file("a.json"), file("b.json"), "-o", file("merged.json"), "-q"});
    EXPECT_EQ(read_text(file("merged.json")), both);
    const std::string twice =
        error({"calibrate", "--merge", file("both.json"), file("a.json"), "-o", file("m.json")}, 3);
    EXPECT_HAS(twice, "both.json and " + file("a.json") + " are both of the text \"text.txt\" (");
    EXPECT_FALSE(std::filesystem::exists(file("m.json")));
}

TEST_F(CalibrationFiles, AreOfOneCheckpoint) {
    calibrated("c.json", {"--calib", file("text.txt")});
    const test::EvalToy other(2);
    EXPECT_HAS(
        error({"convert", other.checkpoint(), "-o", file("x.adder"), "--calibration", file("c.json")}, 3),
        "whose weights have CRC-32");
    test::CheckpointSpec wide;
    wide.config.vocab_size = 300;
    wide.config.d_inner = 2 * wide.config.d_inner;
    std::filesystem::create_directory(file("wide"));
    test::write_checkpoint(file("wide"), wide);
    EXPECT_HAS(error({"convert", file("wide"), "-o", file("x.adder"), "--calibration", file("c.json")}, 3),
               "is of checkpoint \"toy\" with d_inner " + std::to_string(wide.config.d_inner / 2) +
                   "; that of " + file("wide") + " is " + std::to_string(wide.config.d_inner));
    adder({"calibrate", other.checkpoint(), "-o", file("o.json"), "-q"});
    EXPECT_HAS(error({"calibrate", "--merge", file("c.json"), file("o.json"), "-o", file("m.json")}, 3),
               "they are not of one checkpoint");
}

TEST_F(CalibrationFiles, WhatTheyDoNotTellIsSaid) {
    calibrated("c.json", {"--calib", file("text.txt")});
    const auto refused = [&](const std::vector<std::string> &more) {
        std::vector<std::string> words = {"convert",       toy_.checkpoint(), "-o",
                                          file("x.adder"), "--calibration",   file("c.json")};
        words.insert(words.end(), more.begin(), more.end());
        return error(words, 2);
    };
    const std::string gptq = refused({"--recipe", "small"});
    EXPECT_HAS(gptq, "c.json does not suffice for layers.0.in_proj: GPTQ");
    EXPECT_HAS(gptq, "Give the text with --calib");
    EXPECT_HAS(refused({"--set", "layers.1.dt_proj=scale=percentile:99"}), "layers.1.dt_proj: a percentile");
    EXPECT_HAS(refused({"--rotate"}), "c.json does not suffice for --rotate");
    EXPECT_HAS(refused({"--gate-text", file("text.txt")}), "is the calibration text text.txt");
    EXPECT_HAS(refused({"--calib", file("text.txt")}), "takes the place of --calib");
}

TEST_F(CalibrationFiles, DamageIsRefused) {
    EXPECT_HAS(error_with("\"tensor\": \"layers.0.x_proj\"", "\"tensor\": \"layers.1.x_proj\""),
               "layers.0.x_proj: its place is taken by \"layers.1.x_proj\"");
    EXPECT_HAS(error_with("\"absmax\": [", "\"absmax\": [1,"), "are needed");
    EXPECT_HAS(error_with("\"absmax\": [", "\"absmax\": [1e39, "), "channels and counts has");
    EXPECT_HAS(error_with("\"counts\": [\"", "\"counts\": [\"288"), "channel 0: character 3");
    EXPECT_HAS(error_with("\"counts\": [\"", "\"counts\": [\"bZZZZb"), "values of");
    EXPECT_HAS(error_with("\"absmax\": [", "\"absmax\": [1"), "is not that of absmax 1");
    EXPECT_HAS(error_with("\"adder_calibration\": 2", "\"adder_calibration\": 1"),
               "adder_calibration is 1, and this converter reads version 2: make the file again");
    EXPECT_HAS(error_with("\"weights_crc32\": \"", "\"weights_crc32\": \"0"), "8 hexadecimal digits");
    EXPECT_HAS(error_with("\"n_layer\": 2", "\"n_layer\": 3"), "inputs are 9; with n_layer 3 there are 13");
    EXPECT_HAS(error_with("\"tokens\": ", "\"tokens\": 0, \"n\": "), "tokens is 0");
    EXPECT_HAS(error_with("\"golden\": [\n    ", "\"golden\": [\n    3000"), "golden is 3000");
}

TEST(CalibrationCounts, AreReadAsTheyWereWritten) {
    constexpr size_t bins = 30;
    uint32_t counts[bins] = {}, read[bins];
    EXPECT_EQ(counts_to_text(counts, bins), "");
    counts[3] = 1, counts[4] = 26, counts[7] = 702, counts[29] = UINT32_MAX;
    const std::string text = counts_to_text(counts, bins);
    // +1, +25, then behind empty bins +702 = number 1403.
    EXPECT_EQ(text.substr(0, 9), "3bBx2CBz2");
    counts_from_text(text, "c", read, bins);
    EXPECT_TRUE(std::equal(counts, counts + bins, read)) << text;
    // Differences of either sign, and from twice the count where an octave begins.
    const uint32_t falling[] = {9, 9, 8, 10, 4, 4, 4, 4, 8, 7, 1};
    EXPECT_EQ(counts_to_text(falling, std::size(falling)), "racdmaaaacm");
    counts_from_text("racdmaaaacm", "c", read, std::size(falling));
    EXPECT_TRUE(std::equal(std::begin(falling), std::end(falling), read));
    for (const char *bad :
         {"3", "B", "B1b", "30b", "29bb", "99999999999999999999b", "é", "ZZZZZZZZb", " b", "a", "bc"})
        EXPECT_HAS(test::error_of([&] { counts_from_text(bad, "c", read, bins); }), "c: ") << bad;
}

}  // namespace
}  // namespace adder
