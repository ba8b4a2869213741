// adder eval as a user calls it: reports in every form, shards and their merging, errors; and the gate of convert.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#if defined(__linux__)
#include <sys/inotify.h>
#include <unistd.h>
#endif

#include <cstring>
#include <regex>

#include "converter/eval/shard.h"
#include "converter/text/json.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/well_formed.h"

namespace adder::test {
namespace {

class EvalCommand : public testing::Test {
  protected:
    std::string adder(std::vector<std::string> words, int expected = 0) {
        const Outcome outcome = adder_command(std::move(words));
        err_ = outcome.err;
        EXPECT_EQ(outcome.code, expected) << err_;
        return outcome.out;
    }
    // The arguments of an evaluation with everything in it.
    std::vector<std::string> all(std::vector<std::string> more = {}) const {
        std::vector<std::string> words = {"eval",
                                          toy_.file("float.adder"),
                                          toy_.file("int8.adder"),
                                          "--base",
                                          toy_.checkpoint(),
                                          "--ppl",
                                          toy_.file("text.txt"),
                                          "--window",
                                          "100",
                                          "--task",
                                          "hellaswag=" + toy_.file("task.jsonl"),
                                          "--task",
                                          "lambada_openai=" + toy_.file("lambada.jsonl"),
                                          "-q"};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    // Without the figures that a clock made.
    static std::string timeless(const std::string &report) {
        return std::regex_replace(report, std::regex("\"(seconds|tokens_per_second)\": [^,]*,"), "");
    }

    EvalToy toy_;
    std::string err_;
};

#if defined(__linux__)
// Its checksum is a pass over all of its bytes; none is made to learn the bits per weight.
TEST_F(EvalCommand, ABlobIsOpenedOnce) {
    const std::string blob = toy_.file("int8.adder");
    // The kernel merges an event with one before it that is the same. Seen from the folder, too, no two in a row are.
    const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    const int file = inotify_add_watch(watch, blob.c_str(), IN_OPEN);
    ASSERT_GE(file, 0);
    ASSERT_GE(inotify_add_watch(watch, toy_.file("").c_str(), IN_OPEN), 0);
    const Json json =
        Json::parse(adder({"eval", blob, "--ppl", toy_.file("text.txt"), "-q", "--json"}), "json");
    alignas(inotify_event) char events[4096];
    const ssize_t size = read(watch, events, sizeof events);
    close(watch);
    int opened = 0;
    for (ssize_t at = 0; at < size;) {
        inotify_event event;
        std::memcpy(&event, events + at, sizeof event);
        opened += event.wd == file;
        at += static_cast<ssize_t>(sizeof event + event.len);
    }
    EXPECT_EQ(opened, 1);

    const Json inspected = Json::parse(adder({"inspect", blob, "--json"}), "json");
    EXPECT_EQ(json.find("models")->array("models").at(0).find("bits_per_weight")->number("bits"),
              inspected.find("bits_per_weight")->number("bits"));
}
#endif

TEST_F(EvalCommand, JsonHasTheKeysThatScriptsRelyOn) {
    const Json json = Json::parse(adder(all({"--json"})), "json");
    const std::vector<Json> &models = json.find("models")->array("models");
    ASSERT_EQ(models.size(), 2u);
    for (const Json &model : models) {
        EXPECT_TRUE(model.find("path")->is_string());
        EXPECT_GT(model.find("tokens_per_second")->number("rate"), 0);
        const Json &text = model.find("perplexity")->array("perplexity").at(0);
        for (const char *key :
             {"tokens", "scored", "token", "token_se", "word", "word_se", "bits_per_byte", "bits_per_byte_se",
              "kl_mean", "kl_99", "kl_max", "same_top1", "change_percent"})
            ASSERT_TRUE(text.find(key) && text.find(key)->is_number()) << key;
        const std::vector<Json> &tasks = model.find("tasks")->array("tasks");
        ASSERT_EQ(tasks.size(), 2u);
        EXPECT_EQ(tasks[0].find("name")->string("name"), "hellaswag");
        EXPECT_EQ(tasks[0].find("n")->integer("n", 23, 23), 23);
        EXPECT_TRUE(tasks[0].find("acc")->is_number() && tasks[0].find("acc_norm")->is_number());
        EXPECT_TRUE(tasks[0].find("perplexity")->is_null());
        EXPECT_TRUE(tasks[1].find("perplexity")->is_number() && tasks[1].find("acc_norm")->is_null());
        EXPECT_EQ(tasks[0].find("loglikelihood")->array("ll").at(22).array("ll").size(), 3u);
    }
    EXPECT_EQ(models[0].find("perplexity")->array("")[0].find("kl_max")->number(""), 0);
    EXPECT_GT(models[1].find("perplexity")->array("")[0].find("kl_max")->number(""), 0);
    EXPECT_TRUE(json.find("base_model")->find("is_base")->boolean(""));
}

TEST_F(EvalCommand, ShardsMergeToTheSameReport) {
    const std::string whole = adder(all({"--json"})), table = adder(all({"--csv"}));
    for (int shards : {1, 2, 5}) {
        std::vector<std::string> merge = {"eval", "--merge"};
        for (int k = shards; k >= 1; --k) {
            const std::string path = toy_.file("shard" + std::to_string(k));
            write_text(path, adder(all({"--shard", std::to_string(k) + "/" + std::to_string(shards), "-t",
                                        std::to_string(k)})));
            merge.push_back(path);
        }
        merge.push_back("--json");
        EXPECT_EQ(timeless(adder(merge)), timeless(whole)) << shards;
    }
    const std::string one = toy_.file("shard1"), two = toy_.file("shard2");
    adder({"eval", "--merge", one, two}, 3);
    EXPECT_HAS(err_, "shard 3 of 5 is missing");
    adder({"eval", "--merge", one, one}, 3);
    EXPECT_HAS(err_, "are both shard 1");
    write_text(
        two, adder({"eval", toy_.file("int8.adder"), "--ppl", toy_.file("text.txt"), "--shard", "2/5", "-q"}));
    adder({"eval", "--merge", one, two}, 3);
    EXPECT_HAS(err_, "is no part of the same evaluation");
    adder({"eval", "--merge", toy_.file("task.jsonl")}, 3);
    adder({"eval", "--merge", toy_.file("toy") + "/config.json"}, 3);
    EXPECT_HAS(err_, "is no output of adder eval --shard");
    adder({"eval", "--merge", one, "--ppl", one}, 2);
    EXPECT_HAS(err_, "--ppl does not go with --merge");
}

TEST_F(EvalCommand, DamagedShardsAreRefused) {
    const std::string text = adder(all({"--shard", "1/1"}));
    const struct {
        const char *from, *to, *part;
    } cases[] = {{"\"shards\":1", "\"shards\":0", "shards"},
                 {"\"base\":2", "\"base\":3", "base"},
                 {"\"window\":0,", "\"window\":99999,", "window"},
                 {"\"labels\":[0", "\"labels\":[7", "labels"},
                 {"\"example\":0,", "\"example\":23,", "example"},
                 {"\"blocks\":[99,", "\"blocks\":[0,", "blocks"},
                 {"\"lengths\":[[", "\"lengths\":[[0,", "lengths"},
                 {"\"loglikelihood\":[", "\"loglikelihood\":[1,", "lacks choices"},
                 {"\"kl\":\"0", "\"kl\":\"g", "kl"}};
    for (const auto &[from, to, part] : cases) {
        const size_t at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        const std::string damaged = std::string(text).replace(at, std::string(from).size(), to);
        EXPECT_HAS(error_of([&] { read_shard(damaged, "s.json"); }), part);
    }
    EXPECT_EQ(write_shard(read_shard(text, "s.json")), text);
}

TEST_F(EvalCommand, TableCsvAndHtml) {
    const std::string html = toy_.file("report.html");
    const std::string table = adder(all({"--html", html}));
    for (const char *part : {"float.adder", "toy (base)", "token ppl", "±", "KL 99 %", "hellaswag acc_norm",
                             "lambada_openai ppl"})
        EXPECT_HAS(table, part);
    const std::string page = without_own_links(read_text(html));
    EXPECT_EQ(xml_error(page), "");
    for (const char *part :
         {"Made by &#39;adder eval ", "Save as CSV", "Save as SVG", "download=\"text-txt-against-size.svg\""})
        EXPECT_HAS(page, part);
    EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0u);
    EXPECT_HAS(page, "<svg");
    EXPECT_HAS(page, "bits per weight");
    // Nothing is loaded from elsewhere: the only address is the name of SVG's namespace.
    const std::string rest = std::regex_replace(page, std::regex("http://www.w3.org/2000/svg"), "");
    for (const char *part : {"http", "src=", "href", "<script", "url(", "nan"})
        EXPECT_EQ(rest.find(part), std::string::npos) << part;
    const std::string csv = adder(all({"--csv"}));
    const size_t lines = static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n'));
    EXPECT_EQ(lines, 4u);  // the header, two models, the base
    const auto commas = [&](size_t from) {
        const size_t end = csv.find('\n', from);
        return std::count(csv.begin() + static_cast<ptrdiff_t>(from),
                          csv.begin() + static_cast<ptrdiff_t>(end), ',');
    };
    EXPECT_EQ(commas(0), commas(csv.find('\n') + 1));
    EXPECT_EQ(csv.rfind("model,kind,base,", 0), 0u);
}

TEST_F(EvalCommand, WhatIsWrongIsSaid) {
    const std::string model = toy_.file("int8.adder"), text = toy_.file("text.txt");
    const struct {
        std::vector<std::string> words;
        int code;
        const char *part;
    } cases[] = {
        {{}, 2, "nothing to evaluate"},
        {{"--ppl", text, "--window", "1"}, 2, "--window is 1"},
        {{"--ppl", text, "--stride", "2000"}, 2, "--stride is 2000"},
        {{"--ppl", text, "--shard", "3/2"}, 2, "--shard is 3/2"},
        {{"--ppl", text, "--shard", "1/2x"}, 2, "--shard is 1/2x"},
        {{"--ppl", text, "--json", "--csv"}, 2, "has room for one"},
        {{"--ppl", text, "--shard", "1/2", "--html", "x"}, 2, "go with --merge"},
        {{"--ppl", toy_.file("none")}, 3, "none"},
        {{"--task", "x=" + text}, 3, "text.txt:1:"},
        {{"--task", "x=" + toy_.file("task.jsonl"), "--task", "x=" + toy_.file("task.jsonl")}, 2, "two tasks"},
        {{"--ppl", text, "--base", text}, 3, "text.txt"},
    };
    for (const auto &[more, code, part] : cases) {
        std::vector<std::string> words = {"eval", model, "-q"};
        words.insert(words.end(), more.begin(), more.end());
        EXPECT_EQ(adder(words, code), "");
        EXPECT_HAS(err_, part);
    }
    const std::string before = read_text(model);
    for (const std::string &input : {model, text, toy_.checkpoint() + "/config.json"}) {
        adder({"eval", model, "-q", "--base", toy_.checkpoint(), "--ppl", text, "--html", input}, 2);
        EXPECT_HAS(err_, "is an input, and would be replaced");
    }
    EXPECT_EQ(read_text(model), before);
    EXPECT_EQ(adder({"eval", model, "-q", "--ppl", text, "--html", toy_.file("no/page")}, 1), "");
    EXPECT_HAS(err_, "cannot create " + toy_.file("no/page") + ": ");
    write_text(toy_.file("bad.jsonl"), "{}\n" + read_text(toy_.file("task.jsonl")));
    const std::string report =
        adder({"eval", model, "-q", "--skip-bad", "--task", "t=" + toy_.file("bad.jsonl")});
    EXPECT_HAS(err_, "left out: " + toy_.file("bad.jsonl") + ":1: no known row");
    EXPECT_HAS(report, "1 bad rows were left out");
}

TEST_F(EvalCommand, TheGateKeepsBadBlobsOut) {
    const std::string blob = toy_.file("gated.adder");
    const auto convert = [&](std::vector<std::string> more, int code) {
        std::vector<std::string> words = {"convert", toy_.checkpoint(), "-o",  blob,
                                          "-q",      "--calib-tokens",  "1024"};
        words.insert(words.end(), more.begin(), more.end());
        return adder(words, code);
    };
    const std::string text = toy_.file("text.txt");
    convert({"--gate-text", text, "--gate-top1", "1"}, 4);
    EXPECT_HAS(err_, "gated.adder was not written: on text.txt ");
    EXPECT_FALSE(std::filesystem::exists(blob));
    // An older file stays as it was.
    write_text(blob, "old");
    convert({"--gate-text", text, "--gate-ppl", "-99"}, 4);
    EXPECT_HAS(err_, "perplexity grew by");
    EXPECT_EQ(read_text(blob), "old");
    // A script gets the figures that decided, and what was missed.
    std::filesystem::remove(blob);
    for (const bool keep : {false, true}) {
        std::vector<std::string> words = {"--gate-text", text, "--gate-ppl", "-99", "--json"};
        if (keep) words.push_back("--gate-keep");
        const Json json = Json::parse(convert(words, 4), "json");
        EXPECT_HAS(json.find("gate_missed")->string(""), "on text.txt perplexity grew by ");
        EXPECT_EQ(json.find("written")->boolean(""), keep);
        EXPECT_EQ(file_exists(blob), keep);
        EXPECT_TRUE(json.find("quality")->find("texts")->find("text.txt")->find("perplexity"));
        const Json good = Json::parse(convert({"--gate-text", text, "--json"}, 0), "json");
        EXPECT_TRUE(good.find("written")->boolean(""));
        EXPECT_EQ(good.find("gate_missed"), nullptr);
        for (const char *key : {"bytes", "parameters", "bits_per_weight", "arena_bytes", "calibration_tokens"})
            EXPECT_EQ(json.find(key)->number(key), good.find(key)->number(key)) << key;
        std::filesystem::remove(blob);
    }
    convert({"--gate-text", text, "--gate-ppl", "-99", "--gate-keep"}, 4);
    EXPECT_HAS(err_, "gated.adder was kept, but on text.txt ");
    const std::string kept = read_text(blob);
    // Passed: the same bytes, for every thread count; inspect shows what eval measures.
    for (const char *threads : {"1", "3"}) {
        EXPECT_HAS(convert({"--gate-text", text, "--gate-ppl", "1000", "-t", threads}, 0), "text.txt: ");
        EXPECT_EQ(read_text(blob), kept);
    }
    const Json record = Json::parse(adder({"inspect", blob, "--json"}), "inspect");
    const Json &quality =
        *record.find("quantization_record")->find("quality")->find("texts")->find("text.txt");
    const Json eval =
        Json::parse(adder({"eval", blob, "--base", toy_.checkpoint(), "--ppl", text, "--json", "-q"}), "eval");
    const Json &measured = eval.find("models")->array("")[0].find("perplexity")->array("")[0];
    EXPECT_EQ(quality.find("perplexity")->number(""), measured.find("token")->number(""));
    for (const char *key : {"change_percent", "change_percent_se", "kl_mean", "kl_99", "kl_max", "same_top1"})
        EXPECT_EQ(quality.find(key)->number(key), measured.find(key)->number(key)) << key;
    EXPECT_HAS(adder({"inspect", blob}), "float_perplexity");

    convert({"--gate-ppl", "1"}, 2);
    EXPECT_HAS(err_, "give --gate-text FILE");
    convert({"--gate-text", text, "--calib", text}, 2);
    EXPECT_HAS(err_, "is the calibration text");
    convert({"--gate-text", text, "--gate-text", text}, 2);
    EXPECT_HAS(err_, "two files have the name");
    EXPECT_EQ(read_text(blob), kept);
}

}  // namespace
}  // namespace adder::test
