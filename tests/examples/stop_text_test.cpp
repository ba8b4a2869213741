// Where an answer ends when its end is plain text.
// SPDX-License-Identifier: MIT
#include "examples/chat/stop_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace adder_test {
namespace {

// What is shown of a stream of pieces, and whether the end was found.
std::string shown(const std::string &stop, const std::vector<std::string> &pieces, bool *found) {
    chat::StopText text(stop);
    std::string all;
    for (const std::string &piece : pieces) {
        all += text.take(piece);
        if (text.found()) break;
    }
    *found = text.found();
    return all + text.rest();
}

TEST(StopText, IsFoundHoweverTheStreamIsCut) {
    const std::string stream = "one\n\nUse\n\nUser: two";
    for (size_t size = 1; size <= stream.size(); ++size) {
        std::vector<std::string> pieces;
        for (size_t at = 0; at < stream.size(); at += size) pieces.push_back(stream.substr(at, size));
        bool found = false;
        EXPECT_EQ(shown("\n\nUser:", pieces, &found), "one\n\nUse") << size;
        EXPECT_TRUE(found);
    }
}

TEST(StopText, HoldsBackNothingInTheEnd) {
    bool found = true;
    EXPECT_EQ(shown("\n\nUser:", {"one", "\n\nUs"}, &found), "one\n\nUs");
    EXPECT_FALSE(found);
    EXPECT_EQ(shown("", {"one", " two"}, &found), "one two");
    EXPECT_FALSE(found);
}

TEST(StopText, ShowsAtOnceWhatCannotBecomeTheEnd) {
    chat::StopText text("ab");
    EXPECT_EQ(text.take("xa"), "x");
    EXPECT_EQ(text.take("c"), "ac");
    EXPECT_EQ(text.take("a"), "");
    EXPECT_EQ(text.take("b!"), "");
    EXPECT_TRUE(text.found());
}

}  // namespace
}  // namespace adder_test
