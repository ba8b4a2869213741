// adder-chat --resume: a conversation with a name goes on in the next process.
// SPDX-License-Identifier: MIT
#include "process.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace adder_test {
namespace {

class NamedChat : public testing::Test {
  protected:
    Result talk(const std::string &input, std::vector<std::string> options,
                const std::vector<std::string> &environment) const {
        options.insert(options.begin(), {ADDER_CHAT, ADDER_CHAT_BLOB, "--temp", "0", "--max-tokens", "24"});
        return run(options, input, environment);
    }
    Result talk(const std::string &input, const std::vector<std::string> &options) const {
        return talk(input, options, {"XDG_STATE_HOME=" + folder_.path()});
    }
    std::string file(const std::string &name) const { return folder_.file("adder/conversations/" + name); }
    static void expect_says(const Result &result, const std::string &part) {
        EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    }

    const Folder folder_;
};

TEST_F(NamedChat, GoesOnWhereItEnded) {
    const Result whole = talk("I want to eat out.\nIn Oakland.\nAt six.\n", {});
    const Result first = talk("I want to eat out.\nIn Oakland.\n", {"--resume", "my table"});
    EXPECT_EQ(first.code, 0) << first.err;
    expect_says(first, "'my table' is a new conversation.");
    const Result second = talk("At six.\n", {"--resume=my table"});
    EXPECT_EQ(second.code, 0) << second.err;
    expect_says(second, "Resumed 'my table' after ");
    EXPECT_EQ(first.out + second.out, whole.out);
    // Another name is another conversation.
    EXPECT_EQ(talk("I want to eat out.\nIn Oakland.\n", {"--resume", "other"}).out, first.out);
    // A prompt goes on, too; /reset begins anew, and counts with the next answer.
    const Result anew = talk("/reset\nI want to eat out.\n", {"--resume", "my table"});
    EXPECT_EQ(first.out.find(anew.out), 0u);
    EXPECT_EQ(anew.out + talk("", {"--resume", "my table", "--prompt", "In Oakland."}).out, first.out);
    // For its owner alone.
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(folder_.file("adder")).permissions(), perms::owner_all);
}

TEST_F(NamedChat, LiesInTheHomeFolderByDefault) {
    const std::string home = "HOME=" + folder_.path();
    const Result result = talk("Hello.\n", {"--resume", "x"}, {home, "XDG_STATE_HOME=not/absolute"});
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_TRUE(std::filesystem::exists(folder_.file(".local/state/adder/conversations/x.state")));
    const Result nowhere = talk("Hello.\n", {"--resume", "x"}, {"HOME=", "XDG_STATE_HOME="});
    EXPECT_EQ(nowhere.code, 1);
    expect_says(nowhere, "neither XDG_STATE_HOME nor HOME names a folder");
}

TEST_F(NamedChat, WhatIsNoName) {
    for (const std::string &name : {std::string(), std::string("a/b"), std::string(".."), std::string(".x"),
                                    std::string("a\nb"), std::string(101, 'x')}) {
        const Result result = talk("Hello.\n", {"--resume", name});
        EXPECT_EQ(result.code, 2) << name;
        expect_says(result, "--resume needs a name");
    }
    EXPECT_EQ(talk("Hello.\n", {"--resume"}).code, 2);
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(NamedChat, AnotherModelsAndDamagedOnesAreRefused) {
    ASSERT_EQ(talk("Hello.\n", {"--resume", "x"}).code, 0);
    const std::string sound = read_file(file("x.state"));
    std::string others = sound;
    others[8] ^= 1;  // the fingerprint
    write_file(file("x.state"), others);
    write_file(file("x.model"), "Big One\n/models/big.adder\n");
    const Result refused = talk("Hello.\n", {"--resume", "x"});
    EXPECT_EQ(refused.code, 3);
    EXPECT_EQ(refused.out, "");
    expect_says(refused, "the conversation 'x' is one with Big One (/models/big.adder), not with adder-13m (" +
                             std::string(ADDER_CHAT_BLOB) + ")");
    EXPECT_EQ(read_file(file("x.state")), others);
    std::filesystem::remove(file("x.model"));
    expect_says(talk("Hello.\n", {"--resume", "x"}), "is one with another model, not with");
    for (const size_t size : {size_t{0}, size_t{20}, sound.size() - 1}) {
        write_file(file("x.state"), sound.substr(0, size));
        EXPECT_EQ(talk("Hello.\n", {"--resume", "x"}).code, 3) << size;
        EXPECT_EQ(read_file(file("x.state")).size(), size);
    }
}

TEST_F(NamedChat, WhatCannotBeSavedIsSaid) {
    std::filesystem::create_directories(file("x.state"));  // a folder where the file would be
    const Result result = talk("Hello.\n", {"--resume", "x"});
    EXPECT_EQ(result.code, 3);  // it cannot be read either
    write_file(folder_.file("plain"), "");
    const Result no_folder = talk("Hello.\n", {"--resume", "x"}, {"XDG_STATE_HOME=" + folder_.file("plain")});
    EXPECT_EQ(no_folder.code, 1);
    expect_says(no_folder, "--resume: " + folder_.file("plain") + "/adder/conversations: ");
}

}  // namespace
}  // namespace adder_test
