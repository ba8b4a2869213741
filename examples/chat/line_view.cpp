// Shows a line being edited on a terminal.
// SPDX-License-Identifier: MIT
#include "line_view.h"

#include "columns.h"

#include <algorithm>

namespace chat {
namespace {

constexpr size_t tab_columns = 4;

bool is_control(uint32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

size_t visible_columns(uint32_t code) {
    if (code == '\t') return tab_columns;
    return is_control(code) ? 2 : columns_of(code);
}

size_t columns_between(std::string_view text, size_t begin, size_t end) {
    size_t columns = 0;
    while (begin < end) {
        const Character character = character_at(text, begin);
        columns += visible_columns(character.code);
        begin += character.size;
    }
    return columns;
}

std::string moved(size_t count, char direction) {
    return count == 0 ? std::string() : "\033[" + std::to_string(count) + direction;
}

}  // namespace

std::string visible(std::string_view text) {
    std::string shown;
    for (size_t at = 0; at < text.size();) {
        const Character character = character_at(text, at);
        if (character.code == '\t')
            shown.append(tab_columns, ' ');
        else if (is_control(character.code))
            shown += {'^', character.code < 0x80 ? static_cast<char>(character.code ^ 0x40) : '?'};
        else if (character.code == 0xfffd)
            shown += "\xef\xbf\xbd";
        else
            shown += text.substr(at, character.size);
        at += character.size;
    }
    return shown;
}

std::vector<ScreenRow> screen_rows(std::string_view text, size_t columns, size_t indent) {
    if (indent + 2 > columns) indent = 0;
    std::vector<ScreenRow> rows{{0, 0, indent, indent}};
    for (size_t at = 0; at < text.size();) {
        const Character character = character_at(text, at);
        if (character.code == '\n') {
            ++at;
            rows.push_back({at, at, indent, indent});
            continue;
        }
        const size_t width = visible_columns(character.code);
        if (rows.back().columns + width > columns && rows.back().end > rows.back().begin)
            rows.push_back({at, at, 0, 0});
        at += character.size;
        rows.back().end = at;
        rows.back().columns += width;
    }
    if (rows.back().columns >= columns) rows.push_back({text.size(), text.size(), 0, 0});
    return rows;
}

// A terminal that became narrower has broken the rows that no longer fit.
std::string LineView::back_to_top(size_t columns) const {
    if (shown_.empty()) return {};
    size_t up = std::min(cursor_column_, shown_[cursor_row_].columns) / columns;
    for (size_t row = 0; row < cursor_row_; ++row)
        up += std::max<size_t>(1, (shown_[row].columns + columns - 1) / columns);
    return "\r" + moved(up, 'A') + "\033[J";
}

std::string LineView::show(std::string_view text, size_t cursor, TerminalSize size) {
    const std::vector<ScreenRow> rows = screen_rows(text, size.columns, prompt_columns_);
    size_t row = rows.size() - 1;
    while (row > 0 && rows[row].begin > cursor) --row;
    const size_t height = std::min(std::max<size_t>(1, size.rows), rows.size());
    first_ =
        std::min(std::min(std::max(first_, row + 1 - std::min(row + 1, height)), row), rows.size() - height);

    std::string bytes = back_to_top(size.columns);
    for (size_t i = first_; i < first_ + height; ++i) {
        if (i > first_) bytes += '\n';
        if (i == 0)
            bytes += prompt_;
        else
            bytes.append(rows[i].indent, ' ');
        bytes += visible(text.substr(rows[i].begin, rows[i].end - rows[i].begin));
    }
    shown_.assign(rows.begin() + static_cast<std::ptrdiff_t>(first_),
                  rows.begin() + static_cast<std::ptrdiff_t>(first_ + height));
    cursor_row_ = row - first_;
    cursor_column_ = rows[row].indent + columns_between(text, rows[row].begin, cursor);
    bytes += moved(height - 1 - cursor_row_, 'A');
    if (row + 1 < rows.size() || cursor < text.size()) bytes += "\r" + moved(cursor_column_, 'C');
    return bytes;
}

std::string LineView::finish(std::string_view text, TerminalSize size) {
    std::string bytes = show(text, text.size(), size) + "\n";
    shown_.clear();
    first_ = 0;
    return bytes;
}

std::string LineView::clear() {
    shown_.clear();
    return "\033[H\033[2J";
}

}  // namespace chat
