// Byte-level BPE (GPT-2, GPT-NeoX) and longest match (RWKV's World vocabulary): text to token ids and back, read in place
// from a blob's tokenizer section.
// SPDX-License-Identifier: MIT
//
// The section's layout and the algorithm are described in docs/format.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "adder/config.h"
#include "runtime/unicode.h"

namespace adder {

enum class TokenizeStatus : uint8_t {
    ok,
    capacity,     // `ids` is too small: tokenize_capacity() always suffices
    no_token,     // the text holds a byte that the vocabulary has no token for (GPT-NeoX: C0, C1, F5..FF)
    damaged,      // the section is truncated or contradicts itself
    unsupported,  // a version or flag this build does not know, NFC in a build without it, or a misaligned
                  // section
};

// The bits of tokenize()'s flags.
constexpr uint32_t tokenize_special = 1;  // added tokens marked special are recognised in the text

// The section's format; all numbers little-endian, every part 4-byte aligned.
constexpr uint32_t tokenizer_version = 1;          // byte-level BPE
constexpr uint32_t tokenizer_version_longest = 2;  // at each place the longest token
constexpr uint32_t tokenizer_wide = 1;             // section flag: ids and ranks have 32 bits instead of 16
constexpr uint32_t tokenizer_nfc = 2;              // section flag: text is normalised to NFC
constexpr uint32_t tokenizer_prefix_space =
    4;  // section flag: a space is put before text that does not begin with one
constexpr uint32_t tokenizer_max_vocabulary = 1u << 20;
constexpr uint32_t tokenizer_max_merges = 1u << 22;
constexpr uint32_t tokenizer_max_bytes = 1u << 28;
constexpr uint32_t tokenizer_max_added_length = 255;    // bytes of an added token's text
constexpr uint32_t tokenizer_max_matched_length = 255;  // bytes of a token that longest match finds
constexpr uint32_t tokenizer_block = 64;                // tokens that share a base in the table of starts

struct TokenizerHeader {
    uint32_t version, flags;
    uint32_t tokens;            // ids are 0 .. tokens - 1
    uint32_t merges;            // entries of the merge tables; of longest match, tokens that it finds
    uint32_t bytes;             // of all tokens' texts together
    uint32_t added_raw;         // added tokens looked for in the raw text
    uint32_t added_normalized;  // added tokens looked for in the normalised text
    uint32_t size;              // of the section, all parts
};

struct AddedToken {
    uint32_t id;
    uint32_t flags;
};
constexpr uint32_t added_special = 1;  // recognised only if asked for
constexpr uint32_t added_lstrip = 2;   // takes the white space before it
constexpr uint32_t added_rstrip = 4;   // takes the white space after it

// Numbers of 16 or 32 bits, as the section's flag says.
struct IdTable {
    const void *data;
    bool wide;
    // Always inline: at -Os it would be a function that several objects define.
    [[gnu::always_inline]] uint32_t operator[](size_t i) const {
        return wide ? static_cast<const uint32_t *>(data)[i] : static_cast<const uint16_t *>(data)[i];
    }
};

// Added tokens of one kind, sorted by their texts' bytes, and which bytes those begin with.
struct AddedTokens {
    const AddedToken *tokens;
    const uint8_t *first_bytes;  // [32], a bit set
    uint32_t count;
};

// Pointers into a section; valid as long as that is, and never written after tokenizer_open.
struct Tokenizer {
    uint32_t flags, tokens, merges, bytes;
    const uint32_t *block_start;  // [tokens / 64 + 1], where in `text` each block of 64 tokens begins
    const uint16_t *start;        // [tokens + 1], from there
    const uint8_t *text;          // [bytes], all tokens' texts in order of id
    IdTable byte_id;              // [256], the token of a single byte, or all ones
    IdTable first_merge;          // [tokens + 1], where in the next three a left token's merges begin
    IdTable right, rank, merged;  // [merges], ascending by right within one left
    AddedTokens raw, normalized;
#if ADDER_WORLD_TOKENIZER
    // Longest match has these, and neither byte_id nor merges; null where it is BPE.
    IdTable order;  // [merges], tokens sorted by their texts' bytes
    IdTable first_match;  // [257], where in `order` those begin that begin with a byte: first of all that byte alone
#endif
};

#if ADDER_WORLD_TOKENIZER
inline bool takes_longest(const Tokenizer &tokenizer) { return tokenizer.order.data != nullptr; }

// The longest token that text[0 .. size) begins with, size > 0; the result is its bytes, at least 1. Binary searches in
// `order`, at most one for each shorter length, and six for any text with RWKV's vocabulary (docs/format.md).
size_t longest_match(const Tokenizer &tokenizer, const uint8_t *text, size_t size, uint32_t *token);
#endif

// Checks everything that memory safety and termination rest on, in O(size), and fills *tokenizer.
// `section` is 4-byte aligned; `size` may exceed what the section needs.
TokenizeStatus tokenizer_open(Tokenizer *tokenizer, const void *section, uint64_t size);

// The `capacity` that always suffices for `size` bytes of text. Words of up to 32 bytes (runs of letters,
// digits, punctuation or white space) need none of it but the room of their ids.
size_t tokenize_capacity(size_t size);

// Writes the ids of `size` bytes of text to ids[0 .. *count). `ids` beyond the result is used as scratch
// memory. On an error *count ids were written and are right as far as they go; the text was not read to its
// end.
TokenizeStatus tokenize(const Tokenizer *tokenizer, const char *text, size_t size, uint32_t flags,
                        int32_t *ids, size_t capacity, size_t *count);

// The bytes of a token, in place; they need not be whole UTF-8 sequences (see utf8_stream). `special` may be
// null. False if the id is outside the vocabulary.
bool token_bytes(const Tokenizer *tokenizer, int32_t id, const uint8_t **bytes, uint32_t *size, bool *special);

// The id of the added token whose text is name[0 .. size), or -1.
int32_t find_token(const Tokenizer *tokenizer, const char *name, size_t size);

}  // namespace adder
