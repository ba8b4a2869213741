// Lines of an answer, broken between words.
// SPDX-License-Identifier: MIT
#include "screen.h"

#include "examples/chat/word_wrap.h"

#include <gtest/gtest.h>

#include <random>

namespace adder_test {
namespace {

std::string wrapped(const std::string &text, size_t width, size_t piece = 1) {
    chat::WordWrap wrap;
    std::string shown;
    for (size_t at = 0; at < text.size(); at += piece) shown += wrap.take(text.substr(at, piece), width);
    return shown + wrap.rest(width);
}

TEST(WordWrap, BreaksBetweenWords) {
    for (const size_t piece : {1u, 2u, 3u, 7u, 100u}) {
        EXPECT_EQ(wrapped("the return flight leaves", 10, piece), "the return\nflight\nleaves");
        EXPECT_EQ(wrapped("ab cd", 5, piece), "ab cd");
        EXPECT_EQ(wrapped("ab cde", 5, piece), "ab\ncde");
        EXPECT_EQ(wrapped("ab   cde  f", 5, piece), "ab\ncde\nf");
        EXPECT_EQ(wrapped("a\n\nbcd ef", 5, piece), "a\n\nbcd\nef");
        EXPECT_EQ(wrapped(" a b ", 5, piece), " a b ");
        EXPECT_EQ(wrapped("abcde fg", 5, piece), "abcde\nfg");
        EXPECT_EQ(wrapped("ab cdefghijkl m", 5, piece), "ab\ncdefghijkl\nm")
            << "one that is wider than a line";
        EXPECT_EQ(wrapped("", 5, piece), "");
    }
    EXPECT_EQ(wrapped("as it is  \n no change  ", 0), "as it is  \n no change  ");
    // Without blanks between wide characters; a mark stays with its character.
    EXPECT_EQ(wrapped("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 5, 3), "\xe6\xbc\xa2\xe6\xbc\xa2\n\xe6\xbc\xa2");
    EXPECT_EQ(wrapped("a e\xcc\x81"
                      "e\xcc\x81"
                      "e",
                      5, 100),
              "a e\xcc\x81"
              "e\xcc\x81"
              "e");
}

TEST(WordWrap, HoldsBackAWordOnlyWhileItMayHaveToMove) {
    chat::WordWrap wrap;
    EXPECT_EQ(wrap.take("wo", 12), "wo") << "at the beginning of a line it stays";
    EXPECT_EQ(wrap.take("rd", 12), "rd");
    EXPECT_EQ(wrap.take(" an", 12), "");
    EXPECT_EQ(wrap.take("d", 12), "");
    EXPECT_EQ(wrap.take(" la", 12), " and");
    EXPECT_EQ(wrap.take("t", 12), "");
    EXPECT_EQ(wrap.take("er", 12), "\nlater") << "it fits no more";
    EXPECT_EQ(wrap.take("on", 12), "on");
    EXPECT_EQ(wrap.take("e", 12), "e");
    EXPECT_EQ(wrap.take(" x", 12), "");
    EXPECT_EQ(wrap.rest(12), " x");
}

// No word is broken that fits into a line, no line is wider, and without its line ends the text is the same.
TEST(WordWrap, KeepsEveryWordWhole) {
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        const size_t width = 8 + random() % 30;
        std::string text;
        for (int word = 0; word < 40; ++word)
            text += (word == 0 ? "" : " ") + std::string(1 + random() % 8, static_cast<char>('a' + word % 26));
        std::string shown = wrapped(text, width, 1 + random() % 9);
        size_t line = 0;
        for (const char byte : shown) {
            line = byte == '\n' ? 0 : line + 1;
            ASSERT_LE(line, width) << shown;
        }
        for (char &byte : shown) byte = byte == '\n' ? ' ' : byte;
        ASSERT_EQ(shown, text);
    }
}

}  // namespace
}  // namespace adder_test
