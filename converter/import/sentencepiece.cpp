// Pieces: their texts, bytes and characters, and which characters merges join.
// SPDX-License-Identifier: MIT
#include "converter/import/sentencepiece.h"

#include <algorithm>
#include <unordered_map>

#include "runtime/tokenizer.h"
#include "runtime/unicode.h"

namespace adder {

std::string piece_text(const std::string &piece) {
    std::string text;
    for (size_t at = 0; at < piece.size();) {
        const bool space = piece.compare(at, 3, written_space) == 0;
        text += space ? ' ' : piece[at];
        at += space ? 3 : 1;
    }
    return text;
}

std::optional<uint8_t> piece_byte(const std::string &piece, bool any_case) {
    if (piece.size() != 6 || piece.compare(0, 3, "<0x") != 0 || piece[5] != '>') return std::nullopt;
    unsigned byte = 0;
    for (size_t i = 3; i < 5; ++i) {
        const char c = piece[i];
        const bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'F', lower = c >= 'a' && c <= 'f';
        if (!digit && !upper && !(lower && any_case)) return std::nullopt;
        byte = byte * 16 + static_cast<unsigned>(digit ? c - '0' : upper ? c - 'A' + 10 : c - 'a' + 10);
    }
    return static_cast<uint8_t>(byte);
}

std::vector<uint32_t> piece_code_points(const std::string &piece) {
    std::vector<uint32_t> code_points;
    const uint8_t *at = reinterpret_cast<const uint8_t *>(piece.data()), *const end = at + piece.size();
    while (at != end) {
        uint32_t code_point;
        at += utf8_read(at, end, &code_point);
        code_points.push_back(code_point == ' '      ? no_space
                              : code_point == 0x2581 ? uint32_t{' '}
                                                     : code_point);
    }
    return code_points;
}

void find_neighbours(const std::vector<std::string> &pieces, SectionSource *section) {
    std::unordered_map<uint32_t, uint32_t> tokens;
    for (const SectionSource::Character &character : section->characters)
        tokens.emplace(character.code_point, character.id);
    struct Ends {
        uint32_t first = tokenizer_none, last = tokenizer_none;
    };
    std::vector<Ends> ends(pieces.size());
    for (size_t id = 0; id < pieces.size(); ++id) {
        if (pieces[id].empty()) continue;
        const std::vector<uint32_t> code_points = piece_code_points(pieces[id]);
        const auto first = tokens.find(code_points.front()), last = tokens.find(code_points.back());
        if (first != tokens.end()) ends[id].first = first->second;
        if (last != tokens.end()) ends[id].last = last->second;
    }
    section->neighbours.clear();
    for (const SectionSource::Merge &merge : section->merges) {
        // Without a token of that character the piece is never made of any.
        const uint32_t left = ends[merge.left].last, right = ends[merge.right].first;
        if (left == tokenizer_none || right == tokenizer_none) continue;
        section->neighbours.push_back({left, right});
    }
}

}  // namespace adder
