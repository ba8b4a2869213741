// The command line: parsing, errors and exit codes, help, completion.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <new>
#include <set>
#include <stdexcept>

#include "adder/adder.h"
#include "converter/app/cli.h"
#include "converter/app/help.h"
#include "converter/base/error.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

using test::Outcome;

// What the toy command below was given.
Arguments seen;
void (*action)() = nullptr;

int run_toy(const Arguments &arguments) {
    seen = arguments;
    if (action != nullptr) action();
    return 0;
}

std::vector<Command> toys() {
    return {
        {"paint",
         "FILE [COLOUR]",
         "Paint a file",
         "Paints.\n\nTwice.",
         {"adder paint wall --coats 2"},
         {{"coats", 'c', "N", false, "How many."},
          {"tint", 0, "T", false, "How much."},
          {"brush", 'b', "NAME", true, "With what."},
          {"dry", 'd', nullptr, false, "Only pretend."}},
         1,
         2,
         run_toy},
        {"plane", "", "Plane a board", "Planes.", {}, {}, 0, 0, run_toy},
    };
}

Outcome run(std::vector<std::string> words) { return test::run_command(toys(), std::move(words)); }

TEST(Cli, OptionsAndArgumentsInAnyOrder) {
    const Outcome outcome = run({"paint", "-c", "2", "wall", "--brush=a=b", "--dry", "-b", "wide", "red"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(seen.positional(), (std::vector<std::string>{"wall", "red"}));
    EXPECT_EQ(seen.integer("coats", 1, 1, 9), 2);
    EXPECT_EQ(seen.all("brush"), (std::vector<std::string>{"a=b", "wide"}));
    EXPECT_EQ(seen.text("brush"), "wide");
    EXPECT_TRUE(seen.has("dry"));
    EXPECT_FALSE(seen.has("tint"));
    EXPECT_EQ(seen.number("tint", 0.5, 0, 1), 0.5);
}

TEST(Cli, NegativeNumbersAndWordsBehindTwoDashesAreNoOptions) {
    ASSERT_EQ(run({"paint", "wall", "--tint", "-1"}).code, 0);
    EXPECT_EQ(seen.number("tint", 0, -2, 2), -1);
    ASSERT_EQ(run({"paint", "--", "--dry", "-"}).code, 0);
    EXPECT_EQ(seen.positional(), (std::vector<std::string>{"--dry", "-"}));
    EXPECT_FALSE(seen.has("dry"));
    ASSERT_EQ(run({"paint", "-", "--brush="}).code, 0);
    EXPECT_TRUE(seen.has("brush"));
    EXPECT_EQ(seen.text("brush", "none"), "");
}

TEST(Cli, UsageErrorsNameWhatIsWrong) {
    const struct {
        std::vector<std::string> words;
        const char *expected;
    } cases[] = {
        {{"pain"}, "there is no command pain; did you mean paint?"},
        {{"zzzzzz"}, "there is no command zzzzzz; see `adder help`"},
        {{"paint", "w", "--caots", "1"}, "there is no option --caots; did you mean --coats?"},
        {{"paint", "w", "--qqqqqqqq"}, "there is no option --qqqqqqqq; see `adder paint --help`"},
        {{"paint", "w", "-x"}, "there is no option -x"},
        {{"paint", "w", "-db"}, "there is no option -db"},
        {{"paint", "w", "--coats"}, "--coats needs an argument: N"},
        {{"paint", "w", "-c", "--dry"}, "-c needs an argument: N"},
        {{"paint", "w", "--dry=1"}, "--dry takes no argument"},
        {{"paint"}, "an argument is missing; usage: adder paint FILE [COLOUR]"},
        {{"paint", "a", "b", "c"}, "one argument too many, c"},
        {{"help", "pant"}, "there is no command pant; did you mean paint?"},
        {{"completion", "zsh"}, "there is no completion for zsh"},
    };
    for (const auto &[words, expected] : cases) {
        const Outcome outcome = run(words);
        EXPECT_EQ(outcome.code, 2) << expected;
        EXPECT_HAS(outcome.err, expected);
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(outcome.err.find("adder"), 0u);
    }
}

TEST(Cli, NumbersAreCheckedWholly) {
    for (const char *bad : {"", "3x", "x", " 3", "0", "10", "1.5", "99999999999999999999"}) {
        ASSERT_EQ(run({"paint", "w", std::string("--coats=") + bad}).code, 0);
        const std::string error = test::error_of([] { seen.integer("coats", 1, 1, 9); }, ExitCode::usage);
        EXPECT_HAS(error, std::string("--coats is ") + bad + "; an integer from 1 to 9 is needed");
    }
    for (const char *bad : {"", "0.5x", "nan", "-0.1", "1.1", "inf"}) {
        ASSERT_EQ(run({"paint", "w", std::string("--tint=") + bad}).code, 0);
        EXPECT_HAS(test::error_of([] { seen.number("tint", 0, 0, 1); }, ExitCode::usage),
                   "from 0 to 1 is needed");
    }
    ASSERT_EQ(run({"paint", "w", "--tint=soft"}).code, 0);
    EXPECT_EQ(seen.choice("tint", "none", {"soft", "hard"}), "soft");
    EXPECT_HAS(test::error_of(
                   [] {
                       seen.choice("tint", "", {"a", "b"});
                   },
                   ExitCode::usage),
               "is needed: a, b");
}

TEST(Cli, ErrorsBecomeExitCodes) {
    action = [] { bad_input("%s is damaged", "x.adder"); };
    Outcome outcome = run({"paint", "w"});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.err, "adder paint: x.adder is damaged\n");
    action = [] { throw std::bad_alloc(); };
    outcome = run({"paint", "w"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "adder paint: there is not enough memory\n");
    action = [] { throw std::runtime_error("oops"); };
    outcome = run({"paint", "w"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "adder paint: internal error: oops\n");
    action = nullptr;
}

TEST(Cli, HelpComesFromTheTable) {
    const std::string overview = run({"help"}).out;
    EXPECT_EQ(run({}).out, overview);
    EXPECT_EQ(run({"--help"}).out, overview);
    EXPECT_EQ(run({"-h"}).out, overview);
    for (const char *part :
         {"adder paint wall --coats 2", "  paint       Paint a file", "completion", "  4  the result"})
        EXPECT_HAS(overview, part);
    EXPECT_EQ(run({"--version"}).out, std::string("adder ") + adder_version() + "\n");

    const std::string page = run({"paint", "--help"}).out;  // wins over a missing argument
    EXPECT_EQ(page, "adder paint: Paint a file\n\n"
                    "Examples:\n  adder paint wall --coats 2\n\n"
                    "Usage: adder paint FILE [COLOUR]\n\n"
                    "Paints.\n\nTwice.\n\n"
                    "Options:\n"
                    "  -c, --coats N     How many.\n"
                    "      --tint T      How much.\n"
                    "  -b, --brush NAME  With what. May be repeated.\n"
                    "  -d, --dry         Only pretend.\n"
                    "  -q, --quiet       Print no progress and no remarks on standard error.\n"
                    "  -h, --help        Print this help and exit.\n");
    EXPECT_EQ(run({"help", "paint"}).out, page);
    EXPECT_EQ(run({"paint", "w", "-h"}).out, page);
}

TEST(Cli, HelpLinesAreFilled) {
    Command command = toys()[0];
    std::string text;
    for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i) + (i % 7 == 6 ? "\n" : " ");
    command.description = text.c_str();
    command.options[0].help = text.c_str();
    const std::string page = help_page(command);
    for (size_t at = 0; at < page.size();) {
        const size_t end = page.find('\n', at);
        EXPECT_LE(end - at, 100u);
        EXPECT_TRUE(end == at || page[end - 1] != ' ');
        at = end + 1;
    }
    EXPECT_HAS(page, "word6 word7");
}

TEST(Cli, MarkdownAndCompletionNameEverything) {
    const std::string markdown = run({"help", "--markdown"}).out;
    const std::string completion = run({"completion", "bash"}).out;
    for (const char *part :
         {"## adder paint", "| `-c, --coats N` | How many. |", "## adder completion", "| 2 | "})
        EXPECT_HAS(markdown, part);
    for (const char *part :
         {"paint plane help completion", "paint) options=\"--coats --tint --brush --dry --quiet --help\""})
        EXPECT_HAS(completion, part);
}

TEST(Cli, TheDocumentIsWhatTheHelpSays) {
    EXPECT_EQ(test::read_text(ADDER_SOURCE_DIR "/docs/cli.md"), help_markdown(all_commands()))
        << "write it again: adder help --markdown > docs/cli.md";
}

TEST(Cli, EveryCommandIsDescribed) {
    for (const Command &command : all_commands()) {
        EXPECT_FALSE(command.examples.empty()) << command.name;
        EXPECT_NE(std::string(command.description), "") << command.name;
        std::set<std::string> names;
        for (const Option &option : all_options(command)) {
            EXPECT_TRUE(names.insert(option.name).second) << command.name << " --" << option.name;
            EXPECT_TRUE(option.short_name == 0 || names.insert(std::string(1, option.short_name)).second)
                << command.name << " -" << option.short_name;
            EXPECT_EQ(std::string(option.help).back(), '.') << command.name << " --" << option.name;
        }
        for (const char *example : command.examples)
            EXPECT_EQ(std::string(example).find(std::string("adder ") + command.name + " "), 0u) << example;
    }
}

TEST(Cli, NearestIsNear) {
    const std::vector<std::string> names = {"convert", "inspect", "run", "verify", "eval", "bench"};
    EXPECT_EQ(nearest("rnu", names), "run");
    EXPECT_EQ(nearest("conv", names), "convert");
    EXPECT_EQ(nearest("verfy", names), "verify");
    EXPECT_EQ(nearest("benhc", names), "bench");
    EXPECT_EQ(nearest("quantize", names), "");
    EXPECT_EQ(nearest("", names), "");
}

}  // namespace
}  // namespace adder
