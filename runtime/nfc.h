// Unicode Normalization Form C (UAX #15) over a stream of code points, in bounded memory.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "adder/config.h"

namespace adder {

// Reads UTF-8 text one code point at a time, normalised on the way if asked. Copy it to look ahead.
// A code point and all that may join it are decomposed, put into canonical order and composed again in
// `queue`. At most 30 non-starters are ordered at once, as in the Stream-Safe Text Format (UAX #15, section
// 13): a longer run, which no language has, is normalised in parts, and nothing is inserted.
struct CodePointReader {
    static constexpr uint32_t queue_size = 36;
    const uint8_t *at, *end;
    bool nfc;
    uint8_t first, count;  // of `queue`
#if ADDER_SENTENCEPIECE
    uint8_t spaces;  // 0, or bits of sentencepiece.h: spaces are read as SentencePiece does
#endif
    uint32_t queue[queue_size];

    void open(const uint8_t *text, const uint8_t *text_end, bool normalize) {
        at = text;
        end = text_end;
        nfc = normalize;
        first = count = 0;
#if ADDER_SENTENCEPIECE
        spaces = 0;
#endif
    }
    // The next code point, or invalid_byte + a byte; false at the end.
    bool next(uint32_t *code_point);
};

// False where the library was built without ADDER_NFC: a reader then passes text through unchanged.
bool nfc_available();

// Fills reader->queue with the next segment, which begins with `code_point`, just read. Used by next().
void nfc_segment(CodePointReader *reader, uint32_t code_point);

// Whether `code_point` can be passed on as it is if what follows does not join it.
bool nfc_stays(uint32_t code_point);

// Whether `code_point` may be reordered before, or composed with, what stands in front of it.
bool nfc_joins(uint32_t code_point);

}  // namespace adder
