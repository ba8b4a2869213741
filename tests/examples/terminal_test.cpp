// adder-chat on a terminal: prompts, line editing, Ctrl-C, Ctrl-D, Ctrl-Z, history, wrapped lines, colours.
// SPDX-License-Identifier: MIT
#include "process.h"
#include "reference_chat.h"
#include "screen.h"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <filesystem>

namespace adder_test {
namespace {

const std::vector<std::string> greedy = {ADDER_CHAT, ADDER_CHAT_BLOB, "--temp", "0", "--max-tokens", "24"};
// Nearly uniform over the vocabulary: answers go on for a thousand tokens and more.
const std::vector<std::string> endless = {
    ADDER_CHAT, ADDER_CHAT_BLOB,    "--temp", "100",          "--top-p", "1", "--seed",
    "1",        "--repeat-penalty", "1",      "--max-tokens", "1000000"};
const std::string ctrl_c = "\x03", ctrl_d = "\x04", escape = "\x1b[";

TEST(ChatOnATerminal, GreetsPromptsAnswersAndLeavesWithCtrlD) {
    Terminal terminal(greedy);
    EXPECT_TRUE(terminal.wait_for("/help lists the commands"));
    EXPECT_TRUE(terminal.wait_for("> "));
    terminal.type("Hello!\n");
    EXPECT_TRUE(terminal.wait_for("Hello!\r\n")) << "the terminal's echo";
    EXPECT_TRUE(terminal.wait_for("> ")) << terminal.shown();
    terminal.type(ctrl_d);
    EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatOnATerminal, CtrlCStopsTheAnswerAndTheStateIsKept) {
    Terminal terminal(endless);
    ASSERT_TRUE(terminal.wait_for("> "));
    terminal.type("Talk!\n");
    ASSERT_TRUE(terminal.wait_for("Talk!\r\n"));
    ASSERT_TRUE(terminal.wait_for_anything()) << "the answer has begun";
    terminal.type(ctrl_c);
    EXPECT_TRUE(terminal.wait_for("Stopped.")) << terminal.shown();
    EXPECT_TRUE(terminal.wait_for("> "));
    terminal.type("/undo\n");
    EXPECT_TRUE(terminal.wait_for("Taken back: Talk!")) << "the exchange is part of the conversation";
    terminal.type("/temp 0\n/max-tokens 5\nHi\n");
    EXPECT_TRUE(terminal.wait_for("max-tokens 5"));
    terminal.type("/exit\n");
    EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatOnATerminal, CtrlCAtThePromptHintsAndTheSecondOneLeaves) {
    Terminal terminal(greedy);
    ASSERT_TRUE(terminal.wait_for("> "));
    terminal.type("half a line" + ctrl_c);
    EXPECT_TRUE(terminal.wait_for("leaves."));
    EXPECT_TRUE(terminal.wait_for("> "));
    terminal.type("/temp\n");  // something else in between: the next one hints again
    EXPECT_TRUE(terminal.wait_for("temp 0"));
    EXPECT_TRUE(terminal.wait_for("> "));
    terminal.type(ctrl_c);
    EXPECT_TRUE(terminal.wait_for("leaves."));
    EXPECT_TRUE(terminal.wait_for("> "));
    terminal.type(ctrl_c);
    EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatOnATerminal, ColoursOnlyWhereTheyAreWanted) {
    const auto shown = [](const std::vector<std::string> &environment) {
        Terminal terminal(greedy, environment);
        EXPECT_TRUE(terminal.wait_for("> "));
        terminal.type(ctrl_d);
        EXPECT_EQ(terminal.wait_for_end(), 0);
        return terminal.shown();
    };
    EXPECT_NE(shown({"TERM=xterm", "NO_COLOR="}).find(escape), std::string::npos);
    EXPECT_EQ(shown({"TERM=xterm", "NO_COLOR=1"}).find("\x1b[1;32m"), std::string::npos);
    EXPECT_EQ(shown({"TERM=xterm", "NO_COLOR=1"}).find("\x1b[2m"), std::string::npos);
    EXPECT_EQ(shown({"TERM=dumb", "NO_COLOR="}).find(escape), std::string::npos);
}

bool is_raw(const Terminal &terminal) { return (terminal.mode().c_lflag & (ICANON | ECHO)) == 0; }
bool is_own(const Terminal &terminal) {
    return (terminal.mode().c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
}

const std::string prompt = "\x1b[1;32m> \x1b[0m", left = "\x1b[D", up = "\x1b[A";
const std::string paste_begin = "\x1b[200~", paste_end = "\x1b[201~";

// Types lines into a chat with answers of one token, leaves, and returns what its history has got.
std::string typed(const std::string &keys, const std::string &history) {
    Terminal terminal({ADDER_CHAT, ADDER_CHAT_BLOB, "-n", "1"}, {"ADDER_HISTORY=" + history});
    EXPECT_TRUE(terminal.wait_for(prompt));
    EXPECT_TRUE(is_raw(terminal));
    terminal.type(keys);
    terminal.type("/exit\r");
    EXPECT_EQ(terminal.wait_for_end(), 0) << terminal.shown();
    EXPECT_TRUE(is_own(terminal));
    return read_file(history);
}

TEST(ChatOnATerminal, LinesAreEdited) {
    const Folder folder;
    const std::string keys = "helo" + left +
                             "l\r"  // left, insert
                             "b\x01"
                             "a\x05"
                             "c\r"  // home, end
                             "one two\x1b"
                             "b\x0b"
                             "three\r"  // word left, cut to the end
                             "x y\x17"
                             "z\r"  // cut a word
                             "lost\x15"
                             "found\r"            // cut to the beginning
                             "cut\x15\x19\x19\r"  // and put in
                             "ab" +
                             left +
                             "\x7f\r"  // backspace
                             "cd" +
                             left +
                             "\x1b[3~\r"  // delete
                             "\xe6\xbc\xa2\xf0\x9f\x90\x8d" +
                             left + "e\xcc\x81\x7f\r"  // wide characters and a mark
                             + up +
                             "!\r"                     // history
                             "block:\\\rof two\r"      // a line that goes on
                             "\"\"\"\r/a\rb\"\"\"\r";  // a block
    EXPECT_EQ(typed(keys, folder.file("history")),
              "hello\nabc\none three\nx z\nfound\ncutcut\nb\nc\n\xe6\xbc\xa2\xf0\x9f\x90\x8d\n"
              "\xe6\xbc\xa2\xf0\x9f\x90\x8d!\nblock:\\nof two\n\"\"\"\\n/a\\nb\"\"\"\n/exit\n");
}

TEST(ChatOnATerminal, TheHistoryOutlivesTheProgram) {
    const Folder folder;
    const std::string history = folder.file("state/adder/history");
    typed("first\rsecond\r", history);
    EXPECT_EQ(typed(up + up + up + "!\r", history), "first\nsecond\n/exit\nfirst!\n/exit\n");

    // In the folder that is meant for such files; where it cannot be had, nowhere, and where it is switched off.
    for (const std::string home : {folder.path().c_str(), "/dev/null"}) {
        for (const std::string setting : {"ADDER_HISTORY=", "ADDER_HISTORY"}) {  // without '=' it is taken away
            Terminal terminal(greedy, {"HOME=" + home, "XDG_STATE_HOME=", setting});
            ASSERT_TRUE(terminal.wait_for(prompt));
            terminal.type("/exit\r");
            EXPECT_EQ(terminal.wait_for_end(), 0) << terminal.shown();
            EXPECT_EQ(read_file(folder.file(".local/state/adder/history")),
                      home == "/dev/null" || setting == "ADDER_HISTORY" ? "/exit\n" : "");
        }
    }
}

TEST(ChatOnATerminal, LongTextsArriveWhole) {
    const Folder folder;
    std::string pasted = "/", line = "/";  // commands that there are not: what is said of them holds all of it
    while (pasted.size() < 20000) pasted += "Line_" + std::to_string(pasted.size()) + "_of_a_pasted_text.\n";
    while (line.size() < 10000) line += "I_want_a_table_for_" + std::to_string(line.size()) + ".";
    std::string keys = pasted, escaped;
    std::replace(keys.begin(), keys.end(), '\n', '\r');
    for (const char byte : pasted) escaped += byte == '\n' ? "\\n" : std::string(1, byte);

    Terminal terminal(greedy, {"ADDER_HISTORY=" + folder.file("history")});
    ASSERT_TRUE(terminal.wait_for(prompt));
    terminal.type(line + "\r");
    EXPECT_TRUE(terminal.wait_for("unknown command '" + line + "'"));
    terminal.type(paste_begin + keys + paste_end + "end\r");
    EXPECT_TRUE(terminal.wait_for("unknown command '/Line_1_of_a_pasted_text.'"));
    terminal.type(ctrl_d);
    EXPECT_EQ(terminal.wait_for_end(), 0);
    EXPECT_EQ(read_file(folder.file("history")), line + "\n" + escaped + "end\n");
}

TEST(ChatOnATerminal, APlainTerminalEditsLinesItselfAndOneThatItCutsIsNoticed) {
    Terminal terminal(greedy, {"TERM=dumb"}, 200);
    ASSERT_TRUE(terminal.wait_for("> "));
    EXPECT_TRUE(is_own(terminal));
    terminal.type(std::string(5000, 'x') + "\n");
    EXPECT_TRUE(terminal.wait_for("has cut this one: it is not answered")) << terminal.shown();
    EXPECT_TRUE(terminal.wait_for("> "));
    terminal.type("\"\"\"one\ntwo\\\n\"\"\"\n");
    EXPECT_TRUE(terminal.wait_for("\n> "));
    terminal.type("/undo\n");
    EXPECT_TRUE(terminal.wait_for("Taken back: one two\\")) << terminal.shown();
    terminal.type(ctrl_d);
    EXPECT_EQ(terminal.wait_for_end(), 0);
    EXPECT_FALSE(terminal.is_shown(escape));
}

TEST(ChatOnATerminal, WhatIsTypedAheadIsTheNextLine) {
    Terminal terminal(endless);
    ASSERT_TRUE(terminal.wait_for(prompt));
    terminal.type("Talk!\r");
    ASSERT_TRUE(terminal.wait_for("Talk!\r\n"));
    ASSERT_TRUE(terminal.wait_for_anything()) << "the answer has begun";
    terminal.type("/temp typed ahead");
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(terminal.wait_for_anything());
    terminal.type(ctrl_c);
    ASSERT_TRUE(terminal.wait_for("Stopped."));
    EXPECT_GT(terminal.shown().find("typed ahead"), terminal.shown().find("Stopped.")) << "not in the answer";
    EXPECT_TRUE(terminal.wait_for("> \x1b[0m/temp typed ahead")) << terminal.shown();
    terminal.type(ctrl_c);
    ASSERT_TRUE(terminal.wait_for("leaves.")) << "at the prompt it is thrown away";
    terminal.type("/seed\r");
    EXPECT_TRUE(terminal.wait_for("> \x1b[0m/seed\r\n")) << terminal.shown();
    terminal.type("/exit\r");
    EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatOnATerminal, AnswersAreBrokenBetweenWords) {
    const std::string question = "I am looking for a place to eat in San Jose.";
    ReferenceChat reference(ADDER_CHAT_BLOB, 24);
    std::string answer = reference.answer(question);
    answer += " " + reference.answer("Something cheap, please.");
    ASSERT_GT(answer.size(), 60u);
    for (const bool wrap : {true, false}) {
        std::vector<std::string> arguments = greedy;
        if (!wrap) arguments.push_back("--no-wrap");
        Terminal terminal(arguments, {}, 20);
        ASSERT_TRUE(terminal.wait_for(prompt));
        terminal.type(question + "\rSomething cheap, please.\r/exit\r");
        EXPECT_EQ(terminal.wait_for_end(), 0);
        // What stands between a message's last row and the next prompt.
        const std::string &shown = terminal.shown();
        std::string text;
        size_t widest = 0;
        for (const std::string message_end : {" Jose.\r\n", "lease.\r\n"}) {
            size_t at = shown.find(message_end, shown.find(prompt)) + message_end.size();
            const size_t end = shown.find("\r\n" + prompt, at);
            ASSERT_NE(end, std::string::npos) << shown;
            while (at < end) {
                const size_t line_end = shown.find("\r\n", at);
                text += (text.empty() ? "" : " ") + shown.substr(at, line_end - at);
                widest = std::max(widest, line_end - at);
                at = line_end + 2;
            }
        }
        EXPECT_EQ(text, answer) << shown;
        EXPECT_EQ(widest <= 20, wrap) << widest;
    }
}

TEST(ChatOnATerminal, ALineStandsRightlyWhateverTheWidth) {
    Terminal terminal(greedy, {}, 40);
    ASSERT_TRUE(terminal.wait_for(prompt));
    const std::string text(90, 'a');
    terminal.type(text + "\x01"
                         "b");
    ASSERT_TRUE(terminal.wait_for("> \x1b[0mb" + std::string(37, 'a') + "\r\n"));
    ASSERT_TRUE(terminal.wait_for("\r\x1b[3C"));
    Screen screen(40);
    screen.write(terminal.shown().substr(terminal.shown().find(prompt)), false);
    EXPECT_EQ(screen.text(),
              "> b" + std::string(37, 'a') + "\n" + std::string(40, 'a') + "\n" + std::string(13, 'a'));
    EXPECT_EQ(screen.row(), 0u);
    EXPECT_EQ(screen.column(), 3u);

    terminal.resize(60, 24);
    ASSERT_TRUE(terminal.wait_for("> \x1b[0mb" + std::string(57, 'a') + "\r\n" + std::string(33, 'a')));
    terminal.type("\x0c");
    EXPECT_TRUE(terminal.wait_for("\x1b[H\x1b[2J")) << "Ctrl-L";
    terminal.type(ctrl_c);
    ASSERT_TRUE(terminal.wait_for("leaves."));
    terminal.type(ctrl_d);
    EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatOnATerminal, CtrlZGivesTheTerminalBackUntilItGoesOn) {
    // A shell with job control: it says how the terminal is while the program is stopped, and in the background, where a
    // program that wants to read stops as well.
    const std::string script =
        "set -m; \"$0\" \"$@\"; stty -a; bg >/dev/null; sleep 0.1; stty -a; fg >/dev/null; stty -a";
    Terminal terminal({"/bin/sh", "-c", script, ADDER_CHAT, ADDER_CHAT_BLOB, "--temp", "0"});
    ASSERT_TRUE(terminal.wait_for(prompt));
    ASSERT_TRUE(is_raw(terminal));
    terminal.type("half");
    ASSERT_TRUE(terminal.wait_for("half"));
    terminal.type("\x1a");
    ASSERT_TRUE(terminal.wait_for("speed")) << terminal.shown();
    ASSERT_TRUE(terminal.wait_for("icanon")) << terminal.shown();
    ASSERT_TRUE(terminal.wait_for("speed"));
    const size_t stopped = terminal.shown().find("speed"),
                 second = terminal.shown().find("speed", stopped + 1);
    EXPECT_GT(terminal.shown().find("half", stopped), second) << "nothing is shown from the background";
    EXPECT_FALSE(terminal.is_shown("-icanon"));
    EXPECT_TRUE(terminal.wait_for("half")) << "the line is still there";
    EXPECT_TRUE(is_raw(terminal));
    terminal.type("\x15/temp\r");
    EXPECT_TRUE(terminal.wait_for("temp 0"));
    terminal.type("\x04");
    EXPECT_TRUE(terminal.wait_for("speed")) << terminal.shown();
    EXPECT_EQ(terminal.wait_for_end(), 0);
    EXPECT_FALSE(terminal.is_shown("-icanon"));
}

TEST(ChatOnATerminal, TheTerminalIsGivenBackHoweverItEnds) {
    for (const int signal : {SIGTERM, SIGHUP, SIGABRT}) {
        Terminal terminal(greedy);
        ASSERT_TRUE(terminal.wait_for(prompt));
        EXPECT_TRUE(is_raw(terminal));
        terminal.send(signal);
        EXPECT_EQ(terminal.wait_for_end(), 128 + signal);
        EXPECT_TRUE(is_own(terminal)) << signal;
        EXPECT_TRUE(terminal.is_shown("\x1b[?2004l")) << "and pasted texts are not marked any more";
    }
    Terminal quit(endless);
    ASSERT_TRUE(quit.wait_for(prompt));
    quit.type("Talk!\r");
    ASSERT_TRUE(quit.wait_for("Talk!\r\n"));
    ASSERT_TRUE(quit.wait_for_anything());
    quit.type("\x1c");
    EXPECT_EQ(quit.wait_for_end(), 128 + SIGQUIT);
    EXPECT_TRUE(is_own(quit)) << "in the middle of an answer";

    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
    Terminal failure({"/bin/sh", "-c", "exec \"$0\" \"$1\" >/dev/full", ADDER_CHAT, ADDER_CHAT_BLOB});
    ASSERT_TRUE(failure.wait_for(prompt));
    EXPECT_TRUE(is_raw(failure));
    failure.type("Hello\r");
    EXPECT_EQ(failure.wait_for_end(), 1);
    EXPECT_TRUE(failure.is_shown("standard output: "));
    EXPECT_TRUE(is_own(failure)) << "after an error";
}

TEST(ChatOnATerminal, AHintSaysWhatToTry) {
    Terminal terminal(greedy, {}, 200);
    EXPECT_TRUE(terminal.wait_for("Try: I am looking for a restaurant in Oakland."));
    EXPECT_TRUE(terminal.wait_for(prompt));
    terminal.type(ctrl_d);
    EXPECT_EQ(terminal.wait_for_end(), 0);
}

}  // namespace
}  // namespace adder_test
