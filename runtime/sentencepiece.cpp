// How SentencePiece reads spaces, and the tables of characters and of neighbours.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER && ADDER_SENTENCEPIECE

#include "runtime/sentencepiece.h"

#include "runtime/unicode.h"

namespace adder {

namespace {

constexpr uint32_t written_space = 0x2581;  // "\xE2\x96\x81"

bool ends_with_space(const uint8_t *text, const uint8_t *end, uint32_t *size) {
    *size = 1;
    if (text != end && end[-1] == ' ') return true;
    *size = 3;
    return end - text >= 3 && end[-3] == 0xE2 && end[-2] == 0x96 && end[-1] == 0x81;
}

}  // namespace

void open_spaced(CodePointReader *reader, const Tokenizer &tokenizer) {
    reader->spaces = spaces_as_one;
    if ((tokenizer.flags & tokenizer_squeeze) != 0) {
        uint32_t size;
        while (ends_with_space(reader->at, reader->end, &size)) reader->end -= size;
        while (reader->at != reader->end && *reader->at == ' ') ++reader->at;
        reader->spaces |= spaces_squeeze | spaces_after;
    }
    if ((tokenizer.flags & tokenizer_prefix_always) != 0 && reader->at != reader->end)
        reader->spaces |= spaces_prefix;
}

bool next_spaced(CodePointReader *reader, uint32_t *code_point) {
    const uint8_t spaces = reader->spaces;
    if ((spaces & spaces_prefix) != 0) {
        reader->spaces = static_cast<uint8_t>(spaces & ~spaces_prefix);
        *code_point = ' ';
        return true;
    }
    if ((spaces & spaces_after) != 0)
        while (reader->at != reader->end && *reader->at == ' ') ++reader->at;
    if (reader->at == reader->end) return false;
    reader->at += utf8_read(reader->at, reader->end, code_point);
    if ((spaces & spaces_squeeze) != 0)
        reader->spaces =
            static_cast<uint8_t>(*code_point == ' ' ? spaces | spaces_after : spaces & ~spaces_after);
    if (*code_point == written_space) *code_point = ' ';
    return true;
}

uint32_t character_token(const Tokenizer &t, uint32_t code_point) {
    const CharacterToken *const character = t.characters->character();
    uint32_t low = 0, high = t.characters->characters;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (character[middle].code_point == code_point) return character[middle].id;
        if (character[middle].code_point < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return tokenizer_none;
}

bool may_join(const Tokenizer &t, uint32_t left, uint32_t right) {
    const uint32_t bit = neighbours_hash(left, right) >> (32 - t.characters->adjacent_bits);
    return (t.characters->adjacent()[bit / 32] >> bit % 32 & 1) != 0;
}

}  // namespace adder

#endif  // ADDER_TOKENIZER && ADDER_SENTENCEPIECE
