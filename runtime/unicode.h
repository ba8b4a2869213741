// UTF-8 and the character classes that the tokenizer's split needs.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "adder/config.h"

namespace adder {

// The classes of the GPT-2 pattern: \p{L}, \p{N}, \s (Unicode White_Space), and the rest.
enum class Category : uint8_t { other, letter, number, space };

// Unicode's general categories, as far as patterns tell them apart: N is every number that is no decimal digit, Z all of White_Space,
// none controls, unassigned code points, and bytes that are no part of valid UTF-8.
enum class GeneralCategory : uint8_t { none, Lu, Ll, Lt, Lm, Lo, M, Nd, N, P, S, Z };

// A byte that is no part of valid UTF-8 travels as this plus the byte: above every code point, class other,
// kept.
constexpr uint32_t invalid_byte = 0x110000;

// Reads one code point at `text`, which has at least one byte before `end`; the result is the number of
// bytes. UTF-8 as in the Unicode Standard, table 3-7: no surrogates, no overlong forms, nothing past
// U+10FFFF. What does not fit is read as one byte, invalid_byte + its value.
uint32_t utf8_read(const uint8_t *text, const uint8_t *end, uint32_t *code_point);

// Writes one code point (or the byte of an invalid_byte) as 1 to 4 bytes; the result is their number.
uint32_t utf8_write(uint32_t code_point, uint8_t out[4]);

// The number of bytes of the sequence that `lead` begins (0: none), and the range that its second byte must
// lie in.
uint32_t utf8_sequence(uint8_t lead, uint8_t *second_low, uint8_t *second_high);

Category category_of(uint32_t code_point);
#if ADDER_PRETOKENIZER
GeneralCategory general_category(uint32_t code_point);
#endif

// A sorted set of code point ranges with a value each, coded as scripts/unicode_tables.py describes.
struct RangeTable {
    const uint8_t *ranges;
    const uint32_t *index;   // [entries], end of the range before each entered one
    const uint16_t *offset;  // [entries], where in `ranges` that one lies
    uint32_t entries, size;  // size: bytes in `ranges`
    uint8_t common;          // the value that is not spelled out
};

// The value of the range around `code_point`, 0 if there is none.
uint8_t range_value(const RangeTable &table, uint32_t code_point);

// What a detokenizer keeps between tokens: the start of a sequence that is not complete yet.
struct Utf8Stream {
    uint8_t pending[4];
    uint8_t count;
};

// Passes `size` bytes through, emitting only whole, valid UTF-8: a sequence that ends in the next call waits
// for it, and each maximal part of an invalid one (Unicode Standard, 3.9, "U+FFFD substitution of maximal
// subparts") becomes U+FFFD as soon as it is known to be invalid. The result is the number of bytes written,
// at most 3 * (size + 3). Where it exceeds `capacity`, nothing was consumed or kept: come again with so much
// room. A stream starts as all zeros.
size_t utf8_stream(Utf8Stream *stream, const uint8_t *bytes, size_t size, char *out, size_t capacity);

// Ends the text: a sequence still pending becomes U+FFFD (3 bytes). Same result as utf8_stream.
size_t utf8_stream_end(Utf8Stream *stream, char *out, size_t capacity);

}  // namespace adder
