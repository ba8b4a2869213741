// Keys and the line editor of adder-chat, without a terminal.
// SPDX-License-Identifier: MIT
#include "examples/chat/columns.h"
#include "examples/chat/line_editor.h"
#include "examples/chat/message_form.h"

#include <gtest/gtest.h>

namespace adder_test {
namespace {

using chat::Key;
using chat::KeyPress;
using chat::LineEditor;

// An editor that is typed at; | stands where the cursor is.
class Typing {
  public:
    explicit Typing(std::vector<std::string> history = {}) : history_(std::move(history)) { begin(); }
    void begin() { editor_.begin(history_); }
    LineEditor::Result type(const std::string &bytes) {
        std::vector<KeyPress> keys;
        decoder_.take(bytes.data(), bytes.size(), keys);
        LineEditor::Result result = LineEditor::Result::editing;
        for (const KeyPress &key : keys) result = editor_.press(key);
        return result;
    }
    std::string after(const std::string &bytes) {
        type(bytes);
        std::string text = editor_.text();
        return text.insert(editor_.cursor(), "|");
    }
    const std::string &text() const { return editor_.text(); }

  private:
    std::vector<std::string> history_;
    chat::KeyDecoder decoder_;
    LineEditor editor_;
};

std::string ctrl(char letter) { return std::string(1, static_cast<char>(letter - 64)); }
std::string csi(const std::string &rest) { return "\x1b[" + rest; }

TEST(LineEditor, MovesByCharactersWordsAndToTheEnds) {
    Typing t;
    EXPECT_EQ(t.after("one two, three"), "one two, three|");
    EXPECT_EQ(t.after(csi("D")), "one two, thre|e");
    EXPECT_EQ(t.after("\x1bOD"), "one two, thr|ee");
    EXPECT_EQ(t.after(ctrl('B')), "one two, th|ree");
    EXPECT_EQ(t.after(csi("C") + ctrl('F')), "one two, thre|e");
    EXPECT_EQ(t.after(csi("1;5D")), "one two, |three");
    EXPECT_EQ(t.after("\x1b"
                      "b"),
              "one |two, three");
    EXPECT_EQ(t.after("\x1b"
                      "f"),
              "one two|, three");
    EXPECT_EQ(t.after(csi("1;5C")), "one two, three|");
    for (const std::string &home : {csi("H"), csi("1~"), csi("7~"), std::string("\x1bOH"), ctrl('A')}) {
        EXPECT_EQ(t.after(home), "|one two, three");
        EXPECT_EQ(t.after(csi("D")), "|one two, three");
        EXPECT_EQ(t.after(home == ctrl('A') ? ctrl('E') : csi("F")), "one two, three|");
        EXPECT_EQ(t.after(csi("C")), "one two, three|");
    }
}

TEST(LineEditor, InsertsAndDeletes) {
    Typing t;
    EXPECT_EQ(t.after("abd" + csi("D") + "c"), "abc|d");
    EXPECT_EQ(t.after("\x7f"), "ab|d");
    EXPECT_EQ(t.after("\b"), "a|d");
    EXPECT_EQ(t.after(csi("3~")), "a|");
    EXPECT_EQ(t.after(csi("3~") + "\x7f\x7f\x7f"), "|");
    EXPECT_EQ(t.after("xyz" + ctrl('A') + ctrl('D')), "|yz");
    EXPECT_EQ(t.after(ctrl('D') + ctrl('D')), "|");
    EXPECT_EQ(t.type(ctrl('D')), LineEditor::Result::left) << "of an empty line";
}

TEST(LineEditor, CutsAndPutsIn) {
    Typing t;
    EXPECT_EQ(t.after("one two-three" + ctrl('W')), "one |");
    EXPECT_EQ(t.after(ctrl('W')), "|");
    EXPECT_EQ(t.after(ctrl('Y')), "one two-three|") << "cuts in a row are one text";
    EXPECT_EQ(t.after("\x1b\x7f"), "one two-|");
    EXPECT_EQ(t.after(ctrl('Y') + csi("D")), "one two-thre|e") << "a new cut begins anew";
    EXPECT_EQ(t.after(ctrl('K')), "one two-thre|");
    EXPECT_EQ(t.after(ctrl('U')), "|");
    EXPECT_EQ(t.after(ctrl('Y')), "one two-three|") << "to the right and to the left";
    EXPECT_EQ(t.after(ctrl('A') + "\x1b"
                                  "d"),
              "| two-three");
    EXPECT_EQ(t.after(ctrl('E') + ctrl('Y')), " two-threeone|");
}

TEST(LineEditor, ATextHasABound) {
    Typing t;
    t.type("0123456789");
    for (int i = 0; i < 22; ++i) t.type(ctrl('U') + ctrl('Y') + ctrl('Y'));
    EXPECT_LE(t.text().size(), chat::max_edited_bytes);
    EXPECT_GT(t.text().size(), chat::max_edited_bytes / 2);
}

TEST(LineEditor, CharactersAreWholeWithTheirMarks) {
    Typing t;
    const std::string e_acute = "e\xcc\x81", snake = "\xf0\x9f\x90\x8d", kanji = "\xe6\xbc\xa2";
    EXPECT_EQ(t.after("a" + e_acute + snake + kanji + csi("D")), "a" + e_acute + snake + "|" + kanji);
    EXPECT_EQ(t.after(csi("D") + csi("D")), "a|" + e_acute + snake + kanji);
    EXPECT_EQ(t.after(csi("C")), "a" + e_acute + "|" + snake + kanji);
    EXPECT_EQ(t.after("\x7f"), "a|" + snake + kanji);
    EXPECT_EQ(t.after(csi("3~")), "a|" + kanji);
    // Bytes that are no character are one each.
    EXPECT_EQ(t.after(csi("F") + "\xff\xbf\xe6" + csi("D")), "a" + kanji + "\xff\xbf|\xe6");
    EXPECT_EQ(t.after("\x7f\x7f"), "a" + kanji + "|\xe6");
}

TEST(LineEditor, HistoryGoesBackAndForthAndKeepsTheDraft) {
    Typing t({"first", "sec\nond", "third"});
    EXPECT_EQ(t.after("draft" + csi("A")), "third|");
    EXPECT_EQ(t.after(ctrl('P')), "sec\nond|");
    EXPECT_EQ(t.after(csi("A")), "sec|\nond") << "within lines first";
    EXPECT_EQ(t.after(csi("A")), "first|");
    EXPECT_EQ(t.after(csi("A") + "!"), "first!|") << "there is none before it";
    EXPECT_EQ(t.after(csi("B")), "sec\nond|");
    EXPECT_EQ(t.after(csi("B") + ctrl('N')), "draft|");
    EXPECT_EQ(t.after(csi("B")), "draft|");
    EXPECT_EQ(t.after(csi("A") + csi("A") + csi("A") + csi("A")), "first|") << "the entry is as it was";
    EXPECT_EQ(t.type("\r"), LineEditor::Result::submitted);
    t.begin();
    EXPECT_EQ(t.after(csi("A")), "third|");
}

TEST(LineEditor, LinesGoOnAfterABackslashInABlockAndWithAltEnter) {
    Typing t;
    EXPECT_EQ(t.type("one\\\r"), LineEditor::Result::editing);
    EXPECT_EQ(t.after("two"), "one\ntwo|");
    EXPECT_EQ(t.after("\x1b\r!"), "one\ntwo\n!|");
    EXPECT_EQ(t.after(csi("A") + csi("A") + "x"), "ox|ne\ntwo\n!");
    EXPECT_EQ(t.after(csi("B")), "oxne\ntw|o\n!");
    EXPECT_EQ(t.after(ctrl('K') + ctrl('U')), "oxne\n|\n!") << "of the line that the cursor is in";
    EXPECT_EQ(t.type("\n"), LineEditor::Result::submitted);
    EXPECT_EQ(t.text(), "oxne\n\n!");

    t.begin();
    EXPECT_EQ(t.type("\"\"\"a\rb\\\r"), LineEditor::Result::editing);
    EXPECT_EQ(t.type("\"\"\"\r"), LineEditor::Result::submitted);
    EXPECT_EQ(t.text(), "\"\"\"a\nb\\\n\"\"\"");
}

TEST(LineEditor, APastedTextIsOneWholeWhateverIsInIt) {
    Typing t;
    EXPECT_EQ(t.type(csi("200~") + "a\r\nb\rc\nd\te\x03\x1b[A\\\r" + csi("201~")),
              LineEditor::Result::editing);
    EXPECT_EQ(t.text(), "a\nb\nc\nd\te\x03\x1b[A\\\n");
    t.begin();
    for (const char byte : csi("200~") + "in pieces" + csi("201~")) t.type(std::string(1, byte));
    EXPECT_EQ(t.after("!"), "in pieces!|");
}

TEST(LineEditor, UnknownKeysDoNothing) {
    Typing t;
    for (const std::string &key :
         {csi("5~"), csi("1;2A"), csi("[A"), std::string("\x1bOP"), csi("15;5~"), ctrl('G'), ctrl('T'),
          std::string("\x1bx"), csi("<0;1;2M"), std::string(1, '\0'), csi("I")})
        EXPECT_EQ(t.after(key), "|") << testing::PrintToString(key);
    EXPECT_EQ(t.after("\x1b\x1b[D"), "|") << "Alt and an arrow";
    EXPECT_EQ(t.after(csi("1;\rx")), "x|") << "a sequence that breaks off";
    EXPECT_EQ(t.after(csi(std::string(1000, '1')) + "y").back(), '|') << "one that never ends";
}

TEST(MessageForm, BlocksAreTextsAndBackslashesJoinLines) {
    const auto goes_on = [](std::string typed) { return chat::goes_on(typed) ? typed : "whole"; };
    EXPECT_EQ(goes_on("a"), "whole");
    EXPECT_EQ(goes_on(""), "whole");
    EXPECT_EQ(goes_on("a\\"), "a\n");
    EXPECT_EQ(goes_on("a\\\\"), "whole") << "two are two backslashes";
    EXPECT_EQ(goes_on("\\"), "\n");
    EXPECT_EQ(goes_on("\"\"\""), "\"\"\"\n");
    EXPECT_EQ(goes_on("\"\"\"\""), "\"\"\"\"\n");
    EXPECT_EQ(goes_on("\"\"\"a\"\"\" b"), "\"\"\"a\"\"\" b\n");
    EXPECT_EQ(goes_on("\"\"\"a\nb\"\"\"  "), "whole");
    EXPECT_EQ(goes_on("a\"\"\""), "whole");

    const auto message = [](const std::string &typed) {
        const chat::Message m = chat::message_of(typed);
        return (m.verbatim ? "verbatim " : "") + m.text;
    };
    EXPECT_EQ(message("\"\"\"\n/undo\n\n\"\"\""), "verbatim /undo\n");
    EXPECT_EQ(message("\"\"\"a\"\"\" "), "verbatim a");
    EXPECT_EQ(message("\"\"\"\"\"\""), "verbatim ");
    EXPECT_EQ(message("a\nb\n\n"), "a\nb");
    EXPECT_EQ(message("\"\"\"open"), "\"\"\"open");
}

TEST(Columns, KnowMarksAndWideCharacters) {
    EXPECT_EQ(chat::columns_of('a'), 1u);
    EXPECT_EQ(chat::columns_of(0xe9), 1u);
    EXPECT_EQ(chat::columns_of(0x301), 0u);
    EXPECT_EQ(chat::columns_of(0x6f22), 2u);
    EXPECT_EQ(chat::columns_of(0x1f40d), 2u);
    EXPECT_EQ(chat::columns_of(0xfe0f), 0u);
    EXPECT_EQ(chat::columns_of(0x20ac), 1u);
    EXPECT_EQ(chat::columns_of(0xac00), 2u);
    EXPECT_EQ(chat::columns_of(0x10ffff), 1u);
    for (const char *bad :
         {"\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5"}) {
        EXPECT_EQ(chat::character_at(bad, 0).code, 0xfffdu) << testing::PrintToString(bad);
        EXPECT_EQ(chat::character_at(bad, 0).size, 1u);
    }
    EXPECT_EQ(chat::character_at("\xf0\x9f\x90\x8d", 0).code, 0x1f40du);
}

}  // namespace
}  // namespace adder_test
