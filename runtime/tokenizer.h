// Byte-level BPE (GPT-2, GPT-NeoX, Llama 3, Qwen), longest match (RWKV's World vocabulary) and BPE over characters (SentencePiece): text to
// token ids and back, read in place from a blob's tokenizer section.
// SPDX-License-Identifier: MIT
//
// The section's layout and the algorithm are described in docs/format.md.
#pragma once

#include <stddef.h>
#include <stdint.h>

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
constexpr uint32_t tokenize_begin = 2;  // the token that begins every text, if there is one, is put in front

// The section's format; all numbers little-endian, every part 4-byte aligned.
constexpr uint32_t tokenizer_version = 1;             // byte-level BPE
constexpr uint32_t tokenizer_version_longest = 2;     // at each place the longest token
constexpr uint32_t tokenizer_version_characters = 3;  // BPE over characters
constexpr uint32_t tokenizer_version_split = 4;       // byte-level BPE with a split of its own
constexpr uint32_t tokenizer_wide = 1;  // section flag: ids and ranks have 32 bits instead of 16
constexpr uint32_t tokenizer_nfc = 2;   // section flag: text is normalised to NFC
constexpr uint32_t tokenizer_prefix_space =
    4;  // section flag: a space is put before text that does not begin with one
// Section flags of BPE over characters alone. Text between added tokens looked for in the raw text is a piece.
constexpr uint32_t tokenizer_prefix_always = 8;  // a space is put before each piece
constexpr uint32_t tokenizer_prefix_first = 16;  // tokenizer_prefix_space at the text's start alone
constexpr uint32_t tokenizer_squeeze = 32;       // no spaces at a piece's ends, one for several between
constexpr uint32_t tokenizer_fuse_unknown = 64;  // unknown tokens in a row are one
constexpr uint32_t tokenizer_strip_space = 128;  // of a text made from ids the space that it begins with goes
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

// Follows a TokenizerHeader of tokenizer_version_characters; its tables follow it, in the order of its functions.
struct CharacterToken {
    uint32_t code_point;  // U+0020 stands for U+2581
    uint32_t id;
};
struct CharactersHeader {
    uint32_t characters;     // tokens of one character
    uint32_t spellings;      // texts of added tokens in the source that are not their texts
    uint32_t unknown;        // the token of what has no other, or all ones
    uint32_t begin;          // the token that begins every text, or all ones
    uint32_t adjacent_bits;  // log2 of the bits of `adjacent`
    uint32_t reserved[3];

    // [characters], ascending by code point
    const CharacterToken *character() const { return reinterpret_cast<const CharacterToken *>(this + 1); }
    // [spellings], the token that text `tokens` + i is the spelling of
    const uint32_t *spelling() const { return reinterpret_cast<const uint32_t *>(character() + characters); }
    // a bit for each hash of two characters' tokens that a merge may join
    const uint32_t *adjacent() const { return spelling() + spellings; }
};
constexpr uint32_t tokenizer_none = 0xFFFFFFFFu;
constexpr uint32_t tokenizer_min_adjacent_bits = 5, tokenizer_max_adjacent_bits = 27;

struct AddedToken {
    uint32_t id;  // or the number of its spelling, above all ids
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

struct SplitHeader;  // runtime/pretokenizer.h

// Pointers into a section; valid as long as that is, and never written after tokenizer_open.
struct Tokenizer {
    uint16_t version, flags;
    uint32_t tokens, merges, bytes;
    const uint32_t *block_start;  // [tokens / 64 + 1], where in `text` each block of 64 tokens begins
    const uint16_t *start;        // [tokens + 1], from there
    const uint8_t *text;          // [bytes], all tokens' texts in order of id
    IdTable byte_id;              // [256], the token of a single byte, or all ones
    IdTable first_merge;          // [tokens + 1], where in the next three a left token's merges begin
    IdTable right, rank, merged;  // [merges], ascending by right within one left
    AddedTokens raw, normalized;
    union {                                  // by the version, of
        const CharactersHeader *characters;  // tokenizer_version_characters
        const SplitHeader *split;            // tokenizer_version_split
    };
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

// What follows is about BPE over characters; without ADDER_SENTENCEPIECE nothing is.
#if ADDER_SENTENCEPIECE
inline bool takes_characters(const Tokenizer &tokenizer) {
    return tokenizer.version == tokenizer_version_characters;
}
#else
inline bool takes_characters(const Tokenizer &) { return false; }
#endif

#if ADDER_PRETOKENIZER
inline bool takes_split(const Tokenizer &tokenizer) { return tokenizer.version == tokenizer_version_split; }
#else
inline bool takes_split(const Tokenizer &) { return false; }
#endif

// The token that begins every text, or all ones.
#if ADDER_SENTENCEPIECE || ADDER_PRETOKENIZER
uint32_t begin_token(const Tokenizer &tokenizer);
#else
inline uint32_t begin_token(const Tokenizer &) { return tokenizer_none; }
#endif

// The id of an added token, which may be listed by its spelling.
uint32_t added_id(const Tokenizer &tokenizer, const AddedToken &token);

// Text i of the section, of a token or a spelling; i is known to be one.
const uint8_t *section_text(const Tokenizer &tokenizer, uint32_t i, uint32_t *size);

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
