// Walks the automata of a section's split.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER && ADDER_PRETOKENIZER

#include "runtime/pretokenizer.h"

#include <string.h>

#include "runtime/unicode.h"

namespace adder {

namespace {

uint32_t class_of(const SplitPass &pass, uint32_t code_point) {
    if (code_point < 128) return pass.unit()[code_point];
    const SplitInterval *const interval = pass.interval();
    uint32_t low = 0, high = pass.intervals;  // the last at or before code_point
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        (interval[middle].first <= code_point ? low : high) = middle;
    }
    return pass.row()[interval[low].row * split_row + static_cast<uint32_t>(general_category(code_point))];
}

// Finds the code points of symbols[from .. to) again, and gives them their classes in `pass`.
void classify(const SplitPass &pass, int32_t *symbols, size_t from, size_t to) {
    while (from < to) {
        uint8_t bytes[4];
        uint32_t size = 0, code_point;
        for (; size < 4 && from + size < to; ++size) bytes[size] = static_cast<uint8_t>(symbols[from + size]);
        size = utf8_read(bytes, bytes + size, &code_point);
        int32_t found[4];
        split_symbols(pass, code_point, found);
        found[0] |= symbols[from] & split_piece;
        for (uint32_t i = 0; i < size; ++i) symbols[from + i] = found[i];
        from += size;
    }
}

bool pass_valid(const SplitPass &pass, uint32_t bytes) {
    if (bytes < sizeof pass || pass.states == 0 || pass.states > split_max_states || pass.classes == 0 ||
        pass.classes > split_max_classes || (pass.rows == 0) != (pass.intervals == 0) || pass.size() > bytes)
        return false;
    const uint8_t *const classes_end = reinterpret_cast<const uint8_t *>(pass.interval());
    for (const uint8_t *at = pass.unit(); at != classes_end; ++at)
        if (*at >= pass.classes) return false;
    for (uint32_t i = 0; i < pass.intervals; ++i)
        if (pass.interval()[i].row >= pass.rows) return false;
    const uint16_t *entry = pass.next();
    for (uint32_t state = 0; state < pass.states; ++state) {
        for (uint32_t i = 0; i < pass.classes; ++i)
            if ((*entry++ & ~split_match) >= pass.states) return false;
        if ((*entry++ & ~split_match) != 0) return false;  // nothing comes after the end
    }
    return true;
}

}  // namespace

bool split_valid(const SplitHeader &header) {
    uint32_t left = header.bytes;
    const SplitPass *pass = header.pass();
    for (uint32_t i = 0; i < header.passes; ++i) {
        if (!pass_valid(*pass, left)) return false;
        left -= pass->size();
        pass = pass->following();
    }
    return left == 0;
}

uint32_t split_symbols(const SplitPass &pass, uint32_t code_point, int32_t symbols[4]) {
    uint8_t bytes[4];
    const uint32_t size = utf8_write(code_point, bytes);
    for (uint32_t i = 0; i < size; ++i) {
        symbols[i] = bytes[i];
        if (pass.rows == 0) symbols[i] |= split_unit | pass.unit()[bytes[i]] << split_class_shift;
    }
    if (pass.rows != 0)
        symbols[0] |= split_unit | static_cast<int32_t>(class_of(pass, code_point) << split_class_shift);
    return size;
}

void split_restart(SplitWalk *walk, size_t at) {
    walk->state = 0;
    walk->at = walk->from = walk->end = at;
}

SplitStep split_walk(SplitWalk *walk, const int32_t *symbols, size_t size, bool last) {
    const uint16_t *const next = walk->pass->next();
    const uint32_t classes = walk->pass->classes;
    for (;;) {
        uint32_t kind = classes;  // the end
        if (walk->at < size) {
            const int32_t symbol = symbols[walk->at];
            if ((symbol & split_unit) == 0) {
                ++walk->at;
                continue;
            }
            kind = static_cast<uint32_t>(symbol >> split_class_shift) & 0xFF;
        } else if (!last) {
            return SplitStep::more;
        }
        const uint32_t entry = next[walk->state * (classes + 1) + kind];
        if ((entry & split_match) != 0) walk->end = walk->at;
        walk->state = entry & ~split_match;
        if (walk->state != 0) {
            ++walk->at;
            continue;
        }
        if (walk->end > walk->from) return SplitStep::match;
        if (walk->from == size) return SplitStep::more;
        // Nothing begins here: the code point belongs to what lies between matches.
        if (walk->left < walk->at - walk->from) return SplitStep::damaged;
        walk->left -= walk->at - walk->from;
        size_t from = walk->from + 1;
        while (from < size && (symbols[from] & split_unit) == 0) ++from;
        split_restart(walk, from);
    }
}

bool split_further(const SplitHeader &header, int32_t *symbols, size_t size) {
    const SplitPass *pass = header.pass();
    for (uint32_t i = 1; i < header.passes; ++i) {
        pass = pass->following();
        for (size_t from = 0, to = 0; from < size; from = to) {
            do {
                ++to;
            } while (to < size && (symbols[to] & split_piece) == 0);
            classify(*pass, symbols, from, to);
            SplitWalk walk = {pass, 0, from, from, from, uint64_t{split_read_again} * (to - from)};
            SplitStep step;
            while ((step = split_walk(&walk, symbols, to, true)) == SplitStep::match) {
                const size_t again = walk.at - walk.end;
                if (walk.left < again) return false;
                walk.left -= again;
                symbols[walk.from] |= split_piece;
                if (walk.end < to) symbols[walk.end] |= split_piece;
                split_restart(&walk, walk.end);
            }
            if (step == SplitStep::damaged) return false;
        }
    }
    return true;
}

uint32_t split_whole(const Tokenizer &t, const int32_t *ids, size_t count) {
    uint32_t low = 0, high = t.split->whole;
    while (low < high) {
        const uint32_t middle = (low + high) / 2, id = t.split->whole_token()[middle];
        uint32_t left;  // of the token in `whole`
        const uint8_t *text = section_text(t, id, &left);
        int order = 0;  // of that to the word
        for (size_t i = 0; i < count; ++i) {
            uint32_t size;
            const uint8_t *const part = section_text(t, static_cast<uint32_t>(ids[i]), &size);
            order = memcmp(text, part, left < size ? left : size);
            if (order == 0 && left < size) order = -1;
            if (order != 0) break;
            text += size;
            left -= size;
        }
        if (order == 0 && left == 0) return id;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return tokenizer_none;
}

}  // namespace adder

#endif  // ADDER_TOKENIZER && ADDER_PRETOKENIZER
