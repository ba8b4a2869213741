// How a line being edited stands on the screen.
// SPDX-License-Identifier: MIT
#include "screen.h"

#include "examples/chat/columns.h"
#include "examples/chat/line_view.h"

#include <gtest/gtest.h>

#include <random>

namespace adder_test {
namespace {

using chat::LineView;

// The screen, and row and column of the cursor.
std::string state(const Screen &screen) {
    return screen.text() + " @" + std::to_string(screen.row()) + "," + std::to_string(screen.column());
}

// The same for a terminal that wraps lines itself; of characters that it does not break.
std::string expected(const std::string &text, size_t cursor, size_t columns) {
    Screen whole(columns), part(columns);
    const auto lines = [](std::string shown) {
        for (size_t at = 0; (at = shown.find('\n', at)) != std::string::npos; at += 3)
            shown.insert(at + 1, "  ");
        return "> " + shown;
    };
    whole.write(lines(text), true);
    part.write(lines(text.substr(0, cursor)), true);
    // A cursor at the end takes a column, one before a newline stays where the line ends: on the last one of a full row.
    const bool at_newline = cursor < text.size() && text[cursor] == '\n';
    const size_t next = at_newline              ? 0
                        : cursor == text.size() ? 1
                                                : chat::columns_of(chat::character_at(text, cursor).code);
    const bool wraps = part.column() + next > columns;
    return whole.text() + " @" + std::to_string(part.row() + wraps) + "," +
           std::to_string(wraps ? 0 : std::min(part.column(), columns - 1));
}

TEST(LineView, WrapsAndPutsTheCursorWhereItBelongs) {
    Screen screen(10);
    LineView view("> ", 2);
    const auto shown = [&](const std::string &text, size_t cursor) {
        screen.write(view.show(text, cursor, {10, 24}), true);
        return state(screen);
    };
    EXPECT_EQ(shown("", 0), "> @0,2");
    EXPECT_EQ(shown("abcdefg", 7), "> abcdefg @0,9");
    EXPECT_EQ(shown("abcdefgh", 8), "> abcdefgh @1,0") << "the row is full";
    EXPECT_EQ(shown("abcdefghij", 1), "> abcdefgh\nij @0,3");
    EXPECT_EQ(shown("abcdefg\xe6\xbc\xa2", 7), "> abcdefg\n\xe6\xbc\xa2 @1,0") << "a wide one does not fit";
    EXPECT_EQ(shown("a\nbc", 3), "> a\n  bc @1,3");
    EXPECT_EQ(shown("\x01\t\x7f\xff", 4), "> ^A    ^?\n\xef\xbf\xbd @1,1");
    EXPECT_EQ(shown("x\n\n", 3), "> x @2,2");
    screen.write(view.finish("x\ny", {10, 24}), true);
    EXPECT_EQ(state(screen), "> x\n  y @2,0");
    EXPECT_EQ(shown("new", 3), "> x\n  y\n> new @2,5");
    screen.write(view.clear(), true);
    EXPECT_EQ(shown("new", 0), "> new @0,2");
}

TEST(LineView, ShowsEveryTextAsATerminalWould) {
    const std::vector<std::string> alphabet = {"a",        "b",   " ", "\n", "e\xcc\x81", "\xe6\xbc\xa2",
                                               "\xc3\xa9", "word"};
    std::mt19937 random(7);
    for (const size_t columns : {5u, 8u, 40u}) {
        Screen screen(columns);
        LineView view("> ", 2);
        std::string text;
        for (int step = 0; step < 150; ++step) {
            size_t cursor = 0;
            for (size_t moves = random() % (text.size() + 1); moves > 0; --moves)
                cursor = chat::next_character(text, cursor);
            if (random() % 4 == 0)
                text.erase(cursor, chat::next_character(text, cursor) - cursor);
            else
                text.insert(cursor, alphabet[random() % alphabet.size()]);
            if (text.size() > 100) text.clear();
            cursor = std::min(cursor, text.size());
            screen.write(view.show(text, cursor, {columns, 1000}), true);
            ASSERT_EQ(state(screen), expected(text, cursor, columns))
                << testing::PrintToString(text) << cursor;
        }
    }
}

TEST(LineView, ShowsThePartAroundTheCursorOfATextThatIsTooHigh) {
    Screen screen(10, 4);
    screen.write("above\n", true);
    LineView view("> ", 2);
    const std::string text = "1\n2\n3\n4\n5\n6\n7";
    const auto shown = [&](size_t cursor) {
        screen.write(view.show(text, cursor, {10, 4}), true);
        return state(screen);
    };
    EXPECT_EQ(shown(text.size()), "  4\n  5\n  6\n  7 @3,3");
    EXPECT_EQ(shown(10), "  4\n  5\n  6\n  7 @2,2");
    EXPECT_EQ(shown(4), "  3\n  4\n  5\n  6 @0,2");
    EXPECT_EQ(shown(0), "> 1\n  2\n  3\n  4 @0,2");
    EXPECT_EQ(shown(8), "  2\n  3\n  4\n  5 @3,2");
}

TEST(LineView, FindsItsRowsAgainInANarrowerOrWiderTerminal) {
    // What a terminal that breaks its lines anew shows of 25 characters in rows of 20.
    Screen narrow(10);
    narrow.write("> aaaaaaaa\naaaaaaaaaa\naaaaaaa", true);
    LineView view("> ", 2);
    const std::string text(25, 'a');
    view.show(text, text.size(), {20, 24});
    narrow.write(view.show(text, text.size(), {10, 24}), true);
    EXPECT_EQ(state(narrow), "> aaaaaaaa\naaaaaaaaaa\naaaaaaa @2,7");

    Screen wide(40);
    wide.write("> aaaaaaaa\naaaaaaaaaa\naaaaaaa", true);
    wide.write(view.show(text, text.size(), {40, 24}), true);
    EXPECT_EQ(state(wide), "> " + text + " @0,27");
}

}  // namespace
}  // namespace adder_test
