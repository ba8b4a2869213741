// NFC: canonical decomposition, ordering and composition (UAX #15; Unicode Standard, sections 3.11 and 3.12).
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER

#include "runtime/nfc.h"

#include "runtime/sentencepiece.h"
#include "runtime/unicode.h"

#if ADDER_NFC
#include "runtime/unicode_tables.h"
#endif

namespace adder {

#if !ADDER_NFC

bool nfc_available() { return false; }

bool CodePointReader::next(uint32_t *code_point) {
#if ADDER_SENTENCEPIECE
    if (spaces != 0) return next_spaced(this, code_point);
#endif
    if (at == end) return false;
    at += utf8_read(at, end, code_point);
    return true;
}

#else

namespace {

// Hangul syllables are composed by arithmetic (Unicode Standard, 3.12).
constexpr uint32_t s_base = 0xAC00, l_base = 0x1100, v_base = 0x1161, t_base = 0x11A7;
constexpr uint32_t l_count = 19, v_count = 21, t_count = 28, s_count = l_count * v_count * t_count;

constexpr uint32_t max_decomposition = 4;  // code points of the longest full decomposition
constexpr uint32_t cjk_bmp = 0xFADA - 0xF900, cjk_count = sizeof(cjk_low) / 2;
constexpr uint32_t plane1_excluded = 0xD000;

// The row of `table` (`rows` rows of `width`, sorted by their first number) that begins with key, or null.
const uint16_t *find_row(const uint16_t *table, uint32_t rows, uint32_t width, uint32_t key) {
    uint32_t low = 0, high = rows;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        const uint16_t *row = table + middle * width;
        if (*row == key) return row;
        if (*row < key)
            low = middle + 1;
        else
            high = middle;
    }
    return nullptr;
}

template <uint32_t width, size_t size>
const uint16_t *find_in(const uint16_t (&table)[size], uint32_t key) {
    return find_row(table, size / width, width, key);
}

uint8_t combining(uint32_t code_point) {
    if (code_point < 0x300) return 0;
    static constexpr RangeTable table = {combining_ranges,         combining_index,
                                         combining_offset,         sizeof(combining_index) / 4,
                                         sizeof(combining_ranges), combining_common};
    return range_value(table, code_point);
}

constexpr uint8_t class_joins = 255;

uint8_t combining_class(uint32_t code_point) {
    const uint8_t value = combining(code_point);
    return value == class_joins ? 0 : value;
}

// The one-step decompositions that NFC never composes again: 0, 1 or 2 code points.
uint32_t decompose_for_good(uint32_t code_point, uint32_t out[2]) {
    const uint16_t *row = nullptr;
    uint32_t plane = 0;
    if (code_point < 0x10000) {
        if ((row = find_in<2>(singletons, code_point)) != nullptr) {
            out[0] = row[1];
            return 1;
        }
        row = find_in<3>(excluded_pairs, code_point);
    } else if (code_point >> 16 == 1 && (code_point & 0xFFFF) >= plane1_excluded) {
        plane = 0x10000;
        row = find_in<3>(plane1_pairs, code_point & 0xFFFF);
    }
    if (row) {
        out[0] = plane + row[1];
        out[1] = plane + row[2];
        return 2;
    }
    uint32_t slot = code_point - 0xF900;
    if (slot >= cjk_bmp)
        slot = code_point - 0x2F800 < cjk_count - cjk_bmp ? code_point - 0x2F800 + cjk_bmp : cjk_count;
    if (slot < cjk_count && cjk_low[slot] != 0) {
        out[0] = cjk_low[slot] + (cjk_plane2[slot / 8] >> slot % 8 & 1 ? 0x20000u : 0);
        return 1;
    }
    return 0;
}

// The primary composites' decompositions: rarely needed, so their table is sorted for composition and
// searched through.
bool decompose_composite(uint32_t code_point, uint32_t out[2]) {
    if (code_point >> 16 == 1 && (code_point & 0xFFFF) < plane1_excluded) {
        const uint16_t *row = find_in<3>(plane1_pairs, code_point & 0xFFFF);
        if (row) {
            out[0] = 0x10000u + row[1];
            out[1] = 0x10000u + row[2];
        }
        return row != nullptr;
    }
    constexpr uint32_t pairs = sizeof(compose_result) / 2;
    for (uint32_t i = 0, group = 0; i < pairs; ++i) {
        if (compose_result[i] != code_point) continue;
        while (compose_start[group + 1] <= i) ++group;
        out[0] = compose_first[i];
        out[1] = compose_second[group];
        return true;
    }
    return false;
}

// The composite of two code points, or 0.
uint32_t compose(uint32_t first, uint32_t second) {
    if (first - l_base < l_count && second - v_base < v_count)
        return s_base + ((first - l_base) * v_count + (second - v_base)) * t_count;
    if (first - s_base < s_count && (first - s_base) % t_count == 0 && second - t_base - 1 < t_count - 1)
        return first + (second - t_base);
    if (first >> 16 == 1 && second >> 16 == 1) {
        for (uint32_t i = 0; plane1_pairs[i] < plane1_excluded; i += 3)
            if (plane1_pairs[i + 1] == (first & 0xFFFF) && plane1_pairs[i + 2] == (second & 0xFFFF))
                return 0x10000u + plane1_pairs[i];
        return 0;
    }
    const uint16_t *group = find_in<1>(compose_second, second);
    if (!group) return 0;
    const uint32_t low = compose_start[group - compose_second],
                   high = compose_start[group - compose_second + 1];
    const uint16_t *row = find_row(compose_first + low, high - low, 1, first);
    return row ? compose_result[row - compose_first] : 0;
}

// Appends the full decomposition of code_point to `queue`, which has room for it; the result is the new
// count.
uint32_t decompose(uint32_t code_point, uint32_t *queue, uint32_t count) {
    if (code_point - s_base < s_count) {
        const uint32_t s = code_point - s_base;
        queue[count++] = l_base + s / (v_count * t_count);
        queue[count++] = v_base + s / t_count % v_count;
        if (s % t_count != 0) queue[count++] = t_base + s % t_count;
        return count;
    }
    uint32_t seconds[max_decomposition], depth = 0, parts[2];
    for (;;) {  // only first parts decompose further
        const uint32_t n = code_point < 0xC0 ? 0 : decompose_for_good(code_point, parts);
        if (n == 2 || (n == 0 && code_point >= 0xC0 && decompose_composite(code_point, parts)))
            seconds[depth++] = parts[1];
        else if (n == 0)
            break;
        code_point = parts[0];
    }
    queue[count++] = code_point;
    while (depth > 0) queue[count++] = seconds[--depth];
    return count;
}

void order(uint32_t *queue, uint32_t count) {
    for (uint32_t i = 1; i < count; ++i) {
        const uint32_t code_point = queue[i];
        const uint8_t value = combining_class(code_point);
        uint32_t k = i;
        while (value != 0 && k > 0 && combining_class(queue[k - 1]) > value) {
            queue[k] = queue[k - 1];
            --k;
        }
        queue[k] = code_point;
    }
}

uint32_t compose_all(uint32_t *queue, uint32_t count) {
    uint32_t kept = 0, starter = 0;
    bool has_starter = false;
    uint8_t last_class = 0;  // of the last code point kept after the starter; 0: none was
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t code_point = queue[i];
        const uint8_t value = combining_class(code_point);
        // Blocked: something stands between that has class 0 or at least this one's.
        const bool adjacent = has_starter && kept == starter + 1;
        if (has_starter && (adjacent || (last_class != 0 && last_class < value))) {
            const uint32_t composite = compose(queue[starter], code_point);
            if (composite != 0) {
                queue[starter] = composite;
                continue;
            }
        }
        if (value == 0) {
            starter = kept;
            has_starter = true;
        }
        last_class = value;
        queue[kept++] = code_point;
    }
    return kept;
}

}  // namespace

bool nfc_available() { return true; }

bool nfc_stays(uint32_t code_point) {
    uint32_t parts[2];
    return code_point < 0x300 || code_point >= invalid_byte || decompose_for_good(code_point, parts) == 0;
}

bool nfc_joins(uint32_t code_point) { return code_point >= 0x300 && combining(code_point) != 0; }

void nfc_segment(CodePointReader *reader, uint32_t code_point) {
    uint32_t count = decompose(code_point, reader->queue, 0);
    while (reader->at != reader->end && count + max_decomposition <= CodePointReader::queue_size) {
        const uint32_t length = utf8_read(reader->at, reader->end, &code_point);
        if (!nfc_joins(code_point)) break;
        count = decompose(code_point, reader->queue, count);
        reader->at += length;
    }
    order(reader->queue, count);
    reader->first = 0;
    reader->count = static_cast<uint8_t>(compose_all(reader->queue, count));
}

bool CodePointReader::next(uint32_t *code_point) {
#if ADDER_SENTENCEPIECE
    if (spaces != 0) return next_spaced(this, code_point);
#endif
    if (first == count) {
        if (at == end) return false;
        at += utf8_read(at, end, code_point);
        // Bytes below CC begin no code point from U+0300 on, and none below U+0300 changes or joins.
        if (!nfc || (*code_point < 0x300 && (at == end || *at < 0xCC))) return true;
        uint32_t following;
        if (nfc_stays(*code_point) && (at == end || (utf8_read(at, end, &following), !nfc_joins(following))))
            return true;
        nfc_segment(this, *code_point);
    }
    *code_point = queue[first++];
    return true;
}

#endif

}  // namespace adder

#endif  // ADDER_TOKENIZER
