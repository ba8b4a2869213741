// UTF-8 as a terminal shows it: characters, and how many columns each takes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace chat {

struct Character {
    uint32_t code;  // U+FFFD for a byte that begins no character
    size_t size;    // in bytes; 1 for such a byte
};

// The character that begins at text[at]. at < text.size().
Character character_at(std::string_view text, size_t at);

// 0 for marks that stand on the character before, 2 for wide characters (East Asian ones, emoji), else 1. A control character
// has none of its own: what shows it decides.
uint32_t columns_of(uint32_t code);

// Where the character before `at` begins, with the marks that stand on it; and where the one at `at` ends, with those.
size_t previous_character(std::string_view text, size_t at);
size_t next_character(std::string_view text, size_t at);

}  // namespace chat
