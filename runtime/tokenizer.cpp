// Opening a tokenizer section, and looking tokens up in it.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER

#include "runtime/tokenizer.h"

#include <string.h>

#include "runtime/nfc.h"
#include "runtime/pretokenizer.h"
#include "runtime/sentencepiece.h"

namespace adder {

namespace {

uint32_t text_start(const Tokenizer &t, uint32_t i) {
    return t.block_start[i / tokenizer_block] + t.start[i];
}

// Hands out the section's parts one after another. The header's limits keep every size below 2^29.
struct SectionParts {
    const uint8_t *at;
    uint32_t left;
    bool wide, enough;
    const void *take(uint32_t size);
    void take_ids(IdTable *table, uint32_t count);
    void take_added(AddedTokens *added, uint32_t count);
};

const void *SectionParts::take(uint32_t size) {
    size = (size + 3) & ~3u;
    const uint8_t *part = at;
    enough = enough && size <= left;
    if (enough) {
        at += size;
        left -= size;
    }
    return part;
}

void SectionParts::take_ids(IdTable *table, uint32_t count) {
    table->data = take(wide ? count * 4 : count * 2);
    table->wide = wide;
}

void SectionParts::take_added(AddedTokens *added, uint32_t count) {
    added->count = count;
    added->first_bytes = static_cast<const uint8_t *>(take(32));
    added->tokens = static_cast<const AddedToken *>(take(count * uint32_t{sizeof(AddedToken)}));
}

// Of tokens, and behind them the spellings.
uint32_t text_count(const Tokenizer &t) {
#if ADDER_SENTENCEPIECE
    return t.tokens + (takes_characters(t) ? t.characters->spellings : 0);
#else
    return t.tokens;
#endif
}

bool texts_valid(const Tokenizer &t, uint32_t count) {
    uint32_t position = 0;
    for (uint32_t i = 0; i <= count; ++i) {
        const uint32_t base = t.block_start[i / tokenizer_block];
        if (base > t.bytes) return false;
        const uint32_t next = base + t.start[i];
        if (next < position || next > t.bytes || (i == 0 && next != 0)) return false;
        position = next;
    }
    return position == t.bytes;
}

bool merges_valid(const Tokenizer &t) {
    uint32_t position = t.first_merge[0];
    if (position != 0) return false;
    for (uint32_t left = 0; left < t.tokens; ++left) {
        const uint32_t end = t.first_merge[left + 1];
        if (end < position || end > t.merges) return false;
        for (uint32_t least = 0; position < end; ++position) {  // ascending by right
            const uint32_t right = t.right[position];
            if (right < least || right >= t.tokens || t.merged[position] >= t.tokens ||
                t.rank[position] >= tokenizer_max_merges)
                return false;
            least = right + 1;
        }
    }
    return position == t.merges;
}

bool bytes_valid(const Tokenizer &t) {
    const uint32_t none = t.byte_id.wide ? 0xFFFFFFFFu : 0xFFFFu;
    for (uint32_t i = 0; i < 256; ++i) {
        const uint32_t id = t.byte_id[i];
        if (id >= t.tokens && id != none) return false;
    }
    return true;
}

#if ADDER_WORLD_TOKENIZER
// Strictly ascending, and each byte has a token, which is the first of those that begin with it: then all between do, and
// any text is made of tokens.
bool order_valid(const Tokenizer &t) {
    const uint8_t *previous = nullptr;
    uint32_t previous_size = 0, byte = 0;
    for (uint32_t i = 0; i < t.merges; ++i) {
        if (t.order[i] >= t.tokens) return false;
        const uint8_t *text = t.text + text_start(t, t.order[i]);
        const uint32_t size = text_start(t, t.order[i] + 1) - text_start(t, t.order[i]);
        if (size == 0 || size > tokenizer_max_matched_length) return false;
        if (i > 0) {
            const int order = memcmp(previous, text, size < previous_size ? size : previous_size);
            if (order > 0 || (order == 0 && previous_size >= size)) return false;
        }
        if (byte < 256 && t.first_match[byte] == i) {
            if (size != 1 || *text != byte) return false;
            ++byte;
        }
        previous = text;
        previous_size = size;
    }
    return byte == 256 && t.first_match[256] == t.merges;
}
#endif

bool added_valid(const Tokenizer &t, const AddedTokens &added, uint32_t texts) {
    const uint8_t *previous = nullptr;
    uint32_t previous_size = 0;
    for (uint32_t i = 0; i < added.count; ++i) {
        const AddedToken &token = added.tokens[i];
        if (token.id >= texts || (token.flags & ~(added_special | added_lstrip | added_rstrip)) != 0)
            return false;
        const uint8_t *text = t.text + text_start(t, token.id);
        const uint32_t size = text_start(t, token.id + 1) - text_start(t, token.id);
        if (size == 0 || size > tokenizer_max_added_length) return false;
        if (i > 0) {  // strictly ascending: the matcher searches by bytes
            const int order = memcmp(previous, text, size < previous_size ? size : previous_size);
            if (order > 0 || (order == 0 && previous_size >= size)) return false;
        }
        previous = text;
        previous_size = size;
    }
    return true;
}

#if ADDER_PRETOKENIZER
// Strictly ascending: the search goes by bytes.
bool whole_valid(const Tokenizer &t) {
    const uint8_t *previous = nullptr;
    uint32_t previous_size = 0;
    for (uint32_t i = 0; i < t.split->whole; ++i) {
        const uint32_t id = t.split->whole_token()[i];
        if (id >= t.tokens) return false;
        const uint8_t *text = t.text + text_start(t, id);
        const uint32_t size = text_start(t, id + 1) - text_start(t, id);
        if (i > 0) {
            const int order = memcmp(previous, text, size < previous_size ? size : previous_size);
            if (order > 0 || (order == 0 && previous_size >= size)) return false;
        }
        previous = text;
        previous_size = size;
    }
    return true;
}
#endif

// The tables that text between added tokens is encoded with.
bool words_valid(const Tokenizer &t) {
#if ADDER_WORLD_TOKENIZER
    if (takes_longest(t)) return t.normalized.count == 0 && order_valid(t);
#endif
#if ADDER_PRETOKENIZER
    if (takes_split(t) && !whole_valid(t)) return false;
#endif
    return merges_valid(t) && bytes_valid(t);
}

bool is_special(const Tokenizer &t, uint32_t id) {
    for (const AddedTokens *added = &t.raw;; added = &t.normalized) {
        for (uint32_t i = 0; i < added->count; ++i)
            if (added_id(t, added->tokens[i]) == id && (added->tokens[i].flags & added_special) != 0)
                return true;
        if (added == &t.normalized) return false;
    }
}

}  // namespace

TokenizeStatus tokenizer_open(Tokenizer *tokenizer, const void *section, uint64_t size) {
    Tokenizer &t = *tokenizer;
    memset(&t, 0, sizeof t);
    if (size < sizeof(TokenizerHeader)) return TokenizeStatus::damaged;
    if (reinterpret_cast<uintptr_t>(section) % 4 != 0) return TokenizeStatus::unsupported;
    const TokenizerHeader &header = *static_cast<const TokenizerHeader *>(section);
    const bool longest = ADDER_WORLD_TOKENIZER && header.version == tokenizer_version_longest;
    const bool characters = ADDER_SENTENCEPIECE && header.version == tokenizer_version_characters;
    const bool split = ADDER_PRETOKENIZER && header.version == tokenizer_version_split;
    const uint32_t flags = longest      ? tokenizer_wide
                           : characters ? character_flags
                                        : tokenizer_wide | tokenizer_nfc | tokenizer_prefix_space;
    if ((!longest && !characters && !split && header.version != tokenizer_version) ||
        (header.flags & ~flags) != 0)
        return TokenizeStatus::unsupported;
    if ((header.flags & tokenizer_nfc) != 0 && !nfc_available()) return TokenizeStatus::unsupported;
    if (header.size > size || header.size < sizeof header || header.tokens > tokenizer_max_vocabulary ||
        header.merges > tokenizer_max_merges || header.bytes > tokenizer_max_bytes ||
        header.added_raw > header.tokens || header.added_normalized > header.tokens)
        return TokenizeStatus::damaged;

    SectionParts parts = {static_cast<const uint8_t *>(section) + sizeof header,
                          header.size - static_cast<uint32_t>(sizeof header),
                          (header.flags & tokenizer_wide) != 0, true};
#if ADDER_SENTENCEPIECE
    if (characters) {
        const CharactersHeader *const more = static_cast<const CharactersHeader *>(parts.take(sizeof *more));
        if (!parts.enough ||
            ((more->characters | more->spellings) >> 20 | more->reserved[0] | more->reserved[1] |
             more->reserved[2]) != 0 ||
            more->adjacent_bits - tokenizer_min_adjacent_bits >
                tokenizer_max_adjacent_bits - tokenizer_min_adjacent_bits)
            return TokenizeStatus::damaged;
        parts.take(more->characters * uint32_t{sizeof(CharacterToken)} + more->spellings * 4 +
                   (1u << (more->adjacent_bits - 3)));
        t.characters = more;
    }
#endif
#if ADDER_PRETOKENIZER
    if (split) {
        const SplitHeader *const more = static_cast<const SplitHeader *>(parts.take(sizeof *more));
        if (!parts.enough || more->passes - 1 >= split_max_passes || more->whole > header.tokens ||
            (more->begin >= header.tokens && more->begin != tokenizer_none) ||
            (more->reserved[0] | more->reserved[1] | more->reserved[2] | more->reserved[3]) != 0)
            return TokenizeStatus::damaged;
        parts.take(more->whole * 4);
        if (!parts.enough || more->bytes > parts.left || !split_valid(*more)) return TokenizeStatus::damaged;
        parts.take(more->bytes);
        t.split = more;
    }
#endif
    if (ADDER_SENTENCEPIECE || ADDER_PRETOKENIZER)  // else nobody asks
        t.version = static_cast<uint16_t>(header.version);
    t.flags = static_cast<uint16_t>(header.flags);
    t.tokens = header.tokens;
    t.merges = header.merges;
    t.bytes = header.bytes;
    const uint32_t texts = text_count(t);
    t.block_start = static_cast<const uint32_t *>(parts.take((texts / tokenizer_block + 1) * 4));
    t.start = static_cast<const uint16_t *>(parts.take((texts + 1) * 2));
    if (longest) {
#if ADDER_WORLD_TOKENIZER
        parts.take_ids(&t.first_match, 257);
        parts.take_ids(&t.order, header.merges);
#endif
    } else {
        parts.take_ids(&t.byte_id, 256);
        parts.take_ids(&t.first_merge, header.tokens + 1);
        parts.take_ids(&t.right, header.merges);
        parts.take_ids(&t.rank, header.merges);
        parts.take_ids(&t.merged, header.merges);
    }
    parts.take_added(&t.raw, header.added_raw);
    parts.take_added(&t.normalized, header.added_normalized);
    t.text = static_cast<const uint8_t *>(parts.take(header.bytes));
    if (!parts.enough || parts.left != 0 || !texts_valid(t, texts) || !words_valid(t) ||
        !added_valid(t, t.raw, texts) || !added_valid(t, t.normalized, texts)) {
        memset(&t, 0, sizeof t);
        return TokenizeStatus::damaged;
    }
    return TokenizeStatus::ok;
}

#if ADDER_WORLD_TOKENIZER
// The last token in the order of bytes that is not behind the text is the longest match, or shares fewer bytes with it than it
// has; then so does the match, and the text need not be longer than that.
size_t longest_match(const Tokenizer &tokenizer, const uint8_t *text, size_t size, uint32_t *token) {
    const Tokenizer &t = tokenizer;
    const uint32_t first = t.first_match[*text];
    uint32_t high = t.first_match[*text + 1u];
    uint32_t left =
        size < tokenizer_max_matched_length ? static_cast<uint32_t>(size) : tokenizer_max_matched_length;
    for (;;) {
        // order[low] is not behind the text, order[high] is; all between share with it what both of these do.
        uint32_t low = first, shared_low = 1, shared_high = 1;
        for (uint32_t end = high; end - low > 1;) {
            const uint32_t middle = low + (end - low) / 2, id = t.order[middle];
            const uint8_t *const candidate = t.text + text_start(t, id);
            const uint32_t length = text_start(t, id + 1) - text_start(t, id);
            uint32_t shared = shared_low < shared_high ? shared_low : shared_high;
            while (shared < length && shared < left && candidate[shared] == text[shared]) ++shared;
            if (shared == length || (shared < left && candidate[shared] < text[shared])) {
                low = middle;
                shared_low = shared;
            } else {
                end = middle;
                shared_high = shared;
            }
        }
        *token = t.order[low];
        if (text_start(t, *token + 1) - text_start(t, *token) == shared_low) return shared_low;
        left = shared_low;
        high = low;
    }
}
#endif

const uint8_t *section_text(const Tokenizer &t, uint32_t i, uint32_t *size) {
    const uint32_t start = text_start(t, i);
    *size = text_start(t, i + 1) - start;
    return t.text + start;
}

#if ADDER_SENTENCEPIECE || ADDER_PRETOKENIZER
uint32_t begin_token(const Tokenizer &t) {
#if ADDER_SENTENCEPIECE
    if (takes_characters(t)) return t.characters->begin;
#endif
#if ADDER_PRETOKENIZER
    if (takes_split(t)) return t.split->begin;
#endif
    return tokenizer_none;
}
#endif

uint32_t added_id(const Tokenizer &t, const AddedToken &token) {
#if ADDER_SENTENCEPIECE
    if (token.id >= t.tokens) {
        const uint32_t id = t.characters->spelling()[token.id - t.tokens];
        return id < t.tokens ? id : tokenizer_none;
    }
#endif
    (void)t;
    return token.id;
}

bool token_bytes(const Tokenizer *tokenizer, int32_t id, const uint8_t **bytes, uint32_t *size, bool *special) {
    const Tokenizer &t = *tokenizer;
    if (id < 0 || static_cast<uint32_t>(id) >= t.tokens) return false;
    const uint32_t index = static_cast<uint32_t>(id);
    *bytes = section_text(t, index, size);
    if (special) *special = is_special(t, index);
    return true;
}

int32_t find_token(const Tokenizer *tokenizer, const char *name, size_t size) {
    const Tokenizer &t = *tokenizer;
    for (const AddedTokens *added = &t.raw;; added = &t.normalized) {
        for (uint32_t i = 0; i < added->count; ++i) {
            const uint32_t id = added->tokens[i].id, start = text_start(t, id);
            if (text_start(t, id + 1) - start == size && memcmp(t.text + start, name, size) == 0)
                return static_cast<int32_t>(added_id(t, added->tokens[i]));
        }
        if (added == &t.normalized) return -1;
    }
}

}  // namespace adder

#endif  // ADDER_TOKENIZER
