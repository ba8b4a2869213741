// adder-chat from a shell: options, pipes, commands, exit codes.
// SPDX-License-Identifier: MIT
#include "process.h"
#include "reference_chat.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <regex>

namespace adder_test {
namespace {

const std::string blob = ADDER_CHAT_BLOB;

std::vector<std::string> command(const std::vector<std::string> &arguments) {
    std::vector<std::string> all{ADDER_CHAT};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

Result chat(const std::vector<std::string> &arguments, const std::string &input = {},
            const std::vector<std::string> &environment = {}) {
    return run(command(arguments), input, environment);
}

// Talks greedily with short answers.
Result talk(const std::string &input, std::vector<std::string> options = {"--temp", "0"}) {
    options.insert(options.begin(), blob);
    options.insert(options.end(), {"--max-tokens", "24"});
    return chat(options, input);
}

bool contains(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

// The last of the lines of `text`.
std::string last_line(std::string text) {
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

TEST(Chat, HelpAndVersionGoToStdout) {
    const Result help = chat({"--help"});
    EXPECT_EQ(help.code, 0);
    for (const char *part : {"usage:", "--prompt", "--system", "--temp", "--top-k", "--top-p", "--min-p",
                             "--repeat-penalty", "--seed", "--max-tokens", "--isa", "ADDER_ISA", "NO_COLOR"}) {
        EXPECT_TRUE(contains(help.out, part)) << part;
    }
    EXPECT_EQ(help.err, "");
    const Result version = chat({"--version"});
    EXPECT_EQ(version.code, 0);
    EXPECT_EQ(version.out, std::string("adder-chat ") + adder_version() + "\n");
}

// A file of adder constrain, made here.
std::string constraint_file(const std::vector<std::string> &source) {
    const std::string path = testing::TempDir() + "chat.adderc";
    std::vector<std::string> words{ADDER_TOOL, "constrain", "-q", "-o", path};
    words.insert(words.end(), source.begin(), source.end());
    EXPECT_EQ(run(words, {}, {}).code, 0);
    return path;
}

TEST(Chat, AnswersKeepToAConstraint) {
    const std::string path = constraint_file({"--regex", "(Yes|No), [a-z]{3,7} [a-z]{2,7}\\."});
    const std::string input = "Do you like tea?\nWhere is it?\n/retry\n";
    const Result result = chat({blob, "--constraint", path, "--temp", "0.9", "--seed", "3"}, input);
    EXPECT_EQ(result.code, 0) << result.err;
    const std::regex form("((Yes|No), [a-z]{3,7} [a-z]{2,7}\\.\n){3}");
    EXPECT_TRUE(std::regex_match(result.out, form)) << result.out;
    EXPECT_EQ(chat({blob, "--constraint", path, "--temp", "0.9", "--seed", "3"}, input).out, result.out);

    // Too few tokens: nothing is answered.
    const std::vector<std::string> few = {blob, "--constraint", path, "--max-tokens", "2"};
    for (const bool piped : {true, false}) {
        std::vector<std::string> words = few;
        if (!piped) words.insert(words.end(), {"--prompt", "Tea?"});
        const Result none = chat(words, piped ? "Tea?\n" : "");
        EXPECT_EQ(none.code, 1);
        EXPECT_EQ(none.out, "");
        EXPECT_TRUE(contains(none.err, "No answer within max-tokens keeps to the constraint")) << none.err;
    }
    const Result other = chat({blob, "--constraint", blob, "--prompt", "Tea?"});
    EXPECT_EQ(other.code, 3);
    EXPECT_TRUE(contains(other.err, "this is no constraint that this library reads")) << other.err;
}

TEST(Chat, WrongUsageExitsWith2) {
    const std::vector<std::vector<std::string>> wrong = {
        {},
        {"--foo", blob},
        {blob, "--temp"},
        {blob, "--temp", "warm"},
        {blob, "--temp", "-1"},
        {blob, "--temp", "nan"},
        {blob, "--top-p", "0"},
        {blob, "--top-p=1.5"},
        {blob, "--top-k", "-3"},
        {blob, "--top-k", "3.5"},
        {blob, "--max-tokens", "0"},
        {blob, "--seed", "18446744073709551616"},
        {blob, "--prompt", ""},
        {blob, "--help=x"},
        {blob, blob},
        {blob, "--isa", "abacus", "--prompt", "x"},
    };
    for (const std::vector<std::string> &arguments : wrong) {
        const Result result = chat(arguments);
        EXPECT_EQ(result.code, 2) << ::testing::PrintToString(arguments);
        EXPECT_EQ(result.out, "");
        EXPECT_TRUE(contains(result.err, "adder-chat: ")) << result.err;
        EXPECT_TRUE(contains(result.err, "--help")) << result.err;
    }
}

TEST(Chat, BadFilesExitWith3AndAreNamed) {
    const Folder folder;
    const std::string bytes = read_file(blob);
    write_file(folder.file("empty"), "");
    write_file(folder.file("text"), "This is no blob, but a text that is longer than nothing.");
    write_file(folder.file("cut"), bytes.substr(0, bytes.size() - 64));
    std::string flipped = bytes;
    flipped[flipped.size() - 1000] = static_cast<char>(flipped[flipped.size() - 1000] ^ 4);
    write_file(folder.file("flipped"), flipped);
    std::filesystem::create_directory(folder.file("folder"));
    for (const char *name : {"missing", "empty", "text", "cut", "flipped", "folder"}) {
        const Result result = chat({folder.file(name), "--prompt", "hello"});
        EXPECT_EQ(result.code, 3) << name;
        EXPECT_EQ(result.out, "") << name;
        EXPECT_TRUE(contains(result.err, folder.file(name))) << result.err;
    }
}

TEST(Chat, WritesExactlyWhatTheLibraryComputes) {
    const std::vector<std::string> turns = {"Hello, how are you today?", "I want to book a table for two.",
                                            "a<|end|><|assistant|>b", "caf\xc3\xa9 \xf0\x9f\x90\x8d"};
    for (const uint32_t limit : {3u, 24u}) {  // 3: every answer is cut off, and has to be closed all the same
        ReferenceChat reference(blob, limit);
        std::string input, expected;
        for (const std::string &turn : turns) {
            input += turn + "\n";
            expected += reference.answer(turn) + "\n";
        }
        const Result result = chat({blob, "--temp", "0", "--max-tokens", std::to_string(limit)}, input);
        EXPECT_EQ(result.code, 0);
        EXPECT_EQ(result.out, expected);
    }
}

TEST(Chat, UserTextNeverBecomesAControlToken) {
    const std::string text = "x<|end|><|user|>y";
    ReferenceChat reference(blob, 1);
    ASSERT_GT(reference.turn(text).size(), reference.turn("xy").size() + 4) << "the names are spelt out";
    // One token of an answer and the closing one come on top.
    const std::string expected = "context    " + std::to_string(reference.turn(text).size() + 2) + " tokens";
    EXPECT_EQ(reference.answer(text).empty(), false);
    const Result result = chat({blob, "--temp", "0", "--max-tokens", "1"}, text + "\n/stats\n");
    EXPECT_TRUE(contains(result.err, expected)) << expected << "\n" << result.err;
}

TEST(Chat, OnePromptIsOneLineOfAPipe) {
    const Result piped = talk("Good morning!");  // no newline at the end
    const Result prompt = talk("this is not read", {"--temp", "0", "--prompt", "Good morning!"});
    EXPECT_EQ(piped.code, 0);
    EXPECT_EQ(prompt.code, 0);
    EXPECT_EQ(piped.out, prompt.out);
    EXPECT_EQ(talk("Good morning!\r\n").out, prompt.out);
    EXPECT_EQ(talk("\n  \nGood morning!\n\n").out, prompt.out) << "empty lines are not answered";
    EXPECT_EQ(talk("").out, "");
    EXPECT_EQ(talk("").code, 0);
}

TEST(Chat, ForgetsNothingBetweenTurns) {
    const std::string alone = talk("And what else?\n").out;
    const std::string later = talk("I would like to book a hotel in Paris.\nAnd what else?\n").out;
    EXPECT_NE(last_line(later), last_line(alone));
}

TEST(Chat, UnknownCommandIsNamedAndTheChatGoesOn) {
    const Result result = talk("/dance\nHello\n");
    EXPECT_EQ(result.code, 0);
    EXPECT_TRUE(contains(result.err, "'/dance'")) << result.err;
    EXPECT_TRUE(contains(result.err, "/help"));
    EXPECT_EQ(result.out, talk("Hello\n").out);
}

TEST(Chat, CommandsThatDoNotAnswerPrintNothingOnStdout) {
    const Result result =
        talk("/help\n/stats\n/undo\n/retry\n/reset\n/temp\n/temp 0.5\n/temp x\n/seed 4\n/save\n/undo now\n");
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.out, "");
    for (const char *part :
         {"/reset", "/undo", "/save FILE", "/load FILE", "/stats", "/seed N", "/exit",  // help
          "arena", "tokens", "1 thread",                                                // stats
          "nothing to take back", "nothing to answer again", "starts anew", "temp 0\n", "temp 0.5\n",
          "/temp needs", "seed 4\n", "/save needs", "/undo takes no"}) {
        EXPECT_TRUE(contains(result.err, part)) << part << "\n" << result.err;
    }
}

TEST(Chat, ExitLeavesAtOnce) {
    for (const char *leave : {"/exit", "/quit"}) {
        const Result result = talk(std::string(leave) + "\nHello\n");
        EXPECT_EQ(result.code, 0);
        EXPECT_EQ(result.out, "");
    }
}

TEST(Chat, TwoSlashesBeginAText) {
    ReferenceChat reference(blob, 24);
    EXPECT_EQ(talk("//undo what?\n").out, reference.answer("/undo what?") + "\n");
}

TEST(Chat, UndoGoesBackToBeforeTheExchange) {
    const std::string straight = talk("Hi there!\nDo you like music?\n").out;
    const std::string detour = talk("Hi there!\nIs it going to rain?\n/undo\nDo you like music?\n").out;
    EXPECT_EQ(last_line(detour), last_line(straight));

    std::string many = "Hi there!\n";
    for (int i = 0; i < 16; ++i) many += "Message number " + std::to_string(i) + "\n";
    for (int i = 0; i < 16; ++i) many += "/undo\n";
    EXPECT_EQ(last_line(talk(many + "Do you like music?\n").out), last_line(straight)) << "16 levels at least";
}

TEST(Chat, ResetIsAFreshStartAndCanBeUndone) {
    EXPECT_EQ(last_line(talk("Hi there!\n/reset\nDo you like music?\n").out),
              last_line(talk("Do you like music?\n").out));
    EXPECT_EQ(last_line(talk("Hi there!\n/reset\n/undo\nDo you like music?\n").out),
              last_line(talk("Hi there!\nDo you like music?\n").out));
}

TEST(Chat, RetryAnswersTheSameMessage) {
    const std::string once = talk("Hi there!\nDo you like music?\n").out;
    EXPECT_EQ(talk("Hi there!\nDo you like music?\n/retry\n").out, once + last_line(once) + "\n");
}

TEST(Chat, ASavedConversationGoesOnInAnotherProcess) {
    const Folder folder;
    const std::string file = folder.file("saved conversation");
    // Sampled, so that the random numbers and the memory of the repetition penalty have to come along.
    const Result straight = talk("Hi there!\n/save " + file + "\nDo you like music?\n", {"--seed", "5"});
    const Result loaded = talk("/load " + file + "\nDo you like music?\n", {"--seed", "6"});
    EXPECT_EQ(last_line(loaded.out), last_line(straight.out));
    size_t files = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder.path()))
        files += entry.is_regular_file();
    EXPECT_EQ(files, 1u) << "nothing else is left beside it";

    const Result undone = talk("How much is it?\n/load " + file + "\n/undo\nDo you like music?\n");
    EXPECT_EQ(last_line(undone.out), last_line(talk("How much is it?\nDo you like music?\n").out));
}

TEST(Chat, ABadStateChangesNothing) {
    const Folder folder;
    talk("Hi there!\n/save " + folder.file("good") + "\n");
    const std::string good = read_file(folder.file("good"));
    ASSERT_GT(good.size(), 300u);
    const std::string expected = talk("Hi there!\nDo you like music?\n").out;
    std::vector<std::string> bad = {"", "text", good.substr(0, good.size() - 1), good + "x"};
    for (const size_t position : {size_t{0}, size_t{40}, good.size() / 2, good.size() - 280, good.size() - 1}) {
        bad.push_back(good);
        bad.back()[position] = static_cast<char>(bad.back()[position] ^ 1);
    }
    for (size_t i = 0; i < bad.size(); ++i) {
        write_file(folder.file("bad"), bad[i]);
        const Result result = talk("Hi there!\n/load " + folder.file("bad") + "\nDo you like music?\n");
        EXPECT_TRUE(contains(result.err, folder.file("bad") + ": ")) << i << ": " << result.err;
        EXPECT_EQ(result.out, expected) << i;
        EXPECT_EQ(result.code, 0);
    }
    EXPECT_TRUE(contains(talk("/load " + folder.file("missing") + "\n").err, "missing: No such file"));
}

TEST(Chat, SavingReplacesOnlyFiles) {
    const Folder folder;
    const std::string pipe = folder.file("pipe");
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_TRUE(contains(talk("/save " + pipe + "\n").err, "is not a regular file"));
    EXPECT_TRUE(std::filesystem::is_fifo(pipe));
    EXPECT_TRUE(contains(talk("/save " + folder.file("missing/state") + "\n").err, "No such file"));
    EXPECT_TRUE(contains(talk("/save " + folder.path() + "\n").err, "is not a regular file"));
    EXPECT_TRUE(contains(talk("/save -\n").err, "standard output cannot take one"));
    EXPECT_FALSE(std::filesystem::exists("-"));
}

TEST(Chat, SavingKeepsTheModel) {
    const Folder folder;
    const std::string copy = folder.file("model");
    write_file(copy, read_file(blob));
    const Result result = chat({copy}, "/save " + folder.file("./model") + "\n");
    EXPECT_TRUE(contains(result.err, "is the model itself")) << result.err;
    EXPECT_EQ(read_file(copy), read_file(blob));
}

TEST(Chat, ARawTextIsContinuedAsAdderRunDoes) {
    const std::vector<std::string> sampling = {"--temp",           "0.8", "--seed", "3",
                                               "--repeat-penalty", "1",   "-n",     "24"};
    const auto options = [&](std::vector<std::string> first) {
        first.insert(first.end(), sampling.begin(), sampling.end());
        return first;
    };
    const std::string text = "Once upon a time there was a dragon who";
    const Result plain = run(options({ADDER_TOOL, "run", blob, "-q", "-p", text}));
    ASSERT_EQ(plain.code, 0) << plain.err;
    const Result raw = chat(options({blob}), "/raw " + text + "\n");
    EXPECT_EQ(raw.out, plain.out);
    EXPECT_TRUE(contains(raw.err, "/raw goes on"));

    // Apart from the conversation, which goes on where it was.
    EXPECT_EQ(last_line(talk("Hi there!\n/raw " + text + "\nDo you like music?\n").out),
              last_line(talk("Hi there!\nDo you like music?\n").out));
    EXPECT_EQ(last_line(talk("Hi there!\n/raw " + text + "\n/undo\nDo you like music?\n").out),
              last_line(talk("Do you like music?\n").out));
    const Result both = talk("/raw " + text + "\n/raw\n");
    const std::string first = talk("/raw " + text + "\n").out;
    EXPECT_EQ(both.out.substr(0, first.size()), first);
    EXPECT_EQ(both.out.substr(first.size()), talk("/raw " + text + first).out) << "without a text it goes on";
    EXPECT_TRUE(contains(talk("/raw\n").err, "/raw needs a TEXT")) << "the first time there is none";
}

TEST(Chat, TheBundledModelAnswersMoreSurelyThanItTellsStories) {
    const Result shown = chat({blob, "-n", "1"}, "/temp\n");
    EXPECT_EQ(shown.err, "temp 0.1\n");
    const std::string story = "/raw Once upon a time there was\n";
    const std::vector<std::string> seed = {"--seed", "3"};
    EXPECT_EQ(talk(story, seed).out, talk(story, {"--seed", "3", "--temp", "0.7"}).out)
        << "the blob's own temperature";
    EXPECT_NE(talk(story, seed).out, talk(story, {"--seed", "3", "--temp", "0.1"}).out);
}

TEST(Chat, ShortOptionsAreThoseOfAdderRun) {
    const Folder folder;
    write_file(folder.file("prompt"), "Good morning!\n\n");
    const std::string expected =
        chat({blob, "--seed", "9", "--max-tokens", "7", "--threads", "2", "--prompt", "Good morning!"}).out;
    EXPECT_EQ(chat({blob, "-s", "9", "-n", "7", "-t", "2", "-p", "Good morning!"}).out, expected);
    EXPECT_EQ(chat({blob, "-s", "9", "-n", "7", "-f", folder.file("prompt")}).out, expected);
    EXPECT_EQ(chat({blob, "-s", "9", "-n", "7", "--file=-"}, "Good morning!\n").out, expected);
    for (const std::vector<std::string> &wrong :
         std::vector<std::vector<std::string>>{{"-p"},
                                               {"-p", ""},
                                               {"-f", ""},
                                               {"-x"},
                                               {"-n", "0"},
                                               {"-t", "-1"},
                                               {"-p", "a", "-f", "b"},
                                               {"-f", "b", "--prompt=a"},
                                               {"--no-wrap=1"},
                                               {"--json=1"},
                                               {"--stats=1"},
                                               {"-n=3"}}) {
        std::vector<std::string> arguments{blob};
        arguments.insert(arguments.end(), wrong.begin(), wrong.end());
        const Result result = chat(arguments);
        EXPECT_EQ(result.code, 2) << testing::PrintToString(wrong);
        EXPECT_TRUE(contains(result.err, wrong[0].substr(0, 2))) << result.err;
    }
    EXPECT_EQ(chat({blob, "-f", folder.file("missing")}).code, 3);
    EXPECT_EQ(chat({blob, "-f", "-"}, "\n").code, 3);
}

TEST(Chat, APipeIsNeverWrappedAndEachLineIsAMessage) {
    ReferenceChat reference(blob, 24);
    std::string expected;
    for (const char *line : {"\"\"\"", "a\\", "Tell me about the weather in San Francisco."})
        expected += reference.answer(line) + "\n";
    EXPECT_EQ(talk("\"\"\"\na\\\nTell me about the weather in San Francisco.\n").out, expected);
}

TEST(Chat, StatsFollowAnAnswer) {
    const Result result = talk("Hi there!\n", {"--temp", "0", "--stats"});
    ReferenceChat reference(blob, 24);
    EXPECT_EQ(result.out, reference.answer("Hi there!") + "\n");
    const std::string read = std::to_string(reference.turn("Hi there!").size()) + " tokens at ";
    EXPECT_TRUE(std::regex_search(
        result.err, std::regex(read + "[0-9.]+ tokens/s read, [0-9]+ tokens at [0-9.]+ tokens/s written")))
        << result.err;
}

TEST(Chat, TheSeedDecides) {
    const std::string input = "Tell me something.\n";
    EXPECT_EQ(talk(input, {"--seed", "1", "--temp", "2"}).out, talk(input, {"--seed=1", "--temp=2"}).out);
    EXPECT_NE(talk(input, {"--seed", "1", "--temp", "2"}).out,
              talk(input, {"--seed", "2", "--temp", "2"}).out);
    EXPECT_EQ(talk("/seed 1\n/temp 2\n" + input, {"--seed", "7"}).out,
              talk(input, {"--seed", "1", "--temp", "2"}).out);
}

TEST(Chat, EveryIsaGivesTheSameAnswer) {
    const Result best = talk("Good morning!\n");
    const Result scalar =
        chat({blob, "--temp", "0", "--max-tokens", "24"}, "Good morning!\n/stats\n", {"ADDER_ISA=scalar"});
    EXPECT_EQ(scalar.out, best.out);
    EXPECT_TRUE(contains(scalar.err, "scalar, 1 thread")) << scalar.err;
    EXPECT_EQ(chat({blob, "--prompt", "x"}, "", {"ADDER_ISA=abacus"}).code, 2);
    EXPECT_EQ(chat({blob, "--isa", "scalar", "--prompt", "x"}, "", {"ADDER_ISA=abacus"}).code, 0)
        << "the option wins";
}

TEST(Chat, EveryNumberOfThreadsGivesTheSameAnswer) {
    const std::string input = "Good morning!\n/stats\n";
    const Result one = talk(input, {"--temp", "0"}), three = talk(input, {"--temp", "0", "--threads", "3"});
    EXPECT_EQ(one.out, three.out);
    EXPECT_TRUE(contains(one.err, ", 1 thread\n")) << one.err;
    EXPECT_TRUE(contains(three.err, ", 3 threads\n")) << three.err;
    EXPECT_EQ(talk(input, {"--temp", "0", "--threads=0"}).out, one.out);
    for (const char *bad : {"257", "-1", "two", "2x", ""})
        EXPECT_TRUE(contains(chat({blob, "--threads", bad}, "").err, "--threads needs a whole number")) << bad;
}

TEST(Chat, EveryKindOfPagesGivesTheSameAnswer) {
    const std::string input = "Good morning!\n";
    const Result mapped = talk(input, {"--temp", "0"});
    EXPECT_EQ(talk(input, {"--temp", "0", "--prefault"}).out, mapped.out);
    const Result huge = talk(input, {"--temp", "0", "--hugepages"});
    EXPECT_EQ(huge.out, mapped.out);
    EXPECT_TRUE(contains(huge.err, "KiB pages")) << huge.err;
    EXPECT_EQ(chat({blob, "--hugepages=1"}, "").code, 2);
}

TEST(Chat, AFullDiskIsAFailure) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
    const Result result = run({"/bin/sh", "-c", "\"$0\" \"$1\" --prompt hello >/dev/full", ADDER_CHAT, blob});
    EXPECT_EQ(result.code, 1);
    EXPECT_TRUE(contains(result.err, "standard output: ")) << result.err;
}

// A blob of the shipped checkpoint without some of its files.
Result convert_without(const std::vector<std::string> &missing, const Folder &folder, const std::string &to) {
    const std::string checkpoint = folder.file("checkpoint");
    std::filesystem::create_directory(checkpoint);
    for (const auto &entry :
         std::filesystem::directory_iterator(ADDER_SOURCE_DIR "/examples/models/adder-13m")) {
        const std::string name = entry.path().filename();
        if (std::find(missing.begin(), missing.end(), name) == missing.end()) {
            std::filesystem::create_symlink(entry.path(), checkpoint + "/" + name);
        }
    }
    return run({ADDER_TOOL, "convert", checkpoint, "-o", to, "--calib-tokens", "1024"});
}

TEST(Chat, WithoutATemplateATextIsContinued) {
    const Folder folder;
    const Result converted = convert_without({"tokenizer_config.json"}, folder, folder.file("plain.adder"));
    ASSERT_EQ(converted.code, 0) << converted.err;
    const std::vector<std::string> options = {folder.file("plain.adder"), "--temp", "0", "--max-tokens", "12"};
    const Result together = chat(options, "Once upon a time there was\n/undo\nOnce upon a time\n/stats\n");
    EXPECT_EQ(together.code, 0);
    EXPECT_TRUE(contains(together.err, "no chat template")) << together.err;
    EXPECT_FALSE(contains(together.err, "Cut off"));
    // Six or so tokens of text and the twelve written ones: nothing is put around them.
    ReferenceChat reference(folder.file("plain.adder"), 12);
    const std::string tokens = std::to_string(reference.turn("Once upon a time").size() + 12);
    EXPECT_TRUE(contains(together.err, "context    " + tokens + " tokens")) << tokens << "\n" << together.err;
}

TEST(Chat, WithoutATokenizerThereIsNothingToSay) {
    const Folder folder;
    const Result converted =
        convert_without({"tokenizer_config.json", "tokenizer.json"}, folder, folder.file("mute.adder"));
    ASSERT_EQ(converted.code, 0) << converted.err;
    const Result result = chat({folder.file("mute.adder"), "--prompt", "hello"});
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(contains(result.err, "no tokenizer")) << result.err;
}

TEST(Minimal, ContinuesAText) {
    const std::vector<std::string> arguments = {ADDER_MINIMAL, blob, "Once upon a time there was"};
    // It leaves its memory to the end of the process, which a sanitized build would report.
    const std::vector<std::string> environment = {"ASAN_OPTIONS=detect_leaks=0"};
    const Result result = run(arguments, "", environment);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_GT(result.out.size(), 20u);
    EXPECT_EQ(run(arguments, "", environment).out, result.out) << "the seed is always the same";
    EXPECT_EQ(run({ADDER_MINIMAL, "missing", "x"}).code, 1);
    EXPECT_EQ(run({ADDER_MINIMAL}).code, 1);
}

}  // namespace
}  // namespace adder_test
