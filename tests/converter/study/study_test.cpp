// adder study: its figures are those of adder convert and adder eval, and it goes on where it was stopped.
// SPDX-License-Identifier: MIT
#include "converter/study/study.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>
#include <set>

#include "adder/adder.h"
#include "converter/model/checkpoint.h"
#include "converter/text/json.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/well_formed.h"

namespace adder::test {
namespace {

class StudyCommand : public testing::Test {
  protected:
    void SetUp() override {
        std::string calib;
        for (int i = 0; i < 300; ++i)
            calib += "abc" + std::to_string(i * i) + (i % 7 == 6 ? ".\n" : " hello ");
        write_text(file("calib.txt"), calib);
    }
    std::string file(const std::string &name) const { return toy_.file(name); }
    std::string adder(const std::vector<std::string> &words, int expected = 0) {
        const Outcome outcome = adder_command(words);
        err_ = outcome.err;
        EXPECT_EQ(outcome.code, expected) << err_;
        return outcome.out;
    }
    std::vector<std::string> words(const std::string &out, const std::vector<std::string> &more) const {
        std::vector<std::string> list = {
            "study",   toy_.checkpoint(), "--calib", file("calib.txt"), "--valid", file("text.txt"), "--out",
            file(out), "--window",        "64",      "--state-window",  "512",     "--calib-tokens", "1024",
            "-q"};
        list.insert(list.end(), more.begin(), more.end());
        return list;
    }
    std::string study(const std::string &out, const std::vector<std::string> &more, int expected = 0) {
        return adder(words(out, more), expected);
    }
    std::string json(const std::string &out) const { return read_text(file(out + "/study.json")); }
    std::set<std::string> listing(const std::string &directory) const {
        std::set<std::string> names;
        for (const auto &entry : std::filesystem::directory_iterator(file(directory)))
            names.insert(entry.path().filename().string());
        return names;
    }

    EvalToy toy_;
    std::string err_;
};

const StudyFinding *find(const Study &study, const std::string &experiment, const std::string &series,
                         const std::string &at) {
    for (const StudyFinding &f : study.findings)
        if (f.row.experiment == experiment && f.row.series == series && f.row.at == at) return &f;
    ADD_FAILURE() << experiment << ": " << series << ", " << at;
    return nullptr;
}

TEST_F(StudyCommand, EveryExperimentGivesItsRowsAndAPageThatLoadsNothing) {
    const std::string tables = study("all", {"--windows", "3"});
    const Study found = read_study(json("all"), "study.json");
    const std::vector<StudyRow> rows = study_rows(Checkpoint(toy_.checkpoint()).shape());
    ASSERT_EQ(found.findings.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
        const StudyFinding &f = found.findings[i];
        EXPECT_TRUE(same_row(f.row, rows[i])) << f.row.name();
        // d_inner is 32.
        bool hadamard = f.row.series.find("Hadamard") != std::string::npos;
        for (const std::string &word : f.row.convert) hadamard |= word.find("hadamard") != std::string::npos;
        EXPECT_EQ(f.impossible.find("blocks of 64") != std::string::npos, hadamard)
            << f.row.name() << ": " << f.impossible;
        if (hadamard) continue;
        EXPECT_EQ(f.input.has_value(), f.row.input.has_value());
        if (f.input) {
            EXPECT_EQ(f.input->layers, f.row.input == Role::head ? 1u : 2u) << f.row.name();
            continue;
        }
        ASSERT_EQ(f.texts.size(), 1u);
        EXPECT_GE(f.texts[0].kl_mean.value, 0) << f.row.name();
        EXPECT_GT(f.texts[0].perplexity, 1) << f.row.name();
        if (f.row.zeroing) {
            EXPECT_EQ(f.texts[0].kl_mean.value > 0, f.channels > 0) << f.row.name();
        }
    }
    EXPECT_EQ(find(found, "state", "scan", "float32")->texts[0].kl_mean.value, 0) << "nothing is rounded";
    EXPECT_EQ(find(found, "state", "scan", "float32")->texts[0].same_top1.value, 1);
    const double int8 = find(found, "state", "scan", "int8")->texts[0].kl_mean.value;
    EXPECT_GT(int8, 10 * find(found, "state", "scan", "int16")->texts[0].kl_mean.value);
    EXPECT_GT(find(found, "state", "scan", "int16")->texts[0].kl_mean.value, 0);
    EXPECT_EQ(find(found, "state", "scan", "int8")->positions[0].size(), 4u);
    EXPECT_GT(find(found, "tensors", "int4 weights", "in_proj")->texts[0].kl_mean.value,
              find(found, "tensors", "int8 weights", "in_proj")->texts[0].kl_mean.value);

    for (const char *part : {"Weights and activations", "naive", "W4A4", "not possible", "Naive W8A8 costs ",
                             "loses most without smoothing", "loses most in layer"})
        EXPECT_HAS(tables, part);
    const std::string page = without_own_links(read_text(file("all/study.html")));
    EXPECT_EQ(xml_error(page), "");
    for (const Experiment &experiment : experiments()) {
        if (experiment.name == std::string("tasks")) continue;
        EXPECT_HAS(page, experiment.question);
        EXPECT_HAS(page, experiment.sources);
    }
    for (const char *part :
         {"Save as CSV", "Save as SVG", "<div class=\"found\">", "Made by &#39;adder study "})
        EXPECT_HAS(page, part);
    EXPECT_HAS(page, "<path class=\"s0 stroke\"");
    EXPECT_HAS(page, "--set=layers.*.in_proj=int8,tensor,input=static,scale=absmax,alpha=0.5");
    const std::string rest = std::regex_replace(page, std::regex("http://www.w3.org/2000/svg"), "");
    for (const char *part : {"http", "src=", "href", "<script", "url(", ">nan", "inf<"})
        EXPECT_EQ(rest.find(part), std::string::npos) << part;
    EXPECT_EQ(listing("all"),
              (std::set<std::string>{"calibration.json", "study.csv", "study.html", "study.json"}));
    const std::string csv = read_text(file("all/study.csv"));
    const auto commas = [](const std::string &line) { return std::count(line.begin(), line.end(), ','); };
    EXPECT_HAS(csv, "toy,table,naive,W8A8,");
    EXPECT_HAS(csv, "toy,state,scan,int8,,,text.txt,128,256,");
    EXPECT_EQ(commas(csv.substr(0, csv.find('\r'))), 30);
    // A field in quotes has no comma that counts.
    std::string plain;
    bool quoted = false;
    for (const char c : csv) {
        quoted ^= c == '"';
        if (!quoted) plain += c;
    }
    EXPECT_EQ(commas(plain), 30 * std::count(csv.begin(), csv.end(), '\n'));
}

// The statistics are those of the calibration text: a channel that one token owns is found, with the token.
TEST_F(StudyCommand, InputsAreThoseOfTheCalibrationText) {
    study("s", {"--only", "inputs"});
    const Study found = read_study(json("s"), "study.json");
    const Json outliers = Json::parse(adder({"outliers", toy_.checkpoint(), "--calib", file("calib.txt"),
                                             "--calib-tokens", "1024", "--json", "-q"}),
                                      "outliers");
    uint64_t channels = 0;
    double highest = 0;
    for (const Json &input : outliers.find("inputs")->array("")) {
        if (input.find("input")->string("") != "out_proj") continue;
        channels += static_cast<uint64_t>(input.find("channels")->integer("", 0, 1 << 20));
        highest = std::max(highest, input.find("max_over_median")->number(""));
    }
    const InputFinding &out_proj = *find(found, "inputs", "out_proj", "all layers")->input;
    EXPECT_EQ(out_proj.channels, channels);
    EXPECT_EQ(out_proj.highest_over_median, highest);
    EXPECT_EQ(out_proj.outliers.size(), 3u);
    uint64_t owned = 0;
    for (const InputFinding::Owner &owner : out_proj.owners) owned += owner.channels;
    EXPECT_LE(owned, out_proj.outliers[0]);
    EXPECT_EQ(owned > 0, out_proj.outliers[0] > 0);
}

TEST_F(StudyCommand, TasksAreScoredAsEvalScoresThem) {
    const std::string task = "hellaswag=" + file("task.jsonl");
    study("s", {"--only", "tasks", "--task", task, "--rows", "1"});
    const Study found = read_study(json("s"), "study.json");
    ASSERT_EQ(found.findings.size(), 1u);
    ASSERT_EQ(found.findings[0].tasks.size(), 1u);
    adder({"convert", toy_.checkpoint(), "-o", file("one.adder"), "--calib", file("calib.txt"),
           "--calib-tokens", "1024", "--recipe", "naive", "-q"});
    const Json eval = Json::parse(
        adder({"eval", file("one.adder"), "--base", toy_.checkpoint(), "--task", task, "--json", "-q"}),
        "eval");
    const Json &model = eval.find("models")->array("")[0].find("tasks")->array("")[0];
    EXPECT_EQ(found.findings[0].tasks[0].score.value, model.find("acc_norm")->number(""));
    EXPECT_EQ(found.findings[0].tasks[0].change.value, model.find("acc_norm_change")->number(""));
    EXPECT_HAS(read_text(file("s/study.html")), "hellaswag, %");
    // Other tasks are another study.
    study("s", {"--only", "tasks", "--rows", "1"}, 2);
    EXPECT_HAS(err_, "the tasks");
}

TEST_F(StudyCommand, SeveralCheckpointsStandSideBySide) {
    std::filesystem::copy(toy_.checkpoint(), file("second"));
    const auto both = [&](const std::string &out, std::vector<std::string> more) {
        std::vector<std::string> list = words(out, {"--only", "table,alpha,layers", "--windows", "1"});
        list.insert(list.begin() + 2, file("second") + "/");
        list.insert(list.end(), more.begin(), more.end());
        return adder(list);
    };
    const std::string tables = both("both", {});
    EXPECT_HAS(tables, "second: perplexity, %");
    EXPECT_HAS(tables, "second: Naive W8A8 costs ");
    EXPECT_EQ(listing("both"), (std::set<std::string>{"second", "study.csv", "study.html", "toy"}));
    const std::string page = without_own_links(read_text(file("both/study.html")));
    EXPECT_EQ(xml_error(page), "");
    EXPECT_HAS(page, "href=\"second/study.html\"");
    EXPECT_HAS(page, "toy: naive");
    // Each is what a study of it alone is, and a study that was stopped ends with the same bytes.
    study("alone", {"--only", "table,alpha,layers", "--windows", "1"});
    EXPECT_EQ(json("both/toy"), json("alone"));
    const size_t table = 14;
    both("parts", {"--rows", std::to_string(table + 3)});
    EXPECT_EQ(read_study(json("parts/toy"), "").findings.size(), table + 3);
    EXPECT_EQ(read_study(json("parts/second"), "").findings.size(), 0u);
    EXPECT_EQ(both("parts", {}), tables);
    for (const char *model : {"toy", "second"})
        EXPECT_EQ(json(std::string("parts/") + model), json(std::string("both/") + model));

    std::filesystem::create_directory(file("elsewhere"));
    std::filesystem::copy(toy_.checkpoint(), file("elsewhere/toy"));
    std::vector<std::string> same = words("same", {});
    same.insert(same.begin() + 2, file("elsewhere/toy"));
    adder(same, 2);
    EXPECT_HAS(err_, "have the same name");
}

TEST_F(StudyCommand, FiguresAreThoseOfConvertAndEval) {
    study("s", {"--only", "table", "--rows", "10"});
    const Study found = read_study(json("s"), "study.json");
    const auto check = [&](const StudyFinding &finding, std::vector<std::string> options) {
        std::vector<std::string> convert = {"convert",
                                            toy_.checkpoint(),
                                            "-o",
                                            file("one.adder"),
                                            "--calib",
                                            file("calib.txt"),
                                            "--calib-tokens",
                                            "1024",
                                            "-q"};
        convert.insert(convert.end(), options.begin(), options.end());
        adder(convert);
        const Json eval = Json::parse(adder({"eval", file("one.adder"), "--base", toy_.checkpoint(), "--ppl",
                                             file("text.txt"), "--window", "64", "--json", "-q"}),
                                      "eval");
        const Json &text = eval.find("models")->array("")[0].find("perplexity")->array("")[0];
        EXPECT_EQ(finding.texts[0].perplexity, text.find("token")->number("")) << finding.row.name();
        EXPECT_EQ(finding.texts[0].kl_mean.value, text.find("kl_mean")->number("")) << finding.row.name();
        EXPECT_EQ(finding.texts[0].same_top1.error, text.find("same_top1_se")->number(""));
    };
    ASSERT_EQ(found.findings.size(), 10u);
    // By the statistics that are kept, and by GPTQ, which takes the text.
    check(*find(found, "table", "naive", "W4"),
          {"--recipe", "naive", "--acts", "f32", "--set", "layers.*.*=int4,row,nearest"});
    check(*find(found, "table", "cured", "W4"), {"--recipe", "small", "--acts", "f32"});
    // With the float model's streams that the row before has left.
    check(*find(found, "table", "cured", "W4A8"), {"--recipe", "small"});
}

// Texts and tasks are scored with one blob where both are wanted: what is there when a study stops makes no difference.
TEST_F(StudyCommand, TasksAndTextsGiveTheSameInAnyOrder) {
    const auto run = [&](const std::string &out, const std::string &only,
                         const std::vector<std::string> &more) {
        std::vector<std::string> list = {"--only", only,     "--windows",
                                         "1",      "--task", "hellaswag=" + file("task.jsonl")};
        list.insert(list.end(), more.begin(), more.end());
        study(out, list);
    };
    run("whole", "table,tasks", {});
    run("parts", "table,tasks", {"--rows", "6", "--logits-mb", "0"});
    EXPECT_EQ(read_study(json("parts"), "").findings.size(), 6u);
    run("parts", "table,tasks", {"--rows", "9"});
    run("parts", "table,tasks", {});
    EXPECT_EQ(json("parts"), json("whole"));
    run("order", "tasks", {});
    run("order", "table", {});
    EXPECT_EQ(json("order"), json("whole"));
    const Study found = read_study(json("whole"), "study.json");
    EXPECT_EQ(find(found, "tasks", "cured", "W4A8")->tasks.size(), 1u);
    EXPECT_TRUE(find(found, "tasks", "cured", "W4A8")->texts.empty());
    EXPECT_TRUE(find(found, "table", "cured", "W4A8")->tasks.empty());
}

TEST_F(StudyCommand, StoppedAndGoneOnItGivesTheSameBytes) {
    const std::vector<std::string> some = {"--only", "state,layers,tensors", "--windows", "2"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), some.begin(), some.end());
        return more;
    };
    const std::string printed = study("whole", with({"-t", "1"}));
    study("parts", with({"--rows", "3", "-t", "3"}));
    EXPECT_EQ(read_study(json("parts"), "").findings.size(), 3u);
    study("parts", with({"--rows", "9", "-t", "2"}));
    EXPECT_EQ(study("parts", with({"-t", "3", "--logits-mb", "0"})), printed);
    EXPECT_EQ(json("parts"), json("whole"));
    const auto page = [&](const std::string &out) {
        std::string text = without_own_links(read_text(file(out + "/study.html")));
        const size_t made = text.find("<p>Made by ");
        return text.erase(made, text.find("</p>", made) - made);
    };
    EXPECT_EQ(page("parts"), page("whole"));

    // In another order, and experiment by experiment.
    study("order", {"--only", "tensors", "--windows", "2"});
    study("order", {"--only", "layers", "--windows", "2"});
    study("order", {"--only", "state", "--windows", "2"});
    EXPECT_EQ(json("order"), json("whole"));
}

// Where a date is given the page has that one, and no machine: the same bytes everywhere.
TEST_F(StudyCommand, APageOfAGivenDateIsTheSameEverywhere) {
    ASSERT_EQ(setenv("SOURCE_DATE_EPOCH", "86400", 1), 0);
    study("s", {"--only", "inputs"});
    unsetenv("SOURCE_DATE_EPOCH");
    const std::string given = read_text(file("s/study.html"));
    EXPECT_HAS(given, "with adder " + std::string(adder_version()) + ", 1970-01-02.");
    study("s", {"--only", "inputs"});
    EXPECT_EQ(read_text(file("s/study.html")).find("1970-01-02"), std::string::npos);
}

TEST_F(StudyCommand, WhatIsFinishedIsNotComputedAgain) {
    const std::vector<std::string> some = {"--only", "layers", "--windows", "1"};
    study("s", some);
    const std::string text = json("s");
    const std::string changed =
        std::regex_replace(text, std::regex("\"perplexity\": [0-9.]+"), "\"perplexity\": 12345",
                           std::regex_constants::format_first_only);
    ASSERT_NE(changed, text);
    write_text(file("s/study.json"), changed);
    study("s", some);
    EXPECT_EQ(json("s"), changed);
    EXPECT_HAS(err_, "0 are to be computed");
    study("s", {"--only", "layers", "--windows", "1", "--fresh"});
    EXPECT_EQ(json("s"), text);
}

TEST_F(StudyCommand, AStudyOfOtherSettingsIsLeftAlone) {
    const std::vector<std::string> some = {"--only", "layers", "--rows", "1", "--windows", "1"};
    study("s", some);
    const std::string before = json("s");
    const auto refused = [&](std::vector<std::string> more) {
        more.insert(more.begin(), some.begin(), some.end());
        study("s", more, 2);
        EXPECT_EQ(json("s"), before);
        return err_;
    };
    EXPECT_HAS(refused({"--window", "32"}), "window is 64 there and 32 here");
    EXPECT_HAS(refused({"--seed", "7"}), "seed is 1 there and 7 here");
    EXPECT_HAS(refused({"--calib-tokens", "600"}), "calib-tokens is ");
    EXPECT_HAS(refused({"--valid", file("task.jsonl")}), "the text to evaluate on is text.txt (crc32 ");
    write_text(file("text.txt"), read_text(file("text.txt")) + "more");
    EXPECT_HAS(refused({}), "the text to evaluate on is text.txt (crc32 ");
    // One bit, at the end of a tensor of some size.
    const std::string weights = file("toy/model.safetensors");
    std::string bytes = read_text(weights);
    bytes.back() ^= 1;
    write_text(weights, bytes);
    EXPECT_HAS(refused({}), "the CRC-32 of the weights is ");
}

TEST_F(StudyCommand, BlobsAreKeptWhereThatIsAskedFor) {
    study("s", {"--only", "layers", "--windows", "1", "--keep-blobs"});
    EXPECT_EQ(listing("s/blobs"), (std::set<std::string>{"layers-W4-0.adder", "layers-W4-1.adder",
                                                         "layers-W8A8-0.adder", "layers-W8A8-1.adder"}));
    EXPECT_HAS(adder({"inspect", file("s/blobs/layers-W4-1.adder")}), "layers.1.*=int4,row,nearest");
}

TEST_F(StudyCommand, WhatIsWrongIsSaid) {
    const std::string toy = toy_.checkpoint(), text = file("text.txt");
    std::filesystem::create_directory(file("damaged"));
    write_text(file("damaged/study.json"), "{\"adder_study\": 1}");
    std::filesystem::create_directory(file("newer"));
    write_text(file("newer/study.json"), "{\"adder_study\": 2}");
    std::filesystem::create_directories(file("page/study.html"));
    const struct {
        std::vector<std::string> words;
        int code;
        const char *part;
    } cases[] = {
        {{toy, "--valid", text}, 2, "Give --out"},
        {{toy, "--out", file("s")}, 2, "give --valid FILE"},
        {{toy, "--valid", text, "--out", file("s"), "--only", "alpha,beta"},
         2,
         "no experiment 'beta'; there are inputs, table"},
        {{toy, "--valid", text, "--out", file("s"), "--only", ""}, 2, "no experiment ''"},
        {{toy, "--valid", text, "--out", file("s"), "--quick", "--windows", "2"}, 2, "give one of them"},
        {{toy, "--valid", text, "--out", file("s"), "--calib", text}, 2, "--valid "},
        {{toy, "--valid", text, "--valid", text, "--out", file("s")}, 2, "two files have the name text.txt"},
        {{toy, "--valid", file("none.txt"), "--out", file("s")}, 3, "none.txt"},
        {{text, "--valid", text, "--out", file("s")}, 3, "is no checkpoint directory"},
        {{toy, "--valid", text, "--out", toy}, 2, "is the checkpoint"},
        {{toy, "--valid", text, "--out", text}, 1, "cannot create"},
        {{toy, "--valid", file("none.txt"), "--out", text}, 1, "cannot create"},  // before it looks at the texts
        {{toy, "--valid", text, "--out", file("page")}, 1, "study.html: it exists and is not a regular file"},
        {{toy, "--valid", text, "--out", file("damaged")}, 3, "study.json has no settings"},
        {{toy, "--valid", text, "--out", file("newer")}, 3, "adder_study is 2; 1 is what can be read"},
    };
    for (const auto &[given, code, part] : cases) {
        std::vector<std::string> all = given;
        all.insert(all.begin(), "study");
        EXPECT_EQ(adder(all, code), "") << part;
        EXPECT_HAS(err_, part);
    }
    EXPECT_FALSE(std::filesystem::exists(file("s"))) << "a folder was left behind";
}

}  // namespace
}  // namespace adder::test
