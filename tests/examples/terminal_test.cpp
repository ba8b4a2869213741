// adder-chat on a terminal: prompts, Ctrl-C, Ctrl-D, colours.
// SPDX-License-Identifier: MIT
#include "process.h"

#include <gtest/gtest.h>

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
    EXPECT_EQ(shown({"TERM=xterm", "NO_COLOR=1"}).find(escape), std::string::npos);
    EXPECT_EQ(shown({"TERM=dumb", "NO_COLOR="}).find(escape), std::string::npos);
}

}  // namespace
}  // namespace adder_test
