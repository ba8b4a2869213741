// A terminal's screen, from the bytes that a program wrote to it.
// SPDX-License-Identifier: MIT
#include "screen.h"

#include "examples/chat/columns.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace adder_test {

void Screen::write(std::string_view bytes, bool line_feed_returns) {
    for (size_t at = 0; at < bytes.size();) {
        if (bytes[at] == '\r') {
            column_ = 0;
            ++at;
        } else if (bytes[at] == '\n') {
            line_feed();
            if (line_feed_returns) column_ = 0;
            ++at;
        } else if (bytes[at] == '\033') {
            const size_t end = bytes.find_first_not_of("[?;0123456789", at + 1);
            if (end == std::string_view::npos || bytes.substr(at + 1, 1) != "[")
                throw std::runtime_error("no sequence");
            const std::string parameter(bytes.substr(at + 2, end - at - 2));
            const size_t count = std::max<size_t>(1, std::strtoul(parameter.c_str(), nullptr, 10));
            column_ = std::min(column_, columns_ - 1);
            switch (bytes[end]) {
            case 'A': row_ -= std::min(row_, count); break;
            case 'B': row_ += count; break;
            case 'C': column_ = std::min(column_ + count, columns_ - 1); break;
            case 'D': column_ -= std::min(column_, count); break;
            case 'H': row_ = column_ = 0; break;
            case 'J':
                if (parameter == "2")
                    clear_from(0, 0);
                else
                    clear_from(row_, column_);
                break;
            case 'm':
            case 'h':
            case 'l': break;
            default: throw std::runtime_error("an unknown sequence");
            }
            if (row_ >= lines_.size()) lines_.resize(row_ + 1);
            at = end + 1;
        } else {
            const chat::Character character = chat::character_at(bytes, at);
            put(bytes.substr(at, character.size), chat::columns_of(character.code));
            at += character.size;
        }
    }
}

void Screen::put(std::string_view character, size_t width) {
    if (width == 0) {
        if (column_ > 0 && lines_[row_].size() >= column_) lines_[row_][column_ - 1] += character;
        return;
    }
    if (column_ + width > columns_) {
        line_feed();
        column_ = 0;
    }
    std::vector<std::string> &line = lines_[row_];
    if (line.size() < column_ + width) line.resize(column_ + width, " ");
    line[column_] = character;
    for (size_t i = 1; i < width; ++i) line[column_ + i].clear();
    column_ += width;
}

void Screen::line_feed() {
    ++row_;
    if (rows_ > 0 && row_ == rows_) {
        lines_.erase(lines_.begin());
        --row_;
    }
    if (row_ >= lines_.size()) lines_.resize(row_ + 1);
}

void Screen::clear_from(size_t row, size_t column) {
    lines_.resize(row + 1);
    if (lines_[row].size() > column) lines_[row].resize(column);
}

std::string Screen::text() const {
    std::string text;
    for (const std::vector<std::string> &line : lines_) {
        std::string shown;
        for (const std::string &cell : line) shown += cell;
        text += shown.substr(0, shown.find_last_not_of(' ') + 1) + "\n";
    }
    return text.substr(0, text.find_last_not_of('\n') + 1);
}

}  // namespace adder_test
