// adder constrain and adder run --constraint, as a user calls them.
// SPDX-License-Identifier: MIT
#include <regex>

#include "converter/base/file.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

class ConstrainedCommands : public SpeakingCommands {
  protected:
    std::string constrain(std::vector<std::string> words) {
        const std::string path = directory_->file("c.adderc");
        words.insert(words.begin(), {"constrain", "-o", path});
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        facts_ = outcome.out;
        notes_ = outcome.err;
        return path;
    }
    std::string file(const std::string &name, const std::string &text) {
        write_file(directory_->file(name), text);
        return directory_->file(name);
    }
    Outcome run(const std::string &constraint, std::vector<std::string> words) {
        words.insert(words.begin(), {"run", *blob_, "-p", "Hello", "--constraint", constraint});
        return adder_command(words);
    }
    std::string facts_, notes_;
};

TEST_F(ConstrainedCommands, EveryTextIsWhatTheConstraintAllows) {
    const std::string path = constrain({"--regex", "(yes|no)(, [a-z]{2,5}){1,2}\\.?"});
    EXPECT_HAS(facts_, "c.adderc: ");
    EXPECT_HAS(facts_, "texts: 6 to 18 bytes\n");
    EXPECT_HAS(facts_, "for each token of the vocabulary at most its bytes, 2 comparisons each");
    const std::regex form("(yes|no)(, [a-z]{2,5}){1,2}\\.?\n");
    std::string all;
    for (const char *seed : {"1", "2", "3", "4"})
        for (const char *tokens : {"6", "9", "0"}) {
            const Outcome outcome = run(path, {"-q", "--temp", "2", "--seed", seed, "-n", tokens});
            ASSERT_EQ(outcome.code, 0) << outcome.err;
            EXPECT_TRUE(std::regex_match(outcome.out, form)) << outcome.out;
            all += outcome.out;
            EXPECT_EQ(run(path, {"-q", "--temp", "2", "--seed", seed, "-n", tokens, "--isa", "scalar"}).out,
                      outcome.out);
        }
    EXPECT_GT(all.size(), 12u * 6);
}

TEST_F(ConstrainedCommands, AReportSaysWhyItStopped) {
    const std::string path = constrain({"--regex", "ab{2}"});
    const Json json = json_of(run(path, {"--json", "-q"}));
    EXPECT_EQ(text(json, "text"), "abb");
    EXPECT_EQ(text(json, "stop"), "constraint");
    EXPECT_HAS(run(path, {}).err, "stopped at the end of what the constraint allows");
}

TEST_F(ConstrainedCommands, WhatCannotBeCompletedIsNotPrinted) {
    const std::string path = constrain({"--regex", "[0-9]{40}"});
    for (const bool json : {false, true}) {
        const Outcome outcome = run(path, {"-q", "-n", "3", json ? "--json" : "--temp=0"});
        EXPECT_EQ(outcome.code, 1);
        EXPECT_EQ(outcome.out, "");
        EXPECT_HAS(
            outcome.err,
            "c.adderc: the tokens left do not complete what the constraint asks for: 2 tokens were generated");
        EXPECT_HAS(outcome.err, "nothing is printed");
    }
}

TEST_F(ConstrainedCommands, ASchemaMakesJson) {
    const std::string schema = file(
        "s.json",
        R"({"type":"object","properties":{"answer":{"enum":["yes","no"]},"sure":{"oneOf":[{"type":"boolean"}]},"why":{"maxLength":8}},"required":["answer","sure"]})");
    const std::string path = constrain({"--json-schema", schema, "--spaces"});
    EXPECT_HAS(notes_, "s.json: #/properties/sure/oneOf is taken as anyOf");
    for (const char *seed : {"1", "2", "3"}) {
        const Outcome outcome = run(path, {"-q", "--temp", "1.5", "--seed", seed});
        ASSERT_EQ(outcome.code, 0) << outcome.err;
        const Json json = Json::parse(outcome.out, "output");
        const std::string answer = text(json, "answer");
        EXPECT_TRUE(answer == "yes" || answer == "no") << outcome.out;
        EXPECT_TRUE(json.find("sure")->is_boolean());
    }
    const std::string grammar =
        constrain({"--grammar", file("g.gbnf", "root ::= \"<\" root \">\" | \"x\""), "--depth", "2", "-q"});
    EXPECT_EQ(facts_, "");
    EXPECT_TRUE(std::regex_match(run(grammar, {"-q"}).out, std::regex("x\n|<x>\n|<<x>>\n")));
}

TEST_F(ConstrainedCommands, WrongUseIsNamed) {
    const std::string path = directory_->file("new.adderc"), schema = file("s.json", R"({"type":"null"})");
    const struct {
        std::vector<std::string> words;
        int code;
        const char *error;
    } cases[] = {
        {{"-o", path}, 2, "a constraint comes from one place"},
        {{"--regex", "a", "--grammar", "b", "-o", path}, 2, "a constraint comes from one place"},
        {{"--regex", "a"}, 2, "where to? Give -o FILE.adderc"},
        {{"--regex", "a", "--spaces", "-o", path}, 2, "--spaces has a meaning with --json-schema only"},
        {{"--regex", "a", "--depth", "3", "-o", path}, 2, "--depth has no meaning with --regex"},
        {{"--json-schema", schema, "-o", schema}, 2, "s.json"},
        {{"--json-schema", path, "-o", path + "x"}, 3, "cannot open"},
        {{"--regex", "a*", "-o", path}, 3, "--regex: there are texts of any length; --max-bytes N bounds them"},
        {{"--regex", "a", "--max-bytes", "0", "-o", path}, 2, "max-bytes"},
    };
    for (const auto &one : cases) {
        std::vector<std::string> words = one.words;
        words.insert(words.begin(), "constrain");
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, one.code) << outcome.err;
        EXPECT_HAS(outcome.err, one.error);
        EXPECT_FALSE(file_exists(path));
    }
    const std::string made = constrain({"--regex", "a"});
    EXPECT_EQ(run(made, {"--ignore-eos"}).code, 2);
    EXPECT_EQ(run(made, {"--prompt-only"}).code, 2);
    EXPECT_EQ(run(*blob_, {}).code, 3);
    EXPECT_HAS(run(*blob_, {}).err,
               "this is no constraint that this library reads, or a damaged one: magic number");
}

TEST_F(ToyCommands, AConstraintNeedsATokenizer) {
    const Outcome outcome = adder_command({"run", blob_, "--ids", "1", "--constraint", "none"});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_HAS(outcome.err, "this blob carries no tokenizer");
}

}  // namespace
}  // namespace adder::test
