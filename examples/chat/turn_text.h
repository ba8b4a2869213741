// What a user says, made fit for models whose turns end with empty lines.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace chat {

// Does a turn end with one or more empty lines and nothing else, as those of World models do? A text that holds an empty line
// would end its own turn.
inline bool ends_with_empty_lines(std::string_view suffix) {
    return suffix.size() >= 2 && suffix.find_first_not_of('\n') == std::string_view::npos;
}

// Windows' ends of lines as others, no empty lines, no white space at the ends: as those who trained these models say
// (BlinkDL, templates of the G1x models).
inline std::string without_empty_lines(std::string_view text) {
    std::string lines;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        if (text[i] == '\n' && !lines.empty() && lines.back() == '\n') continue;
        lines += text[i];
    }
    constexpr char white[] = " \t\n\v\f\r";
    const size_t begin = lines.find_first_not_of(white);
    if (begin == std::string::npos) return std::string();
    return lines.substr(begin, lines.find_last_not_of(white) + 1 - begin);
}

}  // namespace chat
