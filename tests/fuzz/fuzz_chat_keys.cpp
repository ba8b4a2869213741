// Fuzz target: what is typed into adder-chat, from the bytes of a terminal to what stands on the screen.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "examples/chat/columns.h"
#include "examples/chat/line_editor.h"
#include "examples/chat/line_view.h"
#include "examples/chat/message_form.h"
#include "examples/chat/word_wrap.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

// Every byte of the text is in one row, and no row is wider than the screen, unless it is one character.
void check_rows(const std::string &text, size_t columns) {
    size_t at = 0;
    for (const chat::ScreenRow &row : chat::screen_rows(text, columns, 2)) {
        if (row.begin > at) require(row.begin == at + 1 && text[at] == '\n');
        require(row.end >= row.begin);
        require(row.columns <= columns || chat::next_character(text, row.begin) >= row.end);
        at = row.end;
    }
    require(at == text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const size_t columns = 1 + data[0] % 40, rows = 1 + data[0] / 40;
    const std::string bytes(reinterpret_cast<const char *>(data + 1), size - 1);
    const std::vector<std::string> history = {"one", "two\nlines of \xe6\xbc\xa2", "\xff"};
    chat::KeyDecoder decoder;
    chat::LineEditor editor;
    chat::LineView view("> ", 2);
    editor.begin(history);
    for (size_t at = 0; at < bytes.size(); at += 5) {
        std::vector<chat::KeyPress> keys;
        decoder.take(bytes.data() + at, std::min<size_t>(5, bytes.size() - at), keys);
        for (const chat::KeyPress &key : keys) {
            if (editor.press(key) != chat::LineEditor::Result::editing) {
                view.finish(editor.text(), {columns, rows});
                chat::message_of(editor.text());
                editor.begin(history);
            }
            require(editor.cursor() <= editor.text().size());
        }
        view.show(editor.text(), editor.cursor(), {columns, rows});
        check_rows(editor.text(), columns);
        if (editor.text().size() > 4096) {  // what was cut goes, too: put in twice and cut again, it doubles
            editor = chat::LineEditor();
            editor.begin(history);
        }
    }

    // Words are wrapped without a byte lost but blanks, for which newlines may stand.
    chat::WordWrap wrap;
    std::string shown = wrap.take(std::string_view(bytes).substr(0, bytes.size() / 2), columns);
    shown += wrap.take(std::string_view(bytes).substr(bytes.size() / 2), columns);
    shown += wrap.rest(columns);
    const auto letters = [](const std::string &text) {
        std::string kept;
        for (const char byte : text)
            if (std::strchr(" \t\n", byte) == nullptr || byte == '\0') kept += byte;
        return kept;
    };
    require(letters(shown) == letters(bytes));
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const char *text : {
             "\x29hello world\x1b[D\x1b[D\x17\x19\x01\x0b\x19\r",
             "\x50\x1b[200~pasted\rtext\x1b[201~\x1b[A\x1b[A\x1b[1;5D\x7f\x1b[3~\r",
             "\x05\"\"\"\rblock\r\"\"\"\r\xe6\xbc\xa2"
             "e\xcc\x81\xf0\x9f\x90\x8d\x1b"
             "b\x1b"
             "f\x1b\x7f\t\x0c\\\r",
         }) {
        add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
    }
}

extern "C" const char *const adder_fuzz_words[] = {"\x1b[A",
                                                   "\x1b[B",
                                                   "\x1b[C",
                                                   "\x1b[D",
                                                   "\x1b[H",
                                                   "\x1b[F",
                                                   "\x1b[3~",
                                                   "\x1b[200~",
                                                   "\x1b[201~",
                                                   "\x1b"
                                                   "b",
                                                   "\x1b"
                                                   "f",
                                                   "\x1b"
                                                   "d",
                                                   "\x1b\x7f",
                                                   "\x1b\r",
                                                   "\r",
                                                   "\n",
                                                   "\x01",
                                                   "\x05",
                                                   "\x0b",
                                                   "\x15",
                                                   "\x17",
                                                   "\x19",
                                                   "\x7f",
                                                   "\t",
                                                   "\"\"\"",
                                                   "\\",
                                                   "\xe6\xbc\xa2",
                                                   "\xcc\x81",
                                                   "\xf0\x9f\x90\x8d",
                                                   nullptr};
