// BPE over characters, as SentencePiece does it: spaces, the tokens of characters, and where words may end.
// SPDX-License-Identifier: MIT
//
// SentencePiece writes a space as U+2581 and takes a whole text for one word. Here both are U+0020, and a text is cut into words
// wherever no merge can join what stands on both sides, which changes no id.
#pragma once

#include <stdint.h>

#include "adder/config.h"
#include "runtime/nfc.h"
#include "runtime/tokenizer.h"

namespace adder {

// The flags that a section of tokenizer_version_characters may have.
constexpr uint32_t character_flags = tokenizer_wide | tokenizer_prefix_space | tokenizer_prefix_always |
                                     tokenizer_prefix_first | tokenizer_squeeze | tokenizer_fuse_unknown |
                                     tokenizer_strip_space;

// Which of 2^32 bits says whether two symbols may be joined; a section keeps the highest `adjacent_bits` of the number.
constexpr uint32_t neighbours_hash(uint32_t left, uint32_t right) {
    return (left * 0x9E3779B1u + right) * 0x85EBCA6Bu;
}

#if ADDER_SENTENCEPIECE

// Bits of CodePointReader::spaces.
constexpr uint8_t spaces_as_one = 1;   // U+2581 is read as U+0020
constexpr uint8_t spaces_prefix = 2;   // one is read before all else
constexpr uint8_t spaces_squeeze = 4;  // of several U+0020 one is read
constexpr uint8_t spaces_after = 8;    // what was read last is such a one: others are skipped

// Makes a reader of a piece, just opened, read it as the section's flags say.
void open_spaced(CodePointReader *reader, const Tokenizer &tokenizer);

// CodePointReader::next() of such a reader.
bool next_spaced(CodePointReader *reader, uint32_t *code_point);

// The token of a character, or all ones.
uint32_t character_token(const Tokenizer &tokenizer, uint32_t code_point);

// False if no merge joins a token that ends with the symbol `left` and one that begins with `right`. May be true for others.
bool may_join(const Tokenizer &tokenizer, uint32_t left, uint32_t right);

#endif

}  // namespace adder
