// Tables of text: aligned columns, Markdown, CSV.
// SPDX-License-Identifier: MIT
#include "converter/report/table.h"

#include <algorithm>

namespace adder {
namespace {

// Columns on a terminal, for text without wide characters.
size_t width_of(const std::string &utf8) {
    return static_cast<size_t>(std::count_if(
        utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string TextTable::text() const {
    std::vector<size_t> widths;
    for (const auto &row : rows_) {
        widths.resize(std::max(widths.size(), row.size()), 0);
        for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
    }
    std::string result;
    for (const auto &row : rows_) {
        std::string line;
        for (size_t c = 0; c < row.size(); ++c) {
            const std::string space(widths[c] - width_of(row[c]), ' ');
            line += c == 0 ? row[c] + space : "  " + space + row[c];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + "\n";
    }
    return result;
}

std::string TextTable::markdown() const {
    std::string result;
    for (size_t r = 0; r < rows_.size(); ++r) {
        std::string line = "|";
        for (const std::string &cell : rows_[r]) {
            line += ' ';
            for (const char c : cell) line += c == '|' ? std::string("\\|") : std::string(1, c);
            line += " |";
        }
        result += line + "\n";
        if (r > 0) continue;
        result += "|";
        for (size_t c = 0; c < rows_[0].size(); ++c) result += c == 0 ? "---|" : "---:|";
        result += "\n";
    }
    return result;
}

std::string TextTable::csv() const {
    std::string result;
    for (const auto &row : rows_) {
        for (size_t c = 0; c < row.size(); ++c) result += (c == 0 ? "" : ",") + csv_field(row[c]);
        result += "\r\n";
    }
    return result;
}

std::string csv_field(const std::string &text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

}  // namespace adder
