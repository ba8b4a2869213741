// A line being edited.
// SPDX-License-Identifier: MIT
#include "line_editor.h"

#include "columns.h"
#include "message_form.h"

#include <algorithm>
#include <cctype>

namespace chat {
namespace {

// Letters and digits; of characters beyond ASCII all.
bool is_part_of_word(char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return value >= 0x80 || std::isalnum(value) != 0;
}

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\n'; }

}  // namespace

void LineEditor::begin(const std::vector<std::string> &history) {
    text_.clear();
    draft_.clear();
    cursor_ = 0;
    last_cut_ = Cut::other;
    history_ = &history;
    entry_ = history.size();
}

LineEditor::Result LineEditor::press(const KeyPress &press) {
    const Cut last_cut = last_cut_;
    last_cut_ = Cut::other;
    switch (press.key) {
    case Key::text:
    case Key::paste: insert(press.text); break;
    case Key::newline: insert("\n"); break;
    case Key::enter:
        cursor_ = text_.size();
        if (!goes_on(text_)) return Result::submitted;
        cursor_ = text_.size();
        break;
    case Key::left: cursor_ = previous_character(text_, cursor_); break;
    case Key::right: cursor_ = next_character(text_, cursor_); break;
    case Key::word_left: cursor_ = word_left(); break;
    case Key::word_right: cursor_ = word_right(); break;
    case Key::up: up(); break;
    case Key::down: down(); break;
    case Key::home: cursor_ = line_begin(); break;
    case Key::end: cursor_ = line_end(); break;
    case Key::backspace: remove(previous_character(text_, cursor_), cursor_); break;
    case Key::remove_or_leave:
        if (text_.empty()) return Result::left;
        [[fallthrough]];
    case Key::remove: remove(cursor_, next_character(text_, cursor_)); break;
    case Key::kill_word_left: {
        size_t begin = cursor_;
        while (begin > 0 && is_blank(text_[begin - 1])) --begin;
        while (begin > 0 && !is_blank(text_[begin - 1])) --begin;
        last_cut_ = last_cut;
        kill(begin, cursor_, Cut::left);
        break;
    }
    case Key::kill_part_left:
        last_cut_ = last_cut;
        kill(word_left(), cursor_, Cut::left);
        break;
    case Key::kill_part_right:
        last_cut_ = last_cut;
        kill(cursor_, word_right(), Cut::right);
        break;
    case Key::kill_line_left:
        last_cut_ = last_cut;
        kill(line_begin(), cursor_, Cut::left);
        break;
    case Key::kill_line_right:
        last_cut_ = last_cut;
        kill(cursor_, line_end(), Cut::right);
        break;
    case Key::yank: insert(killed_); break;
    case Key::clear_screen: break;
    }
    return Result::editing;
}

void LineEditor::insert(const std::string &bytes) {
    if (bytes.size() > max_edited_bytes - std::min(text_.size(), max_edited_bytes)) return;
    text_.insert(cursor_, bytes);
    cursor_ += bytes.size();
}

void LineEditor::remove(size_t begin, size_t end) {
    text_.erase(begin, end - begin);
    cursor_ = begin;
}

void LineEditor::kill(size_t begin, size_t end, Cut direction) {
    const std::string cut = text_.substr(begin, end - begin);
    if (last_cut_ == Cut::other) killed_.clear();
    killed_ = direction == Cut::left ? cut + killed_ : killed_ + cut;
    last_cut_ = direction;
    remove(begin, end);
}

void LineEditor::show_entry(size_t index) {
    if (entry_ == history_->size()) draft_ = text_;
    entry_ = index;
    text_ = index == history_->size() ? draft_ : (*history_)[index];
    cursor_ = text_.size();
}

// Within several lines a line up or down, from the first and the last one through the history.
void LineEditor::up() {
    const size_t begin = line_begin();
    if (begin > 0) {
        const size_t offset = cursor_ - begin;
        cursor_ = begin - 1;
        move_within(line_begin(), offset);
    } else if (entry_ > 0) {
        show_entry(entry_ - 1);
    }
}

void LineEditor::down() {
    const size_t end = line_end();
    if (end < text_.size())
        move_within(end + 1, cursor_ - line_begin());
    else if (entry_ < history_->size())
        show_entry(entry_ + 1);
}

// To `offset` bytes from the beginning of a line, or its end if that is nearer.
void LineEditor::move_within(size_t begin, size_t offset) {
    cursor_ = begin;
    const size_t end = line_end();
    while (cursor_ < end && cursor_ < begin + offset) cursor_ = next_character(text_, cursor_);
}

size_t LineEditor::line_begin() const {
    return cursor_ == 0 ? 0 : text_.rfind('\n', cursor_ - 1) + 1;  // npos + 1 is 0
}

size_t LineEditor::line_end() const { return std::min(text_.find('\n', cursor_), text_.size()); }

size_t LineEditor::word_left() const {
    size_t at = cursor_;
    while (at > 0 && !is_part_of_word(text_[at - 1])) --at;
    while (at > 0 && is_part_of_word(text_[at - 1])) --at;
    return at;
}

size_t LineEditor::word_right() const {
    size_t at = cursor_;
    while (at < text_.size() && !is_part_of_word(text_[at])) ++at;
    while (at < text_.size() && is_part_of_word(text_[at])) ++at;
    return at;
}

}  // namespace chat
