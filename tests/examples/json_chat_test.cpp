// adder-chat --json: a conversation as lines of JSON.
// SPDX-License-Identifier: MIT
#include "process.h"
#include "reference_chat.h"

#include "examples/chat/json_object.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace adder_test {
namespace {

const std::string blob = ADDER_CHAT_BLOB;

// An answer: its pieces together, and the members of its last line.
struct Answer {
    std::string text;
    size_t pieces = 0;
    std::map<std::string, std::string> end;
};

// Every line has to be an object as the reader takes it, which is strict.
std::vector<Answer> answers_of(const std::string &out) {
    std::vector<Answer> answers(1);
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) {
        std::map<std::string, std::string> members;
        for (const chat::JsonMember &member : chat::parse_json_object(line))
            members[member.name] = member.text;
        if (members.count("text") == 1) {
            EXPECT_EQ(members.size(), 1u) << line;
            answers.back().text += members["text"];
            ++answers.back().pieces;
        } else {
            answers.back().end = members;
            answers.emplace_back();
        }
    }
    EXPECT_EQ(answers.back().pieces, 0u) << "a last line is missing: " << out;
    answers.pop_back();
    return answers;
}

std::vector<Answer> talk(const std::string &input,
                         std::vector<std::string> options = {"--temp", "0", "-n", "24"}) {
    options.insert(options.begin(), {ADDER_CHAT, blob, "--json"});
    const Result result = run(options, input);
    EXPECT_EQ(result.code, 0) << result.err;
    return answers_of(result.out);
}

TEST(JsonChat, AnswersAreThoseOfTheChat) {
    ReferenceChat reference(blob, 24);
    const std::string first = "I want to book a table.", second = "For \"two\", in San Jos\xc3\xa9.";
    const std::vector<Answer> answers = talk(
        "{\"prompt\": \"I want to book a table.\"}\n\n{\"prompt\": \"For \\\"two\\\", in San Jos\\u00e9.\"}");
    ASSERT_EQ(answers.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
        const std::string &question = i == 0 ? first : second;
        Answer answer = answers[i];
        EXPECT_EQ(answer.end["prompt_tokens"], std::to_string(reference.turn(question).size()));
        EXPECT_EQ(answer.text, reference.answer(question));
        EXPECT_GT(answer.pieces, 1u) << "it comes as it is written";
        EXPECT_EQ(answer.end["end"], "complete");
        EXPECT_GE(std::stoi(answer.end["answer_tokens"]), static_cast<int>(answer.pieces));
        EXPECT_GT(std::stod(answer.end["seconds"]), 0);
        EXPECT_EQ(answer.end.size(), 4u);
    }
}

TEST(JsonChat, WhatIsWrongIsSaidAndChangesNothing) {
    const std::string question = "{\"prompt\": \"Do you like music?\"}\n";
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"prompt", "byte 1: an object"},
        {"{\"prompt\": \"x\"", "',' or '}'"},
        {"{\"prompt\": \"\xff\"}", "not UTF-8"},
        {"{\"prompt\": \"\"}", "prompt is empty"},
        {"{\"prompt\": 1}", "prompt needs a string"},
        {"{\"prompt\": \"x\", \"raw\": \"y\"}", "not both"},
        {"{\"reset\": 1}", "reset needs true or false"},
        {"{\"reset\": true, \"temperature\": -1}", "temperature needs a number from 0 to 100, not '-1'"},
        {"{\"reset\": true, \"temperature\": \"1\"}", "temperature needs a number from 0 to 100"},
        {"{\"reset\": true, \"seed\": 1.5}", "seed needs"},
        {"{\"max_tokens\": 1, \"max_tokens\": 2}", "comes twice"},
        {"{\"max_tokens\": 1, \"temp\": 2}", "there is no member \"temp\""},
        {"{\"system\": \"x\"}", "it needs reset"},
        {"{\"reset\": true, \"system\": \"x\"}", "system: this model's chat template takes no system text"},
    };
    std::string input = "{\"prompt\": \"Hi there!\"}\n";
    for (const auto &line : wrong) input += line.first + "\n";
    std::vector<Answer> answers = talk(input + question);
    ASSERT_EQ(answers.size(), wrong.size() + 2);
    for (size_t i = 0; i < wrong.size(); ++i) {
        EXPECT_NE(answers[i + 1].end["error"].find(wrong[i].second), std::string::npos)
            << wrong[i].first << ": " << answers[i + 1].end["error"];
        EXPECT_EQ(answers[i + 1].end.size(), 1u);
    }
    EXPECT_EQ(answers.back().text, talk("{\"prompt\": \"Hi there!\"}\n" + question).back().text);

    // Longer than any line may be, in the middle and at the end.
    const std::string longest((16 << 20) + 1, ' ');
    answers = talk(longest + "\n" + question + longest);
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_NE(answers[0].end["error"].find("more than 16777216 bytes"), std::string::npos);
    EXPECT_EQ(answers[1].end["end"], "complete");
    EXPECT_NE(answers[2].end["error"].find("more than 16777216 bytes"), std::string::npos);
}

TEST(JsonChat, SettingsHoldAndAResetBeginsAnew) {
    const std::string hot =
        "{\"reset\": true, \"seed\": 4, \"temperature\": 2, \"max_tokens\": 12, \"prompt\": \"Hello\"}\n";
    std::vector<Answer> answers = talk(hot + "{\"reset\": true, \"prompt\": \"Hello\"}\n" + hot +
                                       "{\"seed\": 5, \"reset\": true}\n{\"prompt\": \"Hello\"}\n"
                                       "{\"reset\": true, \"temperature\": 0, \"prompt\": \"Hello\"}\n");
    ASSERT_EQ(answers.size(), 6u);
    EXPECT_EQ(answers[1].text, answers[0].text) << "the same seed";
    EXPECT_EQ(answers[2].text, answers[0].text);
    EXPECT_EQ(answers[3].end, (std::map<std::string, std::string>{{"end", "complete"}}));
    EXPECT_NE(answers[4].text, answers[0].text);
    EXPECT_EQ(answers[0].end["end"], "limit");
    ReferenceChat reference(blob, 12);
    EXPECT_EQ(answers[5].text, reference.answer("Hello"));
}

// Of tokens drawn nearly evenly many hold a part of a character: pieces are whole ones all the same.
TEST(JsonChat, PiecesAreWholeCharacters) {
    const std::vector<Answer> answers =
        talk("{\"prompt\": \"Hi\"}\n", {"--temp", "100", "--top-p", "1", "--seed", "1", "-n", "400"});
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_NE(answers[0].text.find("\xef\xbf\xbd"), std::string::npos) << "bytes that are none are replaced";
}

TEST(JsonChat, ARawTextIsContinuedApartFromTheConversation) {
    const std::string raw = "{\"raw\": \"Once upon a time there was\"}\n",
                      hi = "{\"prompt\": \"Hi there!\"}\n", next = "{\"prompt\": \"Do you like music?\"}\n";
    const std::vector<Answer> answers = talk(hi + raw + next), straight = talk(hi + next);
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_EQ(answers[1].text, talk(raw)[0].text);
    EXPECT_EQ(answers[2].text, straight[1].text);
}

TEST(JsonChat, AnInterruptStopsAnAnswerAndBetweenTwoTheProgram) {
    // Nearly uniform over the vocabulary: it goes on for long.
    Terminal terminal(
        {ADDER_CHAT, blob, "--json", "--temp", "100", "--top-p", "1", "--seed", "1", "-n", "1000000"});
    terminal.type("{\"prompt\": \"Talk!\", \"repeat_penalty\": 1}\n");
    ASSERT_TRUE(terminal.wait_for("{\"text\": "));
    terminal.type("\x03");
    EXPECT_TRUE(terminal.wait_for("{\"end\": \"stopped\", ")) << terminal.shown();
    terminal.type("{\"temperature\": 0, \"max_tokens\": 1, \"prompt\": \"Hi\"}\n");
    EXPECT_TRUE(terminal.wait_for("{\"end\": \"limit\", ")) << terminal.shown();
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(JsonChat, OnePromptIsOneAnswer) {
    const Result result =
        run({ADDER_CHAT, blob, "--json", "--temp", "0", "-n", "24", "-p", "Hi there!"}, "not read");
    EXPECT_EQ(result.code, 0);
    ReferenceChat reference(blob, 24);
    EXPECT_EQ(answers_of(result.out).at(0).text, reference.answer("Hi there!"));
}

}  // namespace
}  // namespace adder_test
