// Rows of zero-shot tasks: every form that is read, how texts are cleaned, and how bad rows are named.
// SPDX-License-Identifier: MIT
#include "converter/eval/rows.h"

#include <gtest/gtest.h>

#include "converter/eval/tasks.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

// "context|continuation" of each request.
std::vector<std::string> asked(const Example &example) {
    std::vector<std::string> list;
    for (const Request &request : example.requests)
        list.push_back(request.context + "|" + request.continuation);
    return list;
}
Example row(const std::string &line) { return read_row(line, "f.jsonl:7"); }
using Strings = std::vector<std::string>;

TEST(EvalRows, OwnForms) {
    const Example choice = row(R"({"context": "Q", "choices": ["a", "né"], "label": 1})");
    EXPECT_EQ(asked(choice), (Strings{"Q| a", "Q| né"}));
    EXPECT_EQ(choice.label, 1);
    EXPECT_EQ(choice.lengths, (std::vector<uint32_t>{1, 2}));  // characters, not bytes
    const Example complete = row(R"({"context": "It is", "target": " so"})");
    EXPECT_EQ(asked(complete), Strings{"It is| so"});
    EXPECT_EQ(complete.label, -1);
    const Example gap = row(R"({"sentence": "He saw _ , and left. ", "choices": ["Al", "Bob"], "label": 0})");
    EXPECT_EQ(asked(gap), (Strings{"He saw Al| , and left.", "He saw Bob| , and left."}));
    EXPECT_EQ(gap.lengths, (std::vector<uint32_t>{2, 3}));
}

TEST(EvalRows, PublishedForms) {
    EXPECT_EQ(asked(row(R"({"text": "one two  three"})")), Strings{"one two | three"});
    const Example piqa = row(R"({"goal": "open it", "sol1": "pull", "sol2": "push", "label": 1})");
    EXPECT_EQ(asked(piqa), (Strings{"Question: open it\nAnswer:| pull", "Question: open it\nAnswer:| push"}));
    EXPECT_EQ(piqa.label, 1);
    EXPECT_EQ(read_row(R"({"goal": "g", "sol1": "a", "sol2": "b"})", "f:1", "1").label, 1);
    const Example gap = row(R"({"sentence": "A _ is", "option1": "x", "option2": "y", "answer": "2"})");
    EXPECT_EQ(asked(gap), (Strings{"A x| is", "A y| is"}));
    EXPECT_EQ(gap.label, 1);
    for (const char *arc : {R"({"question": {"stem": "Why?", "choices": [{"text": "so", "label": "A"},
                                {"text": "no", "label": "B"}]}, "answerKey": "B"})",
                            R"({"question": "Why?", "choices": {"text": ["so", "no"], "label": ["1", "2"]},
                                "answerKey": "2"})"}) {
        EXPECT_EQ(asked(row(arc)), (Strings{"Question: Why?\nAnswer:| so", "Question: Why?\nAnswer:| no"}));
        EXPECT_EQ(row(arc).label, 1);
    }
    const Example swag = row(R"({"activity_label": "Cooking", "ctx": "[header] How to cook [title] Begin.  he",
                                 "ctx_a": "x", "ctx_b": "y", "endings": ["[step] goes.", "stops [substeps] here."],
                                 "label": "1"})");
    EXPECT_EQ(asked(swag), (Strings{"Cooking: How to cook. Begin. he|  goes.",
                                    "Cooking: How to cook. Begin. he| stops here."}));
    EXPECT_EQ(swag.label, 1);
    EXPECT_EQ(asked(row(R"({"ctx_a": "A.", "ctx_b": "he", "endings": ["x", "y"], "label": 0})"))[0],
              "A. he| x");
}

TEST(EvalRows, CleansAsTheHarnessDoes) {
    EXPECT_EQ(clean_hellaswag("  a [title] b [x] c  d \n"), "a. b c d");  // one pass over pairs of spaces
    EXPECT_EQ(clean_hellaswag("a [b\nc] d]"), "a [b\nc] d]");             // a bracket ends on its own line
    EXPECT_EQ(clean_hellaswag("[[a] b]"), " b]");
}

TEST(EvalRows, BadRowsAreNamed) {
    const struct {
        const char *line, *part;
    } cases[] = {
        {R"({"context": "Q", "choices": ["a", "b"]})", "there is no label"},
        {R"({"context": "Q", "choices": ["a", "b"], "label": ""})", "there is no label"},
        {R"({"context": "Q", "choices": ["a", "b"], "label": null})", "there is no label"},
        {R"({"context": "Q", "choices": ["a", "b"], "label": 2})", "label is 2; an integer from 0 to 1"},
        {R"({"context": "Q", "choices": ["a", "b"], "label": -1})", "label is -1"},
        {R"({"context": "Q", "choices": ["a", "b"], "label": "2"})", "label is \"2\"; a number from 0 to 1"},
        {R"({"context": "Q", "choices": ["a", "b"], "label": "1x"})", "label is \"1x\""},
        {R"({"context": "Q", "choices": ["a", ""], "label": 0})", "choice 1 is empty"},
        {R"({"context": "Q", "choices": ["a", " "], "label": 0})", "choice 1 is empty"},
        {R"({"context": "Q", "choices": ["a"], "label": 0})", "1 choices; 2 to 1000"},
        {R"({"context": "Q", "choices": ["a", 3], "label": 0})", "choices is 3; a string is needed"},
        {R"({"choices": ["a", "b"], "label": 0})", "context is missing"},
        {R"({"context": "Q", "target": " "})", "is empty"},
        {R"({"context": "Q"})", "target is missing"},
        {R"({"text": "word"})", "one word only"},
        {R"({"sentence": "no gap", "choices": ["a", "b"], "label": 0})", "has no \"_\""},
        {R"({"sentence": "ends in _ ", "choices": ["a", "b"], "label": 0})", "nothing stands behind"},
        {R"({"sentence": "A _ is", "option1": "x", "option2": "y", "answer": "3"})", "from 1 to 2"},
        {R"({"question": "Q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "C"})",
         "no choice's label"},
        {R"({"question": "Q", "choices": {"text": ["a", "b"], "label": ["A"]}, "answerKey": "A"})",
         "2 choices have 1"},
        {"{}", "no known row"},
        {"[1]", "no JSON object"},
        {"{\"context\": ", "f.jsonl:7:13: "},
        {"{\"context\": \"\xff\"}", "f.jsonl:7:14: "},
    };
    for (const auto &[line, part] : cases) {
        const std::string error = error_of([line = line] { row(line); });
        EXPECT_HAS(error, "f.jsonl:7");
        EXPECT_HAS(error, part);
    }
}

TEST(EvalTasks, BadRowsAreAnErrorOrLeftOut) {
    const TemporaryDirectory directory;
    const std::string file = directory.file("t.jsonl");
    const std::string good = R"({"context": "Q", "choices": ["a", "b"], "label": 0})";
    write_text(file, good + "\n\n{\r\n" + good + "\r\n" + R"({"context": "Q", "choices": ["a", "b"]})" +
                         "\n" + good);
    const std::string error = error_of([&] { read_task("t=" + file, 0, false); });
    EXPECT_HAS(error, "t.jsonl:3:");
    EXPECT_HAS(error, "t.jsonl:5: there is no label");
    EXPECT_HAS(error, "2 of the rows");
    const Task task = read_task("t=" + file, 0, true);
    EXPECT_EQ(task.lines, (std::vector<uint32_t>{1, 4, 6}));
    EXPECT_EQ(task.skipped.size(), 2u);
    EXPECT_EQ(read_task("t=" + file, 1, false).examples.size(),
              1u);  // what lies behind the limit is not read
    write_text(file, good + "\n" + R"({"text": "a b"})" + "\n");
    EXPECT_HAS(error_of([&] { read_task("t=" + file, 0, false); }), "with choices and one without");
    write_text(file, "\n");
    EXPECT_HAS(error_of([&] { read_task("t=" + file, 0, false); }), "no row to score");
    for (const char *wrong : {"t", "=f", "t="})
        EXPECT_HAS(error_of([&] { read_task(wrong, 0, false); }, ExitCode::usage), "NAME=FILE.jsonl");
}

TEST(EvalTasks, PiqaLabelsLieBesideTheFile) {
    const TemporaryDirectory directory;
    const std::string line = R"({"goal": "g", "sol1": "a", "sol2": "b"})";
    write_text(directory.file("valid.jsonl"), line + "\n" + line + "\n" + line + "\n");
    write_text(directory.file("valid-labels.lst"), "1\n0\n");
    const Task task = read_task("piqa=" + directory.file("valid.jsonl"), 0, true);
    ASSERT_EQ(task.examples.size(), 2u);
    EXPECT_EQ(task.examples[0].label, 1);
    EXPECT_EQ(task.examples[1].label, 0);
    EXPECT_HAS(task.skipped.at(0), "valid.jsonl:3: there is no label");
}

TEST(EvalTasks, WindowsAndStrides) {
    const Tokens tokens = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    // Tokens that each window predicts.
    const auto predicted = [&](uint32_t window, uint32_t stride) {
        std::vector<Tokens> list;
        for (const Window &w : cut_text(tokens, window, stride)) {
            Tokens next;
            for (uint32_t r = w.sequence.rows[0].begin; r < w.sequence.rows[0].end; ++r)
                next.push_back(r + 1 < w.sequence.tokens.size() ? w.sequence.tokens[r + 1] : w.last_token);
            EXPECT_EQ(w.sequence.rows.size(), 1u);
            list.push_back(next);
        }
        return list;
    };
    using List = std::vector<Tokens>;
    EXPECT_EQ(predicted(4, 4), (List{{1, 2, 3}, {5, 6, 7}, {9}}));
    EXPECT_EQ(predicted(3, 3), (List{{1, 2}, {4, 5}, {7, 8}}));  // the tenth token alone predicts nothing
    EXPECT_EQ(predicted(4, 2), (List{{1, 2, 3}, {4, 5}, {6, 7}, {8, 9}}));
    EXPECT_EQ(predicted(20, 20), (List{{1, 2, 3, 4, 5, 6, 7, 8, 9}}));
    EXPECT_EQ(predicted(2, 1), (List{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}}));
}

}  // namespace
}  // namespace adder::test
