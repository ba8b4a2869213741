// adder-chat with a model whose attention sees all of a conversation: its context ends, and says so.
// SPDX-License-Identifier: MIT
#include "process.h"
#include "tests/support/blob_builder.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace adder_test {
namespace {

using namespace adder::test;

// A token is a byte. What the model says is of no account.
class ContextChat : public testing::Test {
  protected:
    ContextChat() {
        const AlignedBytes blob =
            build_blob(toy_model("granitemoehybrid", adder::recipe_named("float"), adder::StateType::f32));
        write_text(blob_, std::string(reinterpret_cast<const char *>(blob.data()), blob.size()));
    }
    Result talk(const std::string &input, std::vector<std::string> options) const {
        options.insert(options.begin(), {ADDER_CHAT, blob_, "--temp", "0"});
        return run(options, input);
    }
    static bool has(const std::string &text, const char *part) {
        return text.find(part) != std::string::npos;
    }

    TemporaryDirectory directory_;
    const std::string blob_ = directory_.file("m.adder"), saved_ = directory_.file("saved");
    const std::string twenty = "twenty bytes of text";
};

TEST_F(ContextChat, AnAnswerEndsWhereItIsFull) {
    const Result full = talk("", {"--context", "30", "--max-tokens", "100", "--prompt", twenty});
    EXPECT_EQ(full.code, 0) << full.err;
    EXPECT_TRUE(has(full.err, "The context of 30 tokens: /reset")) << full.err;
    EXPECT_GT(full.out.size(), 1u);
    const Result longer = talk("", {"--context", "60", "--max-tokens", "100", "--prompt", twenty});
    EXPECT_EQ(longer.out.compare(0, full.out.size() - 1, full.out, 0, full.out.size() - 1), 0);
    EXPECT_FALSE(has(talk("", {"--max-tokens", "5", "--prompt", twenty}).err, "The context of"));
}

TEST_F(ContextChat, WhatDoesNotFitIsNotTaken) {
    const Result refused = talk("", {"--context", "20", "--prompt", twenty});
    EXPECT_EQ(refused.code, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_TRUE(has(refused.err, "no room for this in the context of 20 tokens")) << refused.err;
    const Result goes_on = talk("ten bytes!\n" + twenty + "\n/stats\n/reset\n" + twenty + "\n/stats\n",
                                {"--context", "30", "--max-tokens", "2"});
    EXPECT_EQ(goes_on.code, 0) << goes_on.err;
    EXPECT_TRUE(has(goes_on.err, "no room for this in the context of 30 tokens")) << goes_on.err;
    EXPECT_TRUE(has(goes_on.out + goes_on.err, "context    12 of 30 tokens")) << goes_on.out << goes_on.err;
    EXPECT_TRUE(has(goes_on.out + goes_on.err, "context    22 of 30 tokens")) << goes_on.out << goes_on.err;
}

TEST_F(ContextChat, ASavedConversationGoesOnWhereThereIsRoom) {
    const std::vector<std::string> few = {"--context", "60", "--max-tokens", "3"};
    const Result whole = talk(twenty + "\nagain\n", few);
    ASSERT_EQ(talk(twenty + "\n/save " + saved_ + "\n", few).code, 0);
    const Result again = talk("/load " + saved_ + "\nagain\n", {"--context", "40", "--max-tokens", "3"});
    EXPECT_EQ(again.code, 0) << again.err;
    const std::string rest = again.out.substr(0, again.out.size());
    EXPECT_EQ(whole.out.substr(whole.out.size() - rest.size()), rest);
    const Result small = talk("/load " + saved_ + "\n/stats\n", {"--context", "15"});
    EXPECT_TRUE(has(small.err, "found 23, needed 15")) << small.err;
    EXPECT_TRUE(has(small.out + small.err, "context    0 of 15 tokens")) << small.out << small.err;
    std::filesystem::resize_file(saved_, std::filesystem::file_size(saved_) - 1);
    EXPECT_TRUE(has(talk("/load " + saved_ + "\n", few).err, "is no state of this model"));
}

// Its keys and values take the places of the conversation's, which come back, and with them the way back.
TEST_F(ContextChat, ATextThatIsContinuedLeavesTheConversationAsItIs) {
    const std::vector<std::string> few = {"--context", "60", "--max-tokens", "8"};
    const auto last_line = [&](const std::string &input) {
        const Result result = talk(input + "\nagain\n", few);
        EXPECT_EQ(result.code, 0) << result.err;
        return result.out.substr(result.out.rfind('\n', result.out.size() - 2));
    };
    EXPECT_EQ(last_line("one\n/raw " + twenty), last_line("one"));
    EXPECT_EQ(last_line("one\ntwo\n/raw " + twenty + "\n/undo"), last_line("one"));
    EXPECT_NE(last_line("one"), last_line("two"));
    EXPECT_TRUE(has(talk("/raw " + twenty + "\n", {"--context", "20"}).err, "no room for this"));
}

TEST_F(ContextChat, TheOptionIsANumber) {
    for (const char *value : {"0", "x", "16777217", "-1"})
        EXPECT_EQ(talk("", {"--context", value, "--prompt", "a"}).code, 2) << value;
}

}  // namespace
}  // namespace adder_test
