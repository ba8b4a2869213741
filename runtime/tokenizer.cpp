// Opening a tokenizer section, and looking tokens up in it.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER

#include "runtime/tokenizer.h"

#include <cstring>

#include "runtime/nfc.h"

namespace adder {

namespace {

uint32_t text_start(const Tokenizer &t, uint32_t i) {
    return t.block_start[i / tokenizer_block] + t.start[i];
}

// Hands out the section's parts one after another. The header's limits keep every size below 2^29.
struct SectionParts {
    const uint8_t *at;
    uint32_t left;
    bool enough;
    const void *take(uint32_t size);
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

bool texts_valid(const Tokenizer &t) {
    uint32_t position = 0;
    for (uint32_t i = 0; i <= t.tokens; ++i) {
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

bool added_valid(const Tokenizer &t, const AddedTokens &added) {
    const uint8_t *previous = nullptr;
    uint32_t previous_size = 0;
    for (uint32_t i = 0; i < added.count; ++i) {
        const AddedToken &token = added.tokens[i];
        if (token.id >= t.tokens || (token.flags & ~(added_special | added_lstrip | added_rstrip)) != 0)
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

bool lists_special(const AddedTokens &added, uint32_t id) {
    for (uint32_t i = 0; i < added.count; ++i)
        if (added.tokens[i].id == id && (added.tokens[i].flags & added_special) != 0) return true;
    return false;
}

int32_t find_added(const Tokenizer &t, const AddedTokens &added, const char *name, size_t size) {
    for (uint32_t i = 0; i < added.count; ++i) {
        const uint32_t id = added.tokens[i].id, start = text_start(t, id);
        if (text_start(t, id + 1) - start == size && memcmp(t.text + start, name, size) == 0)
            return static_cast<int32_t>(id);
    }
    return -1;
}

}  // namespace

TokenizeStatus tokenizer_open(Tokenizer *tokenizer, const void *section, uint64_t size) {
    Tokenizer &t = *tokenizer;
    memset(&t, 0, sizeof t);
    TokenizerHeader header;
    if (size < sizeof header) return TokenizeStatus::damaged;
    if (reinterpret_cast<uintptr_t>(section) % 4 != 0) return TokenizeStatus::unsupported;
    memcpy(&header, section, sizeof header);
    if (header.version != tokenizer_version ||
        (header.flags & ~(tokenizer_wide | tokenizer_nfc | tokenizer_prefix_space)) != 0)
        return TokenizeStatus::unsupported;
    if ((header.flags & tokenizer_nfc) != 0 && !nfc_available()) return TokenizeStatus::unsupported;
    if (header.size > size || header.size < sizeof header || header.tokens > tokenizer_max_vocabulary ||
        header.merges > tokenizer_max_merges || header.bytes > tokenizer_max_bytes ||
        header.added_raw > header.tokens || header.added_normalized > header.tokens)
        return TokenizeStatus::damaged;

    const bool wide = (header.flags & tokenizer_wide) != 0;
    const uint32_t id_size = wide ? 4 : 2;
    SectionParts parts = {static_cast<const uint8_t *>(section) + sizeof header,
                          header.size - static_cast<uint32_t>(sizeof header), true};
    t.flags = header.flags;
    t.tokens = header.tokens;
    t.merges = header.merges;
    t.bytes = header.bytes;
    t.block_start = static_cast<const uint32_t *>(parts.take((header.tokens / tokenizer_block + 1) * 4));
    t.start = static_cast<const uint16_t *>(parts.take((header.tokens + 1) * 2));
    t.byte_id = {parts.take(256 * id_size), wide};
    t.first_merge = {parts.take((header.tokens + 1) * id_size), wide};
    t.right = {parts.take(header.merges * id_size), wide};
    t.rank = {parts.take(header.merges * id_size), wide};
    t.merged = {parts.take(header.merges * id_size), wide};
    AddedTokens *groups[2] = {&t.raw, &t.normalized};
    for (uint32_t i = 0; i < 2; ++i) {
        groups[i]->count = i == 0 ? header.added_raw : header.added_normalized;
        groups[i]->first_bytes = static_cast<const uint8_t *>(parts.take(32));
        groups[i]->tokens = static_cast<const AddedToken *>(parts.take(groups[i]->count * 8));
    }
    t.text = static_cast<const uint8_t *>(parts.take(header.bytes));
    if (!parts.enough || parts.left != 0 || !texts_valid(t) || !merges_valid(t) || !bytes_valid(t) ||
        !added_valid(t, t.raw) || !added_valid(t, t.normalized)) {
        memset(&t, 0, sizeof t);
        return TokenizeStatus::damaged;
    }
    return TokenizeStatus::ok;
}

bool token_bytes(const Tokenizer *tokenizer, int32_t id, const uint8_t **bytes, uint32_t *size, bool *special) {
    const Tokenizer &t = *tokenizer;
    if (id < 0 || static_cast<uint32_t>(id) >= t.tokens) return false;
    const uint32_t index = static_cast<uint32_t>(id);
    const uint32_t start = text_start(t, index);
    *bytes = t.text + start;
    *size = text_start(t, index + 1) - start;
    if (special) {
        *special = lists_special(t.raw, index) || lists_special(t.normalized, index);
    }
    return true;
}

int32_t find_token(const Tokenizer *tokenizer, const char *name, size_t size) {
    const int32_t id = find_added(*tokenizer, tokenizer->raw, name, size);
    return id >= 0 ? id : find_added(*tokenizer, tokenizer->normalized, name, size);
}

}  // namespace adder

#endif  // ADDER_TOKENIZER
