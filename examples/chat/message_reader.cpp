// The user's messages, from wherever standard input comes.
// SPDX-License-Identifier: MIT
#include "message_reader.h"

#include "failure.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace chat {
namespace {

constexpr char prompt[] = "> ";
constexpr size_t prompt_columns = 2;

// A terminal that edits lines itself keeps no more of one: MAX_CANON, on Linux 4,096 bytes with the newline.
constexpr size_t longest_line = 4095;

void write_to_terminal(const std::string &bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), stderr);
    std::fflush(stderr);
}

bool more_is_waiting() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return poll(&input, 1, 0) > 0 && (input.revents & POLLIN) != 0;
}

}  // namespace

struct MessageReader::Editing {
    RawMode mode;
    History history{History::default_path()};
    KeyDecoder decoder;
    LineEditor editor;
    LineView view{std::string(colours().prompt) + prompt + colours().reset, prompt_columns};
    std::vector<KeyPress> keys;  // pressed, and not yet looked at

    void show() {
        write_to_terminal(view.show(editor.text(), editor.cursor(), terminal_size(STDERR_FILENO)));
    }
    void finish() { write_to_terminal(view.finish(editor.text(), terminal_size(STDERR_FILENO))); }

    // The keys up to one that ends the line; those after it stay.
    LineEditor::Result press_keys() {
        LineEditor::Result result = LineEditor::Result::editing;
        size_t count = 0;
        while (count < keys.size() && result == LineEditor::Result::editing) {
            if (keys[count].key == Key::clear_screen) write_to_terminal(view.clear());
            result = editor.press(keys[count++]);
        }
        keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count));
        return result;
    }
};

MessageReader::MessageReader(bool on_terminal) : on_terminal_(on_terminal) {
    if (on_terminal && can_edit_lines()) editing_ = std::make_unique<Editing>();
}

MessageReader::~MessageReader() = default;

void MessageReader::answering(bool on) {
    if (editing_) editing_->mode.keep_typed_ahead(on);
}

Input MessageReader::next(Message &message) {
    std::string typed;
    const Input input = editing_ ? next_edited(typed) : next_lines(typed);
    message = on_terminal_ ? message_of(typed) : Message{typed, false};
    if (on_terminal_ && !editing_ && input != Input::line) write_to_terminal("\n");
    return input;
}

Input MessageReader::next_lines(std::string &typed) {
    if (!on_terminal_) return lines_.next(typed);
    for (std::string line;;) {
        show_prompt(typed.empty() ? prompt : "  ");
        const Input input = lines_.next(line);
        if (input != Input::line) return input;
        typed += line;
        if (line.size() >= longest_line) {
            show_note(
                "The terminal passes on " + std::to_string(longest_line) +
                " bytes of a line, and has cut this one: it is not answered. A longer text can come from a pipe or "
                "a file.");
            typed.clear();
        } else if (!goes_on(typed)) {
            return Input::line;
        }
    }
}

Input MessageReader::next_edited(std::string &typed) {
    Editing &editing = *editing_;
    editing.editor.begin(editing.history.entries());
    editing.view.forget();
    take_continued();
    take_resized();
    for (;;) {
        const LineEditor::Result result = editing.press_keys();
        if (result != LineEditor::Result::editing) {
            editing.finish();
            typed = editing.editor.text();
            if (result == LineEditor::Result::left) return Input::end;
            if (typed.find_first_not_of(" \t\n") != std::string::npos) editing.history.add(typed);
            return Input::line;
        }
        editing.mode.wait_for_foreground();
        if (take_continued()) {  // the shell may have written
            editing.view.forget();
            write_to_terminal("\r\033[J");
        }
        if (!more_is_waiting()) editing.show();  // a long text that is pasted is shown once

        char bytes[4096];
        const ssize_t count = read_or_signal(bytes, sizeof bytes);
        if (count > 0) {
            editing.decoder.take(bytes, static_cast<size_t>(count), editing.keys);
        } else if (count == 0) {
            editing.finish();
            return Input::end;
        } else if (errno != EINTR) {
            throw Failure(Exit::bad_input, std::string("standard input: ") + std::strerror(errno));
        }
        if (interrupted()) {
            editing.keys.clear();
            editing.decoder = KeyDecoder();
            editing.finish();
            return Input::interrupted;
        }
        take_resized();  // what is shown next knows the new size
    }
}

}  // namespace chat
