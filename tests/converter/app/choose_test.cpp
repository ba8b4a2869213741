// adder choose as a user calls it.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/file.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

class ChooseCommands : public SpeakingCommands {
  protected:
    Outcome choose(std::vector<std::string> words) {
        words.insert(words.begin(), {"choose", *blob_});
        return adder_command(words);
    }
    std::string file(const std::string &name, const std::string &text) {
        write_file(directory_->file(name), text);
        return directory_->file(name);
    }
};

double number(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    return value == nullptr ? std::nan("") : value->number(key);
}

std::vector<Json> lines(const std::string &text) {
    std::vector<Json> all;
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at);
        all.push_back(Json::parse(text.substr(at, end - at), "line"));
        at = end + 1;
    }
    return all;
}

// All texts of a constraint, whatever it was made from.
TEST_F(ChooseCommands, TakesTheTextsOfAConstraint) {
    const std::string path = directory_->file("c.adderc");
    const auto constrain = [&](const std::string &regex, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"constrain", "--regex", regex, "-o", path, "-q"});
        ASSERT_EQ(adder_command(more).code, 0);
    };
    constrain("( table|( ta|xi)(\\.|))");
    std::vector<std::string> words = {"-p", "I want to book a"};
    std::vector<std::string> by_hand = words;
    for (const char *one : {" ta", " ta.", " table", "xi", "xi."}) by_hand.insert(by_hand.end(), {"-c", one});
    words.insert(words.end(), {"--constraint", path});
    const Outcome outcome = choose(words);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, choose(by_hand).out);

    write_file(directory_->file("rows.jsonl"), "{\"prompt\": \"I want to book a\"}\n");
    const Outcome rows = choose({"--input", directory_->file("rows.jsonl"), "--constraint", path});
    EXPECT_EQ(lines(rows.out).at(0).find("choices")->array("choices").size(), 5u) << rows.err;

    words.insert(words.end(), {"-c", " ta"});
    EXPECT_EQ(choose(words).code, 2);
    constrain("[0-9]{3}");
    EXPECT_EQ(choose({"-p", "It costs ", "--constraint", path}).code, 0);
    constrain("[0-9]{1,3}");
    EXPECT_HAS(choose({"-p", "It costs ", "--constraint", path}).err, "c.adderc allows more than 1000 texts");
    constrain("a+", {"--max-bytes", "1000000"});
    EXPECT_EQ(choose({"-p", "It costs ", "--constraint", path}).code, 3);
}

TEST_F(ChooseCommands, PrintsTheLikeliestFirst) {
    const std::vector<std::string> words = {"-p", "I want to book a", "-c", " xylophone",
                                            "-c", " table",           "-c", " ta"};
    const Outcome outcome = choose(words);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::vector<std::string> with_json = words;
    with_json.push_back("--json");
    const Json json = json_of(choose(with_json));
    std::string expected;
    double sum = 0;
    std::vector<std::pair<double, std::string>> found;
    for (const Json &one : json.find("choices")->array("choices")) {
        found.emplace_back(-number(one, "probability"), text(one, "text"));
        sum += number(one, "probability");
        EXPECT_LT(number(one, "log_probability"), 0);
        EXPECT_GE(integer(one, "tokens"), 1);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].second, " xylophone");
    EXPECT_GT(found[0].first, found[1].first) << "a table is likelier than a xylophone";
    std::sort(found.begin(), found.end());
    for (const auto &[probability, name] : found) {
        char line[64];
        std::snprintf(line, sizeof line, "%.4f  \"%s\"\n", -probability, name.c_str());
        expected += line;
    }
    EXPECT_EQ(outcome.out, expected);
    EXPECT_EQ(text(json, "best"), found[0].second);
    for (const char *option : {"-t", "--isa"}) {
        std::vector<std::string> other = with_json;
        other.insert(other.end(), {option, std::string(option) == "-t" ? "3" : "scalar"});
        EXPECT_EQ(choose(other).out, choose(with_json).out);
    }
}

// What adder eval scores is the same sum, over the same tokens.
TEST_F(ChooseCommands, AgreesWithEval) {
    const std::string rows = file(
        "task.jsonl", R"({"context": "The old man", "choices": ["went home", "is here", "is"], "label": 0})");
    const Json evaluation = json_of(adder_command({"eval", *blob_, "--task", "t=" + rows, "--json", "-q"}));
    const auto first = [](const Json &object, const char *key) { return object.find(key)->array(key)[0]; };
    const std::vector<Json> expected =
        first(first(first(evaluation, "models"), "tasks"), "loglikelihood").array("loglikelihood");
    const Json json =
        json_of(choose({"-p", "The old man", "-c", " went home", "-c", " is here", "-c", " is", "--json"}));
    const std::vector<Json> &found = json.find("choices")->array("choices");
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(number(found[i], "log_probability"), expected[i].number("loglikelihood"), 1e-4) << i;
}

TEST_F(ChooseCommands, RowsAreAnsweredInTheirOrderAndInShards) {
    const std::string rows = file("rows.jsonl", R"({"prompt": " table", "label": " please"})"
                                                "\n\n"
                                                R"({"prompt": " hotel", "label": 1, "id": 7})"
                                                "\n"
                                                R"({"prompt": ""})"
                                                "\n");
    const std::vector<std::string> words = {"-i", rows,      "-p", "I would like to book a nice",
                                            "-c", " please", "-c", " and then"};
    const Outcome whole = choose(words);
    ASSERT_EQ(whole.code, 0) << whole.err;
    EXPECT_HAS(whole.err, " of 2 right, ");
    const std::vector<Json> answers = lines(whole.out);
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_EQ(integer(answers[1], "row"), 3);
    EXPECT_NE(answers[0].find("right"), nullptr);
    EXPECT_EQ(answers[2].find("right"), nullptr);
    // As each is alone, though what all begin with was read once.
    const char *const ends[] = {" table", " hotel", ""};
    for (size_t i = 0; i < 3; ++i) {
        const Json alone = json_of(choose({"-p", std::string("I would like to book a nice") + ends[i], "-c",
                                           " please", "-c", " and then", "--json"}));
        const auto first = [](const Json &json) {
            return number(json.find("choices")->array("choices")[0], "log_probability");
        };
        EXPECT_EQ(first(alone), first(answers[i])) << i;
    }
    std::string parts;
    for (const char *shard : {"1/2", "2/2"}) {
        std::vector<std::string> part = words;
        part.insert(part.end(), {"--shard", shard, "-q"});
        const Outcome outcome = choose(part);
        EXPECT_EQ(outcome.err, "");
        for (const Json &one : lines(outcome.out)) parts += std::to_string(integer(one, "row")) + " ";
    }
    EXPECT_EQ(parts, "1 4 3 ");
}

// One answer is the beginning of the other: with an end its share is its own.
TEST_F(ChooseCommands, AnEndMakesBeginningsComparable) {
    const auto chance = [&](std::vector<std::string> more) {
        std::vector<std::string> words = {"-p", "Yes", "-c", ", I", "-c", ", I want", "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Json json = json_of(choose(words));
        const Json &first = json.find("choices")->array("choices")[0];
        return std::pair(number(first, "probability"), integer(first, "tokens"));
    };
    EXPECT_GT(chance({}).first, 0.5);
    EXPECT_EQ(chance({"--end"}).second, chance({}).second + 1);
}

// With a cache, empty and then not: the same answers, of a prompt and of rows that begin alike.
TEST_F(ChooseCommands, ACacheChangesNothing) {
    const std::string rows =
        file("cached.jsonl", "{\"prompt\": \"a table\"}\n{\"prompt\": \"a taxi, please\"}\n");
    for (const std::vector<std::string> &prompt :
         {std::vector<std::string>{"-p", "Once upon a time there was an old man who"},
          {"-p", "Once upon a time there was a man who wanted ", "--input", rows}}) {
        std::vector<std::string> words = {"-c", " had", "-c", " went", "-q"};
        words.insert(words.end(), prompt.begin(), prompt.end());
        const Outcome plain = choose(words);
        ASSERT_EQ(plain.code, 0) << plain.err;
        const std::string cache = directory_->file("cache" + std::to_string(prompt.size()));
        words.insert(words.end(), {"--cache", cache});
        for (int time = 0; time < 2; ++time) {
            EXPECT_EQ(choose(words).out, plain.out);
            size_t states = 0;
            for (const auto &entry : std::filesystem::recursive_directory_iterator(cache))
                states += entry.path().extension() == ".state";
            EXPECT_EQ(states, 1u);
        }
    }
}

TEST_F(ChooseCommands, MistakesAreNamed) {
    EXPECT_HAS(choose({"-p", "a"}).err, "0 choices; 2 or more are needed");
    EXPECT_EQ(choose({"-p", "a", "-c", "b"}).code, 2);
    EXPECT_HAS(choose({"-c", "a", "-c", "b"}).err, "a prompt is needed");
    EXPECT_HAS(choose({"-p", "a", "-c", "b", "-c", ""}).err, "choice 2 adds nothing to the prompt");
    EXPECT_HAS(choose({"-p", "a", "-c", "b", "-c", "c", "--shard", "1/2"}).err, "--shard needs --input");
    EXPECT_HAS(choose({"-p", "a", "-f", "b", "-c", "b", "-c", "c"}).err, "from one place");
    const auto rows = [&](const std::string &line) {
        return choose({"-i", file("bad.jsonl", "{\"prompt\": \"a\", \"choices\": [\"b\", \"c\"]}\n" + line)}).err;
    };
    EXPECT_HAS(rows("{\"prompt\": \"a\"}"), "bad.jsonl:2: choices is missing");
    EXPECT_HAS(rows("{\"choices\": [\"a\", \"b\"]}"), "bad.jsonl:2: prompt is missing");
    EXPECT_HAS(rows("{\"prompt\": \"a\", \"choices\": [\"a\"]}"), "bad.jsonl:2: 1 choices; 2 or more");
    EXPECT_HAS(rows("{\"prompt\": \"a\", \"choices\": [\"a\", \"b\"], \"label\": \"c\"}"),
               "bad.jsonl:2: label is \"c\", which is none of the choices");
    EXPECT_HAS(rows("{\"prompt\": \"a\", \"choices\": [\"a\", \"b\"], \"label\": 2}"), "bad.jsonl:2: label");
    EXPECT_HAS(rows("[1]"), "bad.jsonl:2: prompt is missing");
    EXPECT_HAS(rows("{"), "bad.jsonl:2");
}

}  // namespace
}  // namespace adder::test
