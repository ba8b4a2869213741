// UTF-8 decoding, the streaming filter of the detokenizer, and character classes from compact tables.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER

#include "runtime/unicode.h"

#include <string.h>

#include "runtime/unicode_tables.h"

namespace adder {

uint32_t utf8_sequence(uint8_t lead, uint8_t *second_low, uint8_t *second_high) {
    *second_low = 0x80;
    *second_high = 0xBF;
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    if (lead == 0xE0)
        *second_low = 0xA0;  // no overlong forms
    else if (lead == 0xED)
        *second_high = 0x9F;  // no surrogates
    else if (lead == 0xF0)
        *second_low = 0x90;
    else if (lead == 0xF4)
        *second_high = 0x8F;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

uint32_t utf8_read(const uint8_t *text, const uint8_t *end, uint32_t *code_point) {
    const uint8_t lead = text[0];
    if (lead < 0x80) {
        *code_point = lead;
        return 1;
    }
    uint8_t low, high;
    const uint32_t length = utf8_sequence(lead, &low, &high);
    *code_point = invalid_byte + lead;
    if (length == 0 || static_cast<size_t>(end - text) < length || text[1] < low || text[1] > high) return 1;
    uint32_t value = lead & (0x7Fu >> length);
    for (uint32_t i = 1; i < length; ++i) {
        if ((text[i] & 0xC0) != 0x80) return 1;
        value = value << 6 | (text[i] & 0x3F);
    }
    *code_point = value;
    return length;
}

uint32_t utf8_write(uint32_t code_point, uint8_t out[4]) {
    if (code_point < 0x80 || code_point >= invalid_byte) {
        out[0] = static_cast<uint8_t>(code_point);  // invalid_byte is a multiple of 256
        return 1;
    }
    const uint32_t length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (uint32_t i = length - 1; i > 0; --i) {
        out[i] = static_cast<uint8_t>(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = static_cast<uint8_t>((0xF00u >> length & 0xFF) | code_point);
    return length;
}

uint8_t range_value(const RangeTable &table, uint32_t code_point) {
    uint32_t low = 0, high = table.entries;  // the last entry at or before code_point
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (table.index[middle] <= code_point)
            low = middle;
        else
            high = middle;
    }
    const uint8_t *p = table.ranges + table.offset[low];
    const uint8_t *end = table.ranges + table.size;
    uint32_t position = table.index[low];
    while (p < end) {
        uint32_t numbers[2];  // gap, length * 2 + k
        for (uint32_t &number : numbers) {
            number = 0;
            for (uint32_t shift = 0;; shift += 7) {
                const uint8_t byte = *p++;
                number |= (byte & 0x7Fu) << shift;
                if (byte < 0x80) break;
            }
        }
        const uint8_t value = numbers[1] & 1 ? *p++ : table.common;
        position += numbers[0];
        if (code_point < position) return 0;
        position += numbers[1] >> 1;
        if (code_point < position) return value;
    }
    return 0;
}

#if ADDER_PRETOKENIZER
GeneralCategory general_category(uint32_t code_point) {
    constexpr uint32_t take_turns = 15;
    uint32_t low = 0, high = sizeof(general_index) / 4;  // the last entry at or before code_point
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        (general_index[middle] <= code_point ? low : high) = middle;
    }
    const uint8_t *p = general_runs + general_offset[low];
    const uint8_t *const end = general_runs + sizeof general_runs;
    uint32_t position = code_point - general_index[low];  // from the start of the run
    while (p < end) {
        uint32_t number = *p++;
        if (number >= 0x80) {
            number &= 0x7F;
            for (uint32_t shift = 7;; shift += 7) {
                const uint8_t byte = *p++;
                number |= (byte & 0x7Fu) << shift;
                if (byte < 0x80) break;
            }
        }
        if (position < number >> 4)
            return static_cast<GeneralCategory>((number & 15) == take_turns ? 1 + (position & 1)
                                                                            : number & 15);
        position -= number >> 4;
    }
    return GeneralCategory::none;
}
#endif

Category category_of(uint32_t code_point) {
    if (code_point < 0x80) {
        if ((code_point | 0x20) - 'a' < 26) return Category::letter;
        if (code_point - '0' < 10) return Category::number;
        return code_point == ' ' || code_point - '\t' < 5 ? Category::space : Category::other;
    }
#if ADDER_PRETOKENIZER
    switch (general_category(code_point)) {
    case GeneralCategory::Lu:
    case GeneralCategory::Ll:
    case GeneralCategory::Lt:
    case GeneralCategory::Lm:
    case GeneralCategory::Lo: return Category::letter;
    case GeneralCategory::Nd:
    case GeneralCategory::N: return Category::number;
    case GeneralCategory::Z: return Category::space;
    default: return Category::other;
    }
#else
    static constexpr RangeTable table = {category_ranges,         category_index,
                                         category_offset,         sizeof(category_index) / 4,
                                         sizeof(category_ranges), category_common};
    return static_cast<Category>(range_value(table, code_point));
#endif
}

namespace {

// Counts what would be written, and writes what fits: the caller commits only if all of it did.
struct Output {
    char *at;
    size_t capacity, count;
    void put(const uint8_t *bytes, size_t size) {
        if (size <= capacity && count <= capacity - size) memcpy(at + count, bytes, size);
        count += size;
    }
};

constexpr uint8_t replacement[3] = {0xEF, 0xBF, 0xBD};

}  // namespace

size_t utf8_stream(Utf8Stream *stream, const uint8_t *bytes, size_t size, char *out, size_t capacity) {
    Utf8Stream s = *stream;
    Output output = {out, capacity, 0};
    for (size_t i = 0; i < size;) {
        const uint8_t byte = bytes[i];
        uint8_t low, high;
        if (s.count == 0) {
            ++i;
            const uint32_t length = utf8_sequence(byte, &low, &high);
            if (length == 1)
                output.put(&byte, 1);
            else if (length == 0)
                output.put(replacement, 3);
            else
                s.pending[s.count++] = byte;
            continue;
        }
        const uint32_t length = utf8_sequence(s.pending[0], &low, &high);
        if (s.count > 1) {
            low = 0x80;
            high = 0xBF;
        }
        if (byte < low || byte > high) {  // what waited is invalid; this byte starts anew
            output.put(replacement, 3);
            s.count = 0;
            continue;
        }
        ++i;
        s.pending[s.count++] = byte;
        if (s.count == length) {
            output.put(s.pending, length);
            s.count = 0;
        }
    }
    if (output.count <= capacity) *stream = s;
    return output.count;
}

size_t utf8_stream_end(Utf8Stream *stream, char *out, size_t capacity) {
    if (stream->count == 0) return 0;
    Output output = {out, capacity, 0};
    output.put(replacement, 3);
    if (output.count <= capacity) stream->count = 0;
    return output.count;
}

}  // namespace adder

#endif  // ADDER_TOKENIZER
