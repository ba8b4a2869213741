// What both forms of a SentencePiece vocabulary, tokenizer.json and tokenizer.model, are made into.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "converter/import/tokenizer_section.h"

namespace adder {

// A space, as it stands in pieces: U+2581.
constexpr char written_space[] = "\xE2\x96\x81";

// The text that a piece stands for: spaces for U+2581.
std::string piece_text(const std::string &piece);

// The byte that a piece "<0x0A>" stands for; `any_case`: "<0x0a>" as well.
std::optional<uint8_t> piece_byte(const std::string &piece, bool any_case);

// The code points of a piece, which is UTF-8, with U+0020 for U+2581; a U+0020 that it has itself is `no_space`.
constexpr uint32_t no_space = 0xFFFFFFFFu;
std::vector<uint32_t> piece_code_points(const std::string &piece);

// Sets section->neighbours: at which characters its merges join tokens. pieces[id] is empty where an id has none that takes part.
void find_neighbours(const std::vector<std::string> &pieces, SectionSource *section);

}  // namespace adder
